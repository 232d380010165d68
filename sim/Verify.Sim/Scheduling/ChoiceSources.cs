using Verify.Node.Seam;

namespace Verify.Sim.Scheduling;

/// <summary>One recorded choice: what it was about, among how many, which one.</summary>
public readonly record struct Choice(ChoiceKind Kind, int N, int Value);

/// <summary>Choices drawn from a seed.</summary>
public sealed class DiceChoices(ulong seed) : IChoiceSource
{
    private readonly Dice _dice = new(seed);

    public int Next(ChoiceKind kind, int n) => n <= 1 ? 0 : _dice.Next(n);
}

/// <summary>Notes every choice that another source makes.</summary>
public sealed class RecordingChoices(IChoiceSource source) : IChoiceSource
{
    private readonly List<Choice> _recorded = [];

    public IReadOnlyList<Choice> Recorded => _recorded;

    public int Next(ChoiceKind kind, int n)
    {
        if (n <= 1) return 0;
        var value = source.Next(kind, n);
        _recorded.Add(new Choice(kind, n, value));
        return value;
    }

    /// <summary>Notes a choice that somebody else made.</summary>
    internal void Note(ChoiceKind kind, int n, int value)
    {
        if (n > 1) _recorded.Add(new Choice(kind, n, value));
    }
}

/// <summary>Makes recorded choices again. To be asked for something else is a departure, and says where.</summary>
public sealed class ReplayedChoices(IReadOnlyList<Choice> recorded) : IChoiceSource
{
    /// <summary>How many have been made.</summary>
    public int Position { get; private set; }

    public int Next(ChoiceKind kind, int n)
    {
        if (n <= 1) return 0;
        if (Position >= recorded.Count)
            throw new ReplayDepartureException($"the record ends after {recorded.Count} choices, but a {kind} of {n} is asked for");
        var choice = recorded[Position];
        if (choice.Kind != kind || choice.N != n)
            throw new ReplayDepartureException($"choice {Position}: recorded was a {choice.Kind} of {choice.N}, asked for is a {kind} of {n}");
        Position++;
        return choice.Value;
    }

    /// <summary>A replay that ends early was not the same run.</summary>
    /// <exception cref="ReplayDepartureException">Recorded choices are left over.</exception>
    public void AssertConsumed()
    {
        if (Position != recorded.Count)
            throw new ReplayDepartureException($"the run ended after {Position} of {recorded.Count} recorded choices");
    }
}

/// <summary>The world's own door to its choices: each goes into the trace, and a departure stays the world's failure, also
/// when a driver's catch swallows it.</summary>
internal sealed class TracedChoices(IChoiceSource source, SimScheduler scheduler) : IChoiceSource
{
    public int Next(ChoiceKind kind, int n)
    {
        if (n <= 1) return 0;
        int value;
        try
        {
            value = scheduler.Named is { } named ? named.Next(Place(), kind, n, source) : source.Next(kind, n);
            scheduler.ChoiceAbout = -1;
        }
        catch (ReplayDepartureException e)
        {
            var departure = new ReplayDepartureException(
                $"{e.Message}; at {Tracing.Trace.TimeText(scheduler.Now)}, step {scheduler.Steps}, after:{Environment.NewLine}{scheduler.Trace.Tail(10)}");
            scheduler.Fail(departure);
            throw departure;
        }

        scheduler.Trace.Choice(kind, n, value);
        return value;
    }

    private ChoicePlace Place()
    {
        var label = scheduler.ChoiceAbout >= 0 ? scheduler.ChoiceAbout : scheduler.Current is null ? -1 : scheduler.CurrentLabel;
        return new(scheduler.Steps, scheduler.Now, scheduler.Current?.Name ?? "world", label < 0 ? "world" : scheduler.Trace.Labels.TextOf(label), scheduler.Trace);
    }
}
