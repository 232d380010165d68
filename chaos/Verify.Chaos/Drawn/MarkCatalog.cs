namespace Verify.Chaos.Drawn;

/// <summary>Every sometimes-mark of node code, and whether it is rare. Over a night of seeds each mark that is not rare must be reached: one that
/// is not says that the tests do not go where they seem to go.</summary>
internal static class MarkCatalog
{
    /// <summary>Before the name of a mark among the counts of a swarm.</summary>
    public const string Prefix = "mark ";

    /// <summary>Sorted by name.</summary>
    public static readonly (string Name, bool IsRare)[] All =
    [
        ("a candidate lacked entries", false), ("a candidate met a leader of its term", false), ("a disk failed", false), ("a disk was full", false),
        ("a follower needed a snapshot", true), ("a follower whose link to the leader broke waits for its turn", false), ("a frame was refused by its checksum", false), ("a leader heard of a later term", false), ("a leader of the past spoke", false),
        ("a leader that got nothing written stepped down", true), ("a leader that stepped down refused a read", false), ("a leader without a quorum stepped down", false), ("a link broke", false), ("a node started from a snapshot", true),
        ("a node started with lost entries", true), ("a node was asked to lead", true), ("a patient voter refused an election", false),
        ("a piece of a snapshot was read for a term that is over", true), ("a pre-vote was lost", false), ("a primary was fenced", false), ("a primary was opened", false),
        ("a primary whose disk stands still was given up", true),
        ("a recovery was closed", false), ("a recovery was opened", false), ("a recovery was skipped", true), ("a repair of semi-sync was made", true),
        ("a snapshot met a newer term", true), ("a snapshot was installed", true), ("a snapshot was taken", true),
        ("a step of a recovery failed", true), ("a torn tail was cut", true), ("an append did not fit the log", false), ("an election was lost", true),
        ("entries that were lost are back", true), ("entries that were not committed were replaced", false), ("leadership was handed over", true),
        ("reads waited for a barrier that did not come", true),
    ];

    /// <summary>The marks that are not rare and were not reached, given how often each was.</summary>
    public static IReadOnlyList<string> Missing(IReadOnlyDictionary<string, long> counts) =>
        [.. All.Where(m => !m.IsRare && counts.GetValueOrDefault(Prefix + m.Name) == 0).Select(m => m.Name)];

    /// <summary>Plays something on this thread and counts the marks that it reaches, by their names among the counts of a swarm; no fault point fires. A
    /// production build reaches none.</summary>
    public static (T Result, IReadOnlyList<(string Name, long Count)> Marks) Counted<T>(Func<T> play)
    {
#if VERIFY_MUTANTS
        var probes = new Raft.ProbeRun(null);
        Raft.ProbeRun.Current = probes;
        try
        {
            var result = play();
            return (result, [.. probes.MarkCounts.Select(m => (Prefix + m.Key, m.Value))]);
        }
        finally
        {
            Raft.ProbeRun.Current = null;
        }
#else
        return (play(), []);
#endif
    }
}
