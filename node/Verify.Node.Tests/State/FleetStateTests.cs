using System.Collections.Immutable;
using Verify.Node.Codec;
using Verify.Node.Loop;
using Verify.Node.State;
using Verify.Node.State.Fleet;
using Verify.Node.State.Ledger;
using Verify.Node.State.Time;
using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.Node.Tests.State;

/// <summary>What is agreed on the servers: found, named, tagged, forgotten.</summary>
internal sealed class FleetStateTests
{
    private ReplicatedState _state = null!;
    private long _index;

    [SetUp]
    public void Begin() => (_state, _index) = (new(10), 0);

    private static InstanceKey Db(int number) => new($"db{number}", 3306);
    private static FleetServer Server(int number, string cluster = "shop") => new(Db(number), cluster, "east", "", "");

    private CommandResult Do(FleetCommand command) => _state.Apply(new(new(1), new(++_index)), new Command.Fleet(command))!;
    private CommandResult Do(HaCommand command) => _state.Apply(new(new(1), new(++_index)), new Command.Ha(command))!;

    private void Find(params int[] servers) =>
        Do(new FleetCommand.Learn([.. servers.Select(s => Server(s))], [new("shop", "", "", IsManaged: true)]));

    [Test]
    public void A_server_that_an_operator_forgot_is_not_found_again_before_its_time()
    {
        Find(1, 2);
        Do(new FleetCommand.Forget(Db(2), AgainAfterMs: 60_000, new TimeStamp(1_000, 0)));
        Find(1, 2);
        Assert.That(_state.Fleet.Servers.Keys, Is.EqualTo(new[] { Db(1) }));

        _state.Apply(new(new(1), new(++_index)), new Command.TimePasses(new(61_000, 0)));
        Find(1, 2);
        Assert.That(_state.Fleet.Servers.Keys, Is.EqualTo(new[] { Db(1), Db(2) }));
    }

    [Test]
    public void The_agreed_primary_cannot_be_forgotten_and_stays_in_its_cluster()
    {
        Find(1, 2);
        Do(new HaCommand.AdoptPrimary("shop", Db(1), "n1"));
        Assert.Multiple(() =>
        {
            Assert.That(Do(new FleetCommand.Forget(Db(1), 0, default)), Is.TypeOf<CommandResult.Rejected>());
            Assert.That(Do(new FleetCommand.Learn([Server(1, "other")], [new("other", "", "", IsManaged: false)])), Is.TypeOf<CommandResult.Done>());
            Assert.That(_state.Fleet.Servers[Db(1)].Cluster, Is.EqualTo("shop"));
        });
    }

    [Test]
    public void A_cluster_that_is_forgotten_or_released_has_no_token_any_longer()
    {
        Find(1, 2);
        Do(new HaCommand.AdoptPrimary("shop", Db(1), "n1"));
        Assert.That(Do(new FleetCommand.Manage("shop", IsManaged: false)), Is.TypeOf<CommandResult.Done>());
        Assert.That(_state.Ha.Cluster("shop"), Is.Null);
        Do(new FleetCommand.Manage("shop", IsManaged: true));
        Do(new HaCommand.AdoptPrimary("shop", Db(2), "n1"));
        Do(new FleetCommand.ForgetCluster("shop"));
        Assert.That((_state.Ha.Cluster("shop"), _state.Fleet.Servers.Count, _state.Fleet.Clusters.Count), Is.EqualTo(((ClusterLedger?)null, 0, 0)));
    }

    [Test]
    public void A_cluster_is_not_released_in_the_middle_of_a_recovery()
    {
        Find(1, 2);
        Do(new HaCommand.AdoptPrimary("shop", Db(1), "n1"));
        var token = _state.Ha.Token("shop");
        Do(new HaCommand.RenewLease("shop", Db(1), "n1", token));
        Do(new HaCommand.OpenRecovery("shop", Db(1), "DeadMaster", "", token));
        Assert.That(Do(new FleetCommand.ForgetCluster("shop")), Is.TypeOf<CommandResult.Rejected>());
        Assert.That(_state.Ha.OpenRecovery("shop"), Is.Not.Null);
    }

    [Test]
    public void An_operators_alias_survives_what_is_found_later()
    {
        Find(1);
        Do(new FleetCommand.SetAlias("shop", "store"));
        Do(new FleetCommand.Learn([Server(1)], [new("shop", "detected", "shop.example", IsManaged: false)]));
        Assert.That(_state.Fleet.Clusters["shop"], Is.EqualTo(new FleetCluster("shop", "store", "shop.example", IsManaged: true)));
    }

    [Test]
    public void Another_name_of_a_server_leads_to_it_in_one_step()
    {
        Find(1, 2);
        Do(new FleetCommand.Resolve(new("a", 3306), new("b", 3306)));
        Do(new FleetCommand.Resolve(new("b", 3306), Db(1)));
        Assert.Multiple(() =>
        {
            Assert.That(_state.Fleet.NameOf(new("b", 3306)), Is.EqualTo(Db(1)));
            Assert.That(_state.Fleet.NameOf(new("a", 3306)), Is.EqualTo(new InstanceKey("a", 3306)), "a circle could not be ruled out otherwise");
            Assert.That(Do(new FleetCommand.Resolve(Db(1), new("b", 3306))), Is.TypeOf<CommandResult.Rejected>());
        });
    }

    [Test]
    public void Everything_is_there_again_after_a_snapshot()
    {
        Find(1, 2);
        Do(new FleetCommand.Seed(Db(1)));
        Do(new FleetCommand.Tag(Db(2), "role", "backup"));
        Do(new FleetCommand.Tag(Db(2), "empty", ""));
        Do(new FleetCommand.Resolve(new("10.0.0.1", 3306), Db(1)));
        Do(new FleetCommand.Unresolve(Db(1), "vip"));
        Find(3);
        Do(new FleetCommand.Forget(Db(3), 60_000, new TimeStamp(5, 0)));

        var reader = new StateReader(10);
        foreach (var block in _state.Freeze().Blocks()) reader.Add(block.Span);
        var restored = reader.Finish();
        Assert.That(restored.StateHash(), Is.EqualTo(_state.StateHash()));
        Assert.That(restored.Fleet.TagsOf(Db(2))["role"], Is.EqualTo("backup"));
        Assert.That(restored.Fleet.Forgotten[Db(3)], Is.EqualTo(60_005));
    }

    [Test]
    public void A_state_without_a_fleet_is_written_as_before()
    {
        Do(new HaCommand.AdoptPrimary("main", Db(1), "n1"));
        Assert.That(_state.Freeze().Sections.Select(s => s.Kind), Does.Not.Contain(SectionKind.Fleet));
    }

    /// <summary>Every case, written and read; the bytes of the log must never change, so they stand here.</summary>
    [TestCaseSource(nameof(Commands))]
    public void A_command_in_the_log_stays_readable(FleetCommand command, string golden)
    {
        var bytes = CommandCodec.Encode(new Command.Fleet(command));
        Assert.That(Convert.ToHexString(bytes), Is.EqualTo(golden));
        Assert.That(CommandCodec.Encode(CommandCodec.Decode(bytes)), Is.EqualTo(bytes));
    }

    private static IEnumerable<TestCaseData> Commands()
    {
        yield return new(new FleetCommand.Seed(Db(1)), "010B010103646231EA19");
        yield return new(new FleetCommand.Learn([new(Db(1), "c", "d", "a", "must")], [new("c", "x", "y", IsManaged: true)]), "010B01020103646231EA19016301640161046D75737401016301780179" + "01");
        yield return new(new FleetCommand.Forget(Db(1), 5, new TimeStamp(7, 9)), "010B010303646231EA19050709");
        yield return new(new FleetCommand.ForgetCluster("c"), "010B01040163");
        yield return new(new FleetCommand.SetAlias("c", "a"), "010B010501630161");
        yield return new(new FleetCommand.Manage("c", IsManaged: false), "010B0106016300");
        yield return new(new FleetCommand.Tag(Db(1), "n", "v"), "010B010703646231EA19016E0176");
        yield return new(new FleetCommand.Untag(Db(1), "n"), "010B010803646231EA19016E");
        yield return new(new FleetCommand.Resolve(Db(1), Db(2)), "010B010903646231EA190103646232EA19");
        yield return new(new FleetCommand.Unresolve(Db(1), "v"), "010B010A03646231EA190176");
    }

    [Test]
    public void Found_servers_join_the_cluster_of_the_configuration_and_leave_it_as_it_was_otherwise()
    {
        var config = new NodeConfig
        {
            Self = new("n1"), DataCenter = "east", PeerBind = new("n1", 1), Members = [],
            Clusters = [new("main", [new(Db(1), "east")])],
        };
        var known = new KnownClusters(config);
        Assert.That(known.Of(_state.Fleet), Is.EqualTo(config.Clusters), "the very same array: nothing was found");
        Do(new FleetCommand.Learn([Server(1, "main"), Server(2, "main"), Server(3)], [new("shop", "", "", IsManaged: false)]));
        var clusters = known.Of(_state.Fleet);
        Assert.That(clusters.Select(c => (c.Alias, string.Join(' ', c.Instances.Select(i => i.Key)), c.IsManaged)), Is.EqualTo(new[]
        {
            ("main", "db1:3306 db2:3306", true), ("shop", "db3:3306", false),
        }));
        Do(new FleetCommand.Tag(Db(1), "x", ""));
        Assert.That(known.Of(_state.Fleet) == clusters, Is.True, "a tag is no reason to build anything anew");
    }
}
