using Verify.Chaos.Explaining;
using Verify.Checks;
using Verify.Reports.SpaceTime;

namespace Verify.Chaos.Tests.Explaining;

/// <summary>Accounts written by hand, small enough to be checked by eye.</summary>
internal static class HandMade
{
    /// <summary>n1 leads term 3; it is cut off; n2 leads term 4 and commits x=5; n1 answers a read of x with what was there before.</summary>
    public static RunAccount StaleRead()
    {
        CausalStep[] steps =
        [
            new(1, 100_000, "n1", "n1 timer", 0),                 // n1 is elected
            new(2, 150_000, "n2", "n2 <- n1 data", 1),
            new(3, 160_000, "n1", "n1 <- n2 data", 2),
            new(4, 900_000, "harness", "harness turn", 0),
            new(5, 950_000, "n1", "n1 call", 4),                  // writes x=1
            new(6, 1_000_000, "harness", "harness answer", 5),
            new(7, 1_100_000, "n1", "n1 timer", 0),
            new(8, 1_150_000, "n2", "n2 <- n1 data", 7),          // held: the cut is from 1.05 s on
            new(9, 2_000_000, "n2", "n2 timer", 2),               // n2 stands and leads
            new(10, 2_050_000, "n3", "n3 <- n2 data", 9),
            new(11, 2_100_000, "n2", "n2 <- n3 data", 10),
            new(12, 2_200_000, "n2", "n2 call", 0),               // writes x=5
            new(13, 2_300_000, "harness", "harness answer", 12),
            new(14, 2_500_000, "n1", "n1 call", 0),               // reads x=1
            new(15, 2_600_000, "harness", "harness answer", 14),
            new(16, 3_000_000, "n1", "n1 timer", 14),
        ];
        RunEvent[] events =
        [
            E(100_000, 1, EventKinds.RoleChanged, "n1", ("role", "Leader"), ("term", "3"), ("leader", "n1")),
            E(150_000, 2, EventKinds.RoleChanged, "n2", ("role", "Follower"), ("term", "3"), ("leader", "n1")),
            E(160_000, 3, EventKinds.LeaderLease, "n1", ("term", "3"), ("held", "true")),
            E(1_050_000, 0, EventKinds.FaultBegun, "step 1", ("fault", "partition"), ("target", "n1"), ("resolved", "n1 | n2, n3")),
            E(2_000_000, 9, EventKinds.RoleChanged, "n2", ("role", "Candidate"), ("term", "4"), ("leader", "")),
            E(2_100_000, 11, EventKinds.RoleChanged, "n2", ("role", "Leader"), ("term", "4"), ("leader", "n2")),
            E(3_000_000, 16, EventKinds.RoleChanged, "n1", ("role", "Follower"), ("term", "3"), ("leader", "")),
        ];
        return Account("stale-read, seed 1", steps, events,
        [
            Put(1, 1, "x", "1", 900_000, 1_000_000, "n1"), Put(2, 2, "x", "5", 2_150_000, 2_300_000, "n2"), Get(3, 3, "x", "1", 2_450_000, 2_600_000, "n1"),
        ], "linearizable", "every key of the KV store is linearizable");
    }

    public static RunAccount Account(string title, IReadOnlyList<CausalStep> steps, IReadOnlyList<RunEvent> events, IReadOnlyList<Op> ops, string check, string predicate) => new()
    {
        Title = title, World = "sim", Verdict = Verdict.Invalid, FailureClass = "safety", Steps = steps, Events = events, Ops = ops,
        Findings = [new(check, Verdict.Invalid, predicate, "see the history", "0")], Commands = [("replay it exactly", "verify-chaos replay x")],
        Parties = [new("n1", "east", TrackKind.Node), new("n2", "west", TrackKind.Node), new("n3", "north", TrackKind.Node)],
    };

    public static RunEvent E(long atUs, long step, string kind, string subject, params (string, string)[] fields) => new(atUs, step, kind, subject, "", new EventFields(fields));

    public static Op Put(long id, int client, string key, string value, long called, long returned, string by, OpOutcome outcome = OpOutcome.Ok) =>
        new() { Id = id, Client = client, DataCenter = "east", Kind = OpKind.KvPut, Key = key, Value = value, Outcome = outcome, CalledUs = called, ReturnedUs = returned, By = by };

    public static Op Get(long id, int client, string key, string? value, long called, long returned, string by) =>
        new() { Id = id, Client = client, DataCenter = "west", Kind = OpKind.KvGet, Key = key, Value = value, Outcome = OpOutcome.Ok, CalledUs = called, ReturnedUs = returned, By = by };
}
