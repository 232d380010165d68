using Verify.Node.Codec;
using Verify.Node.State;
using Verify.Node.State.Access;
using Verify.Node.State.Catalogue;
using Verify.Node.State.Cluster;
using Verify.Node.State.Fencing;
using Verify.Node.State.Fleet;
using Verify.Node.State.Policy;
using Verify.Node.State.Throttle;
using Verify.Node.State.Time;
using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.Node.Tests.State;

/// <summary>Golden bytes of what operators and leaders write into the log, and of the parts of a snapshot that it becomes: what an old file holds is
/// read for ever, and means what it meant.</summary>
public sealed class StateGoldenTests
{
    private static readonly TimeStamp At = new(1_000, 1_700_000_000_000);
    private static readonly InstanceKey Db1 = new("db1", 3306), Db2 = new("db2", 3307);
    private static readonly byte[] Hash = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];

    private static readonly (string Name, PolicyCommand Command)[] Policies =
    [
        ("begin-downtime", new PolicyCommand.BeginDowntime(Db1, "jane", "disk", 3_600_000, At)),
        ("end-downtime", new PolicyCommand.EndDowntime(Db2, At)),
        ("begin-maintenance", new PolicyCommand.BeginMaintenance(Db2, "joe", "upgrade", 60_000, At)),
        ("end-maintenance", new PolicyCommand.EndMaintenance(Db1, 0, At)),
        ("end-maintenance-by-key", new PolicyCommand.EndMaintenance(null, 300, At)),
        ("set-rule", new PolicyCommand.SetPromotionRule(Db1, PromotionRule.PreferNot, 0, At)),
        ("set-rule-for-a-time", new PolicyCommand.SetPromotionRule(Db2, PromotionRule.MustNot, 90_000, At)),
        ("set-recoveries", new PolicyCommand.SetRecoveries(On: false, "jane", At)),
    ];

    private static readonly (string Name, AccessCommand Command)[] Accesses =
    [
        ("put-policy", new AccessCommand.PutPolicy(new("readers", "all may read", [new(AccessArea.Key, "app/", IsPrefix: true, AccessLevel.Read), new(AccessArea.Operator, "", IsPrefix: false, AccessLevel.Deny)]))),
        ("put-token", new AccessCommand.PutToken(new("a-1", Hash, "of the app", ["readers"], IsManagement: false), IsFirst: false)),
        ("put-first-token", new AccessCommand.PutToken(new("m-1", Hash.Reverse().ToArray(), "", [], IsManagement: true), IsFirst: true)),
        ("delete-token", new AccessCommand.DeleteToken("gone")),
        ("delete-policy", new AccessCommand.DeletePolicy("gone")),
    ];

    private static readonly (string Name, FleetCommand Command)[] Fleets =
    [
        ("seed", new FleetCommand.Seed(Db1)),
        ("learn", new FleetCommand.Learn([new(Db1, "main", "east", "first", "prefer"), new(Db2, "main", "", "", "")], [new("main", "shop", "shop.example", IsManaged: true)])),
        ("forget", new FleetCommand.Forget(new("db9", 3306), 600_000, At)),
        ("forget-cluster", new FleetCommand.ForgetCluster("old")),
        ("set-alias", new FleetCommand.SetAlias("main", "store")),
        ("manage", new FleetCommand.Manage("main", IsManaged: true)),
        ("tag", new FleetCommand.Tag(Db2, "rack", "r7")),
        ("untag", new FleetCommand.Untag(Db2, "none")),
        ("resolve", new FleetCommand.Resolve(new("db1.example", 3306), Db1)),
        ("resolve-no-longer", new FleetCommand.Resolve(new("other.example", 3306), null)),
        ("unresolve", new FleetCommand.Unresolve(Db1, "db1.virtual")),
    ];

    private static readonly (string Name, FencingCommand Command)[] Fencings =
    [
        ("switch", new FencingCommand.NoteSwitch("main", Db1, new(300), IsArmed: true)),
        ("publish", new FencingCommand.BeginPublishing()),
        ("hook", new FencingCommand.HookRan("main", 17, HookPoint.PostFailoverProcesses, Failed: true, "exit 3")),
    ];

    private static readonly (string Name, Command Command)[] Entries =
    [
        .. Policies.Select(p => ($"policy-{p.Name}", (Command)new Command.Policy(p.Command))),
        .. Accesses.Select(p => ($"access-{p.Name}", (Command)new Command.Access(p.Command))),
        .. Fleets.Select(p => ($"fleet-{p.Name}", (Command)new Command.Fleet(p.Command))),
        .. Fencings.Select(p => ($"fencing-{p.Name}", (Command)new Command.Fencing(p.Command))),
        ("keep-sessions", new Command.KeepSessions(new(10_000, 120_000))),
    ];

    [Test]
    public void The_bytes_of_what_operators_and_leaders_write_stay_what_they_are_and_are_read()
    {
        Golden.Check("operator-command-v1.txt", [.. Entries.Select(e => (e.Name, CommandCodec.Encode(e.Command)))]);
        foreach (var (name, bytes) in Golden.Read("operator-command-v1.txt"))
        {
            Assert.That(CommandCodec.Encode(CommandCodec.Decode(bytes)), Is.EqualTo(bytes), name);
            Assert.That(CommandCodec.VersionOf(bytes), Is.EqualTo(3), name);
        }

        var golden = Golden.Read("operator-command-v1.txt");
        Assert.That(((Command.Policy)CommandCodec.Decode(golden["policy-set-rule-for-a-time"])).Inner, Is.EqualTo(new PolicyCommand.SetPromotionRule(Db2, PromotionRule.MustNot, 90_000, At)));
        var token = ((AccessCommand.PutToken)((Command.Access)CommandCodec.Decode(golden["access-put-token"])).Inner).Token;
        Assert.That((token.AccessorId, token.SecretHash.ToArray(), token.Policies.Single(), token.IsManagement), Is.EqualTo(("a-1", Hash, "readers", false)));
    }

    [Test]
    public void Every_one_of_these_commands_has_its_golden_bytes()
    {
        static IEnumerable<string> Cases(Type closed) => closed.GetNestedTypes().Select(t => t.Name);
        static IEnumerable<string> Names<T>(IEnumerable<(string, T Command)> all) => all.Select(a => a.Command!.GetType().Name).Distinct(StringComparer.Ordinal);
        Assert.That(Names(Policies), Is.EquivalentTo(Cases(typeof(PolicyCommand))));
        Assert.That(Names(Accesses), Is.EquivalentTo(Cases(typeof(AccessCommand))));
        Assert.That(Names(Fleets), Is.EquivalentTo(Cases(typeof(FleetCommand))));
        Assert.That(Names(Fencings), Is.EquivalentTo(Cases(typeof(FencingCommand))));
    }

    [Test]
    public void The_bytes_of_all_parts_of_a_snapshot_stay_what_they_are_and_give_the_same_state()
    {
        var state = Example();
        var sections = state.Freeze().Sections.Select(s => s.Kind).ToArray();
        Assert.That(sections, Is.SupersetOf(new[]
        {
            SectionKind.Cluster, SectionKind.Throttle, SectionKind.Catalogue, SectionKind.Fleet, SectionKind.Policy, SectionKind.Access, SectionKind.Fencing, SectionKind.SessionAges,
        }));
        Assert.That(state.Freeze().Sections.Where(s => s.Records == 0 && s.Kind is not (SectionKind.Kv or SectionKind.Sessions)).Select(s => s.Kind), Is.Empty, "each has something in it");
        Golden.Check("state-sections-v1.txt", [.. StateImageTests.Blocks(state.Freeze()).Select((block, i) => ($"{i:00}-{(SectionKind)block[0]}", block))]);
        var read = Golden.Read("state-sections-v1.txt").OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => p.Value).ToList();
        Assert.That(StateImageTests.Restore(read).StateHash(), Is.EqualTo(state.StateHash()));
    }

    /// <summary>Something in every part, and what clients, nodes and the throttler write besides.</summary>
    private static ReplicatedState Example()
    {
        var state = new ReplicatedState(10);
        Command[] more =
        [
            new Command.Cluster(new ClusterCommand.CreateToken("t1", Hash, 1_700_000_600_000, 1_700_000_000_000)),
            new Command.Cluster(new ClusterCommand.Admit(new("d"), new("d:10008", "east", "d:8500", "rack1"), StaysLearner: true, new NodeId("b"), new("t1", Hash), 1_700_000_000_001)),
            new Command.Throttle(new ThrottleCommand.ThrottleApp("archive", "main", 60_000, 250_000), At),
            new Command.Throttle(new ThrottleCommand.SkipHost("db3", 3_600_000), At),
            new Command.Catalogue(new CatalogueCommand.Register(new() { Id = "web-1", Name = "web", Address = "10.0.0.1", Port = 80, Tags = ["a"], TtlMs = 30_000, Node = "n1" }, null), At, new("c", 1)),
            new Command.Catalogue(new CatalogueCommand.SetStrategy((PickStrategy)1), At, null),
            new Command.Ha(new Verify.Node.State.Ledger.HaCommand.AdoptPrimary("main", Db1, "n1")),
            new Command.KvPut("k", new byte[] { 1 }, 7, null, new("s", 1)),
            new Command.TimePasses(new(2_000, 1_700_000_001_000)),
            new Command.KvPut("k", new byte[] { 2 }, 7, null, new("s", 2)),
        ];
        foreach (var command in Entries.Select(e => e.Command).Concat(more))
        {
            var result = state.Apply(new(new(1), state.Applied.Index.Next), command);
            Assert.That(result, Is.InstanceOf<CommandResult.Done>().Or.InstanceOf<CommandResult.NotFound>().Or.InstanceOf<CommandResult.Rejected>(), $"{command}");
        }

        return state;
    }
}
