using Verify.Chaos.Mutants;
using Verify.Checks;
using Verify.Sim.RaftOnly;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Swarms;

/// <summary>The swarm over the Raft core alone: thousands of short schedules per second.</summary>
/// <param name="strategy">All schedules are made in this way; null: drawn.</param>
/// <param name="actors">Who picks among the messages that are due, one per link; null: they arrive as sent, or overtake each other at a drawn rate.</param>
internal sealed class RaftSwarmTrials(SwarmStrategy? strategy, Func<IChoiceSource, IActorScheduler>? actors = null) : IFalsifiable
{
    /// <summary>Sometimes-marks are counted, in the test build. That costs time, so hunts go without.</summary>
    public bool CountsMarks { get; init; }

    public string FalsePromise => SwarmWatch.FalsePromise;
    public string FalseSign => SwarmWatch.FalseNode;

    public string Name => strategy switch
    {
        SwarmStrategy.Random => "raft-swarm",
        SwarmStrategy.Storm => "raft-storm",
        SwarmStrategy.Priorities => "raft-pct",
        SwarmStrategy.Takeover => "raft-takeover",
        _ => "raft",
    };

    public string Story => "the production Raft core alone: loss, duplication, reordering, crashes, partitions, drifting clocks, stalled disks, reads, transfers, "
        + "snapshots in pieces, changes of the members; every promise watched after each event" + strategy switch
        {
            SwarmStrategy.Random => "; each step drawn from weights",
            SwarmStrategy.Storm => "; in rounds of changing company, each with a new leader that is told something and heard by few",
            SwarmStrategy.Priorities => "; links have priorities that change a few times (after PCT)",
            SwarmStrategy.Takeover => "; storms that lean towards one story: a leader that takes somebody in is cut off, another takes it out",
            _ => "; strategies drawn",
        };

    public SwarmTrial Play(ulong seed) => Play(seed, isFalsified: false);

    public SwarmTrial PlayFalsified(ulong seed) => Play(seed, isFalsified: true);

    private SwarmTrial Play(ulong seed, bool isFalsified)
    {
        RaftSwarmResult Run() => RaftSwarm.Run(seed, strategy, choices => new SwarmWatch { Actors = actors?.Invoke(choices), IsFalsified = isFalsified });
        if (!CountsMarks) return TrialOf(Run());
        var (result, marks) = Drawn.MarkCatalog.Counted(Run);
        var trial = TrialOf(result);
        return trial with { Counts = [.. trial.Counts, .. marks] };
    }

    public static SwarmTrial TrialOf(RaftSwarmResult result)
    {
        var counts = result.Counts;
        return new(
            result.IsClean ? Verdict.Valid : Verdict.Invalid,
            result.Violation is { } violation ? new Discovery(violation.Promise, $"step {violation.Step}: {violation.What}") : null,
            result.Options.Describe(), result.TraceHash,
            [
                ("elections", result.Elections), ("commits", result.Commits), ("reads", result.ReadsGranted), ("lease reads", counts.LeaseReads),
                ("crashes", counts.Crashes), ("partitions", counts.Partitions), ("transfers", counts.Transfers), ("member changes", counts.Changes),
                ("snapshots", counts.Snapshots), ("snapshots installed", counts.Installs), ("revivals", counts.Revivals),
            ]);
    }
}
