using Verify.Chaos.Live;

namespace Verify.Chaos.Bench;

/// <summary>How much is measured.</summary>
internal sealed record BenchOptions
{
    /// <summary>Fewer and shorter rounds: for a look, not for a record.</summary>
    public bool Quick { get; init; }

    /// <summary>Null: as many as each part likes.</summary>
    public int? Rounds { get; init; }
    public LiveOptions Live { get; init; } = new();

    public int RoundsOr(int usual, int quick) => Rounds ?? (Quick ? quick : usual);

    public TimeSpan Length(double usualSeconds, double quickSeconds) => TimeSpan.FromSeconds(Quick ? quickSeconds : usualSeconds);
}

/// <summary>One part of the bench: measures, says how it goes, gives its lines of the table.</summary>
internal interface IBench
{
    Task<IReadOnlyList<Figure>> RunAsync(BenchOptions options, Action<string> say, CancellationToken cancel);
}

/// <summary>A part could not be measured to its end; the figures that it had by then are kept.</summary>
internal sealed class BenchIncompleteException(IReadOnlyList<Figure> figures, string why, Exception? cause = null) : Exception(why, cause)
{
    public IReadOnlyList<Figure> Figures { get; } = figures;
}
