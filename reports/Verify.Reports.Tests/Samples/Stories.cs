using Verify.Checks;
using Verify.Reports.Model;

namespace Verify.Reports.Tests.Samples;

/// <summary>Three stories of a data centre that is cut off from 10 s to 30 s: fenced, not fenced, and one that tells nothing.</summary>
internal static class Stories
{
    public const double CutS = 10, HealedS = 30;

    /// <summary>The guardian closes db1 at 11.75 s; the majority waits and promotes db2 at 13.6 s.</summary>
    public static RunRecord Fenced(string world, ulong seed = 7, double laterS = 0)
    {
        var closed = 11.75 + laterS;
        var run = Beginning(world, seed)
            .Fencing(11.6, "n1", "db1", "begun").Fencing(closed + 0.002, "n1", "db1", "done").WriteLease(closed + 0.003, "n1", "db1", 3, held: false)
            .Writable("db1", 1.3, closed);
        Majority(run);
        Healing(run);
        Clients(run, (dataCenter, s) => dataCenter switch
        {
            // Semi-sync: without a replica in reach nothing is acknowledged, fenced or not.
            "east" when s is > CutS - 0.01 and < HealedS + 0.4 => s < closed ? ("db1", OpOutcome.Unknown) : ("db1", OpOutcome.Failed),
            _ => Reachable(s),
        });
        return run.Rows("db2", run.Ops.Where(o => o.Outcome == OpOutcome.Ok).Select(o => o.Key)).Judged("semi_sync", Checks);
    }

    /// <summary>Fencing switched off: db1 goes on taking writes beside db2 until the cut is over.</summary>
    public static RunRecord NotFenced(string world, ulong seed = 7)
    {
        var run = Beginning(world, seed)
            .Fencing(30.62, "n1", "db1", "begun", by: "returned").Fencing(30.71, "n1", "db1", "done", by: "returned").WriteLease(30.72, "n1", "db1", 3, held: false)
            .Writable("db1", 1.3, 30.7);
        Majority(run);
        Healing(run);
        Clients(run, (dataCenter, s) => dataCenter is "east" && s < 30.7 ? ("db1", OpOutcome.Ok) : dataCenter is "east" && s < 31 ? ("db1", OpOutcome.Failed) : Reachable(s));
        var kept = run.Ops.Where(o => o.Outcome == OpOutcome.Ok && (o.Value != "db1" || o.ReturnedUs < CutS * 1e6));
        return run.Rows("db2", kept.Select(o => o.Key)).Judged("none", Checks);
    }

    /// <summary>The harness lost the run: the servers were never seen writable.</summary>
    public static RunRecord BrokeOff(string world, ulong seed = 7) => new SampleRun(world, seed)
        .Phase(0, "warmUp").At(0.2, EventKinds.Started, "n1", ("recovered", false), ("lastIndex", 0)).Role(0.9, "n1", "Leader", 1, "n1").Lease(1.0, "n1", 1)
        .Judged("semi_sync", new SinglePrimaryCheck(TimeSpan.Zero), new SingleLeaderCheck(), new NoLostWritesCheck()) with { FailureClass = "harness" };

    private static ICheck[] Checks =>
    [
        new FencingTokenCheck(), new RecoveryLedgerCheck(), new SingleLeaderCheck(), new SinglePrimaryCheck(TimeSpan.Zero), new FencedWithinCheck(TimeSpan.FromSeconds(3)),
        new NoLostWritesCheck(), new ElectionCheck(TimeSpan.FromSeconds(3)), new RtoCheck(TimeSpan.FromSeconds(10)), new ConvergenceCheck(TimeSpan.FromSeconds(20)),
    ];

    private static SampleRun Beginning(string world, ulong seed)
    {
        var run = new SampleRun(world, seed).Phase(0, "warmUp");
        foreach (var node in SampleRun.Nodes.Keys) run.At(0.2, EventKinds.Started, node, ("recovered", false), ("lastIndex", 0)).Role(0.3, node, "Follower", 0).Quorum(0.9, node, true);
        return run.Role(0.6, "n1", "PreCandidate", 0).Role(0.7, "n1", "Candidate", 1).Role(0.8, "n1", "Leader", 1, "n1").Lease(0.9, "n1", 1)
            .Role(0.85, "n2", "Follower", 1, "n1").Role(0.85, "n3", "Follower", 1, "n1")
            .WriteLease(1.2, "n1", "db1", 3).At(1.3, EventKinds.Opened, "n1", ("cluster", "main"), ("instance", "db1"), ("token", 3))
            .Phase(5, "faults").Fault(CutS, HealedS, "partition", "east | north,west");
    }

    private static void Majority(SampleRun run) => run
        .Quorum(10.6, "n1", false).Lease(10.9, "n1", 1, held: false).Role(11.0, "n1", "Follower", 1).Role(11.4, "n1", "PreCandidate", 1)
        .Role(11.05, "n2", "PreCandidate", 1).Role(11.1, "n2", "Candidate", 2).Role(11.2, "n2", "Leader", 2, "n2").Lease(11.25, "n2", 2).Role(11.3, "n3", "Follower", 2, "n2")
        .At(12.2, EventKinds.VerdictReached, "n2", ("cluster", "main"), ("instance", "db1"), ("diagnosis", "DeadMaster"), ("votes", "2 of 3"))
        .Recovery(12.4, "n2", "opened", detail: "DeadMaster db1").Recovery(12.4, "n2", "intent", "waitForFence").Recovery(13.4, "n2", "outcome", "waitForFence", "the lease has run out")
        .Recovery(13.4, "n2", "intent", "promote").WriteLease(13.5, "n2", "db2", 88).At(13.55, EventKinds.Opened, "n2", ("cluster", "main"), ("instance", "db2"), ("token", 88))
        .Writable("db2", 13.6, 39.52).Recovery(13.7, "n2", "outcome", "promote", "db2 takes writes").Recovery(14.1, "n2", "closed");

    private static void Healing(SampleRun run) => run
        .Role(30.3, "n1", "Follower", 2, "n2").Quorum(30.4, "n1", true).Phase(37, "healed").Phase(39, "settled").Phase(39.5, "final");

    private static (string Server, OpOutcome Outcome) Reachable(double s) => s switch
    {
        < CutS - 0.01 => ("db1", OpOutcome.Ok),
        < 11.5 => ("db1", OpOutcome.Unknown),
        < 13.7 => ("db2", OpOutcome.Failed),
        _ => ("db2", OpOutcome.Ok),
    };

    private static void Clients(SampleRun run, Func<string, double, (string Server, OpOutcome Outcome)> answer)
    {
        for (var i = 0; i * 0.09 < 32; i++)
        {
            foreach (var dataCenter in SampleRun.Nodes.Values)
            {
                var s = 5 + (i * 0.09);
                var (server, outcome) = answer(dataCenter, s);
                run.Insert(s, 0.006, dataCenter, server, outcome);
            }
        }
    }
}
