namespace Verify.Sim.Scheduling;

/// <summary>A choice with the name by which it is found again after the code has changed: whose event it was made in, what it was for, and
/// how many of that name came before.</summary>
/// <param name="Name">What it was for: "n1 timer", "n3 &lt;- n1 data"; of a pick, who could have gone first: "n1|n3".</param>
/// <param name="Ordinal">How many choices of this kind, actor and name there were before.</param>
public readonly record struct NamedChoice(ChoiceKind Kind, int N, int Value, string Actor, string Name, int Ordinal)
{
    /// <summary>Of a pick: who went first. Else empty.</summary>
    public string Taken { get; init; } = "";

    /// <summary>The event during which it was made; of a pick, the event that it decided.</summary>
    public long Step { get; init; }
    public long Micros { get; init; }

    public override string ToString() => Kind == ChoiceKind.Actor && Taken.Length > 0
        ? $"who goes first of {Name}, number {Ordinal}" : $"{Kind} of {N} for '{Name}' in an event of {Actor}, number {Ordinal}";
}

/// <summary>Where a choice is asked for.</summary>
public readonly record struct ChoicePlace(long Step, long Micros, string Actor, string Name, Tracing.Trace Trace);

/// <summary>Told of every choice of a world by its name, and may make it: what records a schedule, and what replays one.</summary>
public interface INamedChoices
{
    /// <param name="source">Who makes it otherwise.</param>
    int Next(in ChoicePlace place, ChoiceKind kind, int n, IChoiceSource source);

    /// <param name="actors">The names of those who can go next, in the order of <paramref name="enabled"/>.</param>
    int Pick(in ChoicePlace place, ReadOnlySpan<string> actors, ReadOnlySpan<Candidate> enabled, IActorScheduler strategy);
}

/// <summary>Counts how many choices of each name there were.</summary>
internal sealed class ChoiceOrdinals
{
    private readonly Dictionary<(ChoiceKind Kind, string Actor, string Name), int> _counts = [];

    public int Next(ChoiceKind kind, string actor, string name)
    {
        ref var count = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_counts, (kind, actor, name), out _);
        return count++;
    }
}

/// <summary>Notes every choice of a world with its name; changes none.</summary>
public sealed class ChoiceRecording : INamedChoices
{
    /// <summary>The kind under which picks are counted: their name lists the actors.</summary>
    internal const string Picks = "scheduler";
    private readonly ChoiceOrdinals _ordinals = new();
    private readonly List<NamedChoice> _choices = [];

    public IReadOnlyList<NamedChoice> Choices => _choices;

    public int Next(in ChoicePlace place, ChoiceKind kind, int n, IChoiceSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        var value = source.Next(kind, n);
        _choices.Add(new(kind, n, value, place.Actor, place.Name, _ordinals.Next(kind, place.Actor, place.Name)) { Step = place.Step, Micros = place.Micros });
        return value;
    }

    public int Pick(in ChoicePlace place, ReadOnlySpan<string> actors, ReadOnlySpan<Candidate> enabled, IActorScheduler strategy)
    {
        ArgumentNullException.ThrowIfNull(strategy);
        var picked = strategy.Pick(enabled);
        if ((uint)picked >= (uint)enabled.Length) return picked;
        var name = string.Join('|', actors);
        _choices.Add(new(ChoiceKind.Actor, enabled.Length, picked, Picks, name, _ordinals.Next(ChoiceKind.Actor, Picks, name))
        {
            Step = place.Step, Micros = place.Micros, Taken = actors[picked],
        });
        return picked;
    }
}
