using Verify.Node.Seam;

namespace Verify.Sim.Scheduling;

/// <summary>A recorded schedule with changes: some choices of its beginning are others, and from a point on everything is drawn. Where what is asked for is not what
/// was recorded, the recorded value counts modulo the number of possibilities.</summary>
public sealed class MutatedChoices : IChoiceSource
{
    private readonly IReadOnlyList<Choice> _parent;
    private readonly Dice _dice;
    private readonly int _kept;
    private readonly int[] _changed;
    private int _at;
    private int _next;

    public MutatedChoices(IReadOnlyList<Choice> parent, Dice dice, int kept, int changes)
    {
        ArgumentNullException.ThrowIfNull(parent);
        ArgumentNullException.ThrowIfNull(dice);
        (_parent, _dice, _kept) = (parent, dice, Math.Min(kept, parent.Count));
        _changed = new int[_kept == 0 ? 0 : changes];
        for (var i = 0; i < _changed.Length; i++) _changed[i] = dice.Next(_kept);
        Array.Sort(_changed);
    }

    public int Next(ChoiceKind kind, int n)
    {
        if (n <= 1) return 0;
        var at = _at++;
        var isChanged = false;
        for (; _next < _changed.Length && _changed[_next] <= at; _next++) isChanged |= _changed[_next] == at;
        return at >= _kept || isChanged ? _dice.Next(n) : _parent[at].Value % n;
    }
}

/// <summary>Coverage-guided exploration (after P's feedback strategies and AFL's queue): a schedule that showed patterns of the timeline which none before had shown is kept, and later schedules
/// are mutations of those kept. Everything follows from the first seed and the number of the schedule, so that a finding is repeated by
/// playing its session from the beginning.</summary>
public sealed class Feedback
{
    private const int FreshPercent = 30;
    private const int KeptMax = 512;
    private readonly List<Kept> _kept = [];
    private readonly List<Strategy> _fresh;

    /// <param name="fresh">Strategies of schedules that are no mutations, in turn; "fifo" is the world's own order.</param>
    public Feedback(IReadOnlyList<Strategy> fresh)
    {
        _fresh = [.. fresh];
        Timeline = new Timeline(Seen);
    }

    /// <summary>How a schedule was made; for tables.</summary>
    public int Mutations { get; private set; }

    public int KeptCount => _kept.Count;

    public PatternSet Seen { get; } = new();

    public Timeline Timeline { get; }

    /// <summary>Plays the schedule of a seed: a fresh one or a mutation. It is kept when it showed something new.</summary>
    /// <param name="play">Plays a schedule by these choices and with this scheduler (null: the world's own order); everything that it draws must come from the choices.</param>
    public T Play<T>(ulong seed, Func<IChoiceSource, IActorScheduler?, Timeline, T> play)
    {
        ArgumentNullException.ThrowIfNull(play);
        var dice = new Dice(seed).Fork("feedback");
        var parent = _kept.Count == 0 || dice.Next(100) < FreshPercent ? null : Draw(dice);
        var drawn = new DiceChoices(dice.Next());
        IChoiceSource source = parent is null ? drawn : Mutated(parent, dice);
        var record = new RecordingChoices(source);
        var strategy = parent is null ? _fresh[(int)(seed % (ulong)_fresh.Count)] : null;
        var hasActors = parent?.HasActors ?? strategy!.Name != "fifo";
        var actors = !hasActors ? null : strategy is null ? new RandomActors(record) : (IActorScheduler)new RecordedPicks(strategy.Create(drawn), record);
        Timeline.Begin();
        var result = play(record, actors, Timeline);
        if (parent is not null) Mutations++;
        if (Timeline.News > 0) Keep(new Kept([.. record.Recorded], hasActors, Timeline.News));
        return result;
    }

    /// <summary>Half of the time single choices are changed, half of the time the end is drawn anew, sometimes both.</summary>
    private static MutatedChoices Mutated(Kept parent, Dice dice)
    {
        var length = parent.Choices.Length;
        return dice.Next(5) switch
        {
            0 or 1 => new MutatedChoices(parent.Choices, dice, length, 1 + dice.Next(1 << dice.Next(6))),
            2 or 3 => new MutatedChoices(parent.Choices, dice, dice.Next(length + 1), 0),
            _ => new MutatedChoices(parent.Choices, dice, dice.Next(length + 1), 1 + dice.Next(4)),
        };
    }

    /// <summary>The better of two, by how much each showed that was new.</summary>
    private Kept Draw(Dice dice)
    {
        var (one, other) = (_kept[dice.Next(_kept.Count)], _kept[dice.Next(_kept.Count)]);
        return one.News >= other.News ? one : other;
    }

    private void Keep(Kept kept)
    {
        if (_kept.Count < KeptMax)
        {
            _kept.Add(kept);
            return;
        }

        var least = 0;
        for (var i = 1; i < _kept.Count; i++)
            if (_kept[i].News < _kept[least].News) least = i;
        if (_kept[least].News <= kept.News) _kept[least] = kept;
    }

    private sealed record Kept(Choice[] Choices, bool HasActors, int News);
}
