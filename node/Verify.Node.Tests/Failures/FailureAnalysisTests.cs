using System.Collections.Immutable;
using Verify.Node.Failures;
using Verify.Node.Topology;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Node.Tests.Failures;

/// <summary>The table of verdicts. A row lists, per member, its sight of the primary and of two replicas: U up, D down, N never seen,
/// lower case for an observation that is too old, - for a member that never reported; after it the replicas' fetching threads as
/// that member sees them: R running, C connecting, S stopped, x not reached, o running but seen too long ago.</summary>
public sealed class FailureAnalysisTests
{
    private static readonly InstanceKey Primary = new("db1", 3306);
    private static readonly InstanceKey[] Replicas = [new("db2", 3306), new("db3", 3306)];
    private static readonly TimeSpan AgeMax = TimeSpan.FromSeconds(2);

    [TestCase("URR URR URR", DiagnosisCode.NoProblem)]
    [TestCase("DRR URR URR", DiagnosisCode.NoProblem, Description = "one vantage point alone")]
    [TestCase("DCC UCC UCC", DiagnosisCode.AllMasterReplicasNotReplicating)]
    [TestCase("DCC DCC UCC", DiagnosisCode.DeadMaster)]
    [TestCase("DCC DCC DCC", DiagnosisCode.DeadMaster)]
    [TestCase("DSS DSS ---", DiagnosisCode.DeadMaster, Description = "the member in the dead data centre is silent")]
    [TestCase("DCC --- ---", DiagnosisCode.AllMasterReplicasNotReplicating, Description = "one of three is no majority, whoever is silent")]
    [TestCase("DCC dCC uCC", DiagnosisCode.AllMasterReplicasNotReplicating, Description = "an old 'down' does not accuse")]
    [TestCase("DCC NCC ---", DiagnosisCode.AllMasterReplicasNotReplicating)]
    [TestCase("DCC DCC", DiagnosisCode.DeadMaster)]
    [TestCase("DCC UCC", DiagnosisCode.AllMasterReplicasNotReplicating, Description = "half is no majority")]
    [TestCase("DCC DCC UCC UCC", DiagnosisCode.AllMasterReplicasNotReplicating, Description = "half is no majority")]
    [TestCase("DCC DCC DCC --- ---", DiagnosisCode.DeadMaster)]
    [TestCase("DCC DCC --- --- ---", DiagnosisCode.AllMasterReplicasNotReplicating)]
    [TestCase("DRC DRC DRC", DiagnosisCode.UnreachableMaster)]
    [TestCase("DxR DxC DxC", DiagnosisCode.UnreachableMaster, Description = "equal ages: whoever says that it reads")]
    [TestCase("DoC DoC DoC", DiagnosisCode.DeadMasterAndSomeReplicas, Description = "what was read long ago is no sign of life, and the replica is lost")]
    [TestCase("DxC DxC DxC", DiagnosisCode.DeadMasterAndSomeReplicas)]
    [TestCase("Dxx Dxx Dxx", DiagnosisCode.DeadMasterAndReplicas)]
    [TestCase("UxC UxC UxC", DiagnosisCode.AllMasterReplicasNotReplicatingOrDead)]
    [TestCase("URx Uxx Uxx", DiagnosisCode.NoProblem)]
    public void Verdicts(string members, DiagnosisCode expected)
    {
        var diagnosis = Diagnose(members, Replicas);
        Assert.That(diagnosis.Code, Is.EqualTo(expected), diagnosis.Description);
        Assert.That(diagnosis.Votes, Has.Length.EqualTo(members.Split(' ').Length), "every configured member is in the denominator");
    }

    [TestCase("UC UC UC", DiagnosisCode.MasterSingleReplicaNotReplicating)]
    [TestCase("Ux Ux Ux", DiagnosisCode.MasterSingleReplicaDead)]
    [TestCase("UR UR UR", DiagnosisCode.NoProblem)]
    [TestCase("DC DC UC", DiagnosisCode.DeadMaster)]
    public void Verdicts_with_a_single_replica(string members, DiagnosisCode expected) =>
        Assert.That(Diagnose(members, Replicas[..1]).Code, Is.EqualTo(expected));

    [TestCase("D D U", DiagnosisCode.DeadMasterWithoutReplicas)]
    [TestCase("U U U", DiagnosisCode.NoProblem)]
    public void Verdicts_without_replicas(string members, DiagnosisCode expected) =>
        Assert.That(Diagnose(members, []).Code, Is.EqualTo(expected));

    [Test]
    public void Only_a_dead_primary_with_somebody_to_promote_calls_for_a_recovery()
    {
        var calling = Enum.GetValues<DiagnosisCode>().Where(c => new Diagnosis("main", Primary, c, "", []).CallsForRecovery);
        Assert.That(calling, Is.EqualTo(new[] { DiagnosisCode.DeadMaster, DiagnosisCode.DeadMasterAndSomeReplicas, DiagnosisCode.UnguardedMaster, DiagnosisCode.DiskStalledMaster }));
    }

    [Test]
    public void A_newer_look_at_a_replica_outweighs_an_older_one()
    {
        var older = Sight(Replicas[0], SightState.Up, TimeSpan.FromSeconds(1), ThreadState.Running);
        var newer = Sight(Replicas[0], SightState.Up, TimeSpan.FromSeconds(0.1), ThreadState.Connecting);
        var down = Sight(Primary, SightState.Down, TimeSpan.Zero, null);
        NodeSight[] members = [new(new("n1"), [down, older]), new(new("n2"), [down, newer])];
        var diagnosis = FailureAnalysis.Diagnose(new("main", Primary, [Replicas[0]], [.. members]), AgeMax);
        Assert.That(diagnosis.Code, Is.EqualTo(DiagnosisCode.DeadMaster));
    }

    [Test]
    public void A_replica_that_reads_from_another_server_is_no_sign_of_life()
    {
        var down = Sight(Primary, SightState.Down, TimeSpan.Zero, null);
        var elsewhere = new InstanceSight(Replicas[0], SightState.Up, TimeSpan.Zero, ThreadState.Running, Replicas[1], "");
        var diagnosis = FailureAnalysis.Diagnose(new("main", Primary, [Replicas[0]], [new(new("n1"), [down, elsewhere])]), AgeMax);
        Assert.That(diagnosis.Code, Is.EqualTo(DiagnosisCode.DeadMaster));
    }

    [Test]
    public void The_votes_are_kept_with_their_ages()
    {
        var diagnosis = Diagnose("DCC dCC ---", Replicas);
        Assert.That(diagnosis.VotesText(), Is.EqualTo("n1 down 100 ms; n2 stale 3000 ms; n3 stale 0 ms"));
    }

    private static Diagnosis Diagnose(string members, InstanceKey[] replicas)
    {
        var sights = members.Split(' ').Select((m, i) => Member(m, i + 1, replicas)).ToImmutableArray();
        return FailureAnalysis.Diagnose(new("main", Primary, [.. replicas], sights), AgeMax);
    }

    private static NodeSight Member(string text, int number, InstanceKey[] replicas)
    {
        var node = new Verify.Raft.NodeId($"n{number}");
        if (text[0] == '-') return new(node, []);
        var state = char.ToUpperInvariant(text[0]) switch { 'U' => SightState.Up, 'D' => SightState.Down, _ => SightState.Never };
        var ofPrimary = Sight(Primary, state, char.IsUpper(text[0]) ? TimeSpan.FromSeconds(0.1) : TimeSpan.FromSeconds(3), null);
        return new(node, [ofPrimary, .. replicas.Select((r, i) => Replica(r, text[i + 1]))]);
    }

    private static InstanceSight Replica(InstanceKey replica, char letter) => letter switch
    {
        'R' => Sight(replica, SightState.Up, TimeSpan.FromSeconds(0.1), ThreadState.Running),
        'C' => Sight(replica, SightState.Up, TimeSpan.FromSeconds(0.1), ThreadState.Connecting),
        'S' => Sight(replica, SightState.Up, TimeSpan.FromSeconds(0.1), ThreadState.Stopped),
        'o' => Sight(replica, SightState.Up, TimeSpan.FromSeconds(2.1), ThreadState.Running),
        _ => Sight(replica, SightState.Down, TimeSpan.FromSeconds(0.1), null),
    };

    private static InstanceSight Sight(InstanceKey key, SightState state, TimeSpan age, ThreadState? io) =>
        new(key, state, age, io, io is null ? null : Primary, "");
}
