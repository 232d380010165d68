using System.Collections.Immutable;
using Verify.Node.Api;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Node.State.Catalogue;
using Verify.Raft;

namespace Verify.Node.Tests.State;

/// <summary>The catalogue as the log makes it: by the group's time and by nothing else.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class CatalogueStateTests
{
    private readonly ReplicatedState _state = new(10);
    private long _index;

    [Test]
    public void An_instance_without_a_heartbeat_is_removed_when_its_time_is_up_and_not_a_millisecond_before()
    {
        Apply(0, Register("web-1", ttl: 1000));
        Apply(600, new CatalogueCommand.Heartbeat("web-1", null));
        Pass(1599);
        Assert.That(Ids(), Is.EqualTo(new[] { "web-1" }));
        Pass(1600);
        Assert.That(Ids(), Is.Empty);
        Assert.That(_state.Catalogue.IndexOf("web"), Is.EqualTo(_index), "whoever waits for the service hears of its end");
        Assert.That(Apply(1601, new CatalogueCommand.Heartbeat("web-1", null)), Is.InstanceOf<CommandResult.NotFound>(), "a heartbeat brings nothing back");
    }

    [Test]
    public void A_heartbeat_changes_no_index_so_that_nobody_is_woken_by_it()
    {
        Apply(0, Register("web-1", ttl: 1000));
        var before = (_state.Catalogue.Index, _state.Catalogue.IndexOf("web"), _state.Catalogue.Get("web-1")!.ModifyIndex);
        Apply(10, new CatalogueCommand.Heartbeat("web-1", 7));
        Apply(20, Register("web-1", ttl: 1000));
        Assert.That((_state.Catalogue.Index, _state.Catalogue.IndexOf("web"), _state.Catalogue.Get("web-1")!.ModifyIndex), Is.EqualTo(before));
        Assert.That((_state.Catalogue.Get("web-1")!.Connections, _state.Catalogue.Get("web-1")!.ExpiresAtMs), Is.EqualTo((7L, 1020L)));
    }

    [Test]
    public void An_untouched_TTL_check_becomes_critical_and_then_takes_the_registration_with_it()
    {
        Apply(0, Register("web-1", checks: Ttl("alive", 500) with { InitialStatus = CheckStatus.Passing, DeregisterAfterMs = 2000 }));
        Apply(400, Report("web-1", "alive", CheckStatus.Passing));
        Pass(899);
        Assert.That(_state.Catalogue.Get("web-1")!.Status, Is.EqualTo(CheckStatus.Passing));
        Pass(900);
        Assert.That((_state.Catalogue.Get("web-1")!.Status, _state.Catalogue.Get("web-1")!.Checks[0].Output), Is.EqualTo((CheckStatus.Critical, "TTL expired: no update within 500 ms")));
        Pass(2899);
        Assert.That(Ids(), Is.EqualTo(new[] { "web-1" }));
        Pass(2900);
        Assert.That(Ids(), Is.Empty);
    }

    [Test]
    public void A_group_that_stood_still_for_hours_ends_everything_with_its_first_stamp()
    {
        Apply(0, Register("web-1", checks: Ttl("alive", 500) with { InitialStatus = CheckStatus.Passing, DeregisterAfterMs = 2000 }));
        Apply(0, Register("web-2", ttl: 1000));
        Pass(10_000_000);
        Assert.That(Ids(), Is.Empty);
    }

    [Test]
    public void A_result_of_an_old_definition_or_of_a_node_that_no_longer_owns_the_check_does_not_count()
    {
        Apply(0, Register("web-1", checks: Tcp("port", "h:80")));
        var old = _state.Catalogue.Get("web-1")!.Checks[0].DefinedIndex;
        Assert.That(Apply(1, new CatalogueCommand.Report("web-1", "port", CheckStatus.Passing, "", "n2", old)), Is.InstanceOf<CommandResult.NotFound>(), "n1 owns it");
        Apply(2, Register("web-1", checks: Tcp("port", "h:81")));
        Assert.That(Apply(3, new CatalogueCommand.Report("web-1", "port", CheckStatus.Passing, "", "n1", old)), Is.InstanceOf<CommandResult.NotFound>());
        Assert.That(Apply(4, new CatalogueCommand.Report("web-1", "port", CheckStatus.Passing, "", null, 0)), Is.InstanceOf<CommandResult.NotFound>(), "the service cannot speak for its own port");
        Assert.That(_state.Catalogue.Get("web-1")!.Status, Is.EqualTo(CheckStatus.Critical));
        Assert.That(Apply(5, new CatalogueCommand.Report("web-1", "port", CheckStatus.Passing, "", "n1", _state.Catalogue.Get("web-1")!.Checks[0].DefinedIndex)), Is.InstanceOf<CommandResult.Done>());
        Assert.That(_state.Catalogue.Get("web-1")!.Status, Is.EqualTo(CheckStatus.Passing));
    }

    [Test]
    public void When_the_owner_is_gone_what_it_ran_is_critical_and_what_the_service_says_itself_stands()
    {
        Apply(0, Register("web-1", checks: [Tcp("port", "h:80") with { InitialStatus = CheckStatus.Passing }, Ttl("alive", 5000) with { InitialStatus = CheckStatus.Passing }]));
        Apply(0, Register("web-2", node: "n2", checks: Tcp("port2", "h:80") with { InitialStatus = CheckStatus.Passing }));
        Apply(10, new CatalogueCommand.OwnerGone("n1", "n3"));
        var instance = _state.Catalogue.Get("web-1")!;
        Assert.That(instance.Checks.Select(c => c.Status), Is.EqualTo(new[] { CheckStatus.Critical, CheckStatus.Passing }));
        Assert.That((instance.Spec.Node, instance.Checks[0].CriticalSinceMs), Is.EqualTo(("n3", 10L)));
        Assert.That(_state.Catalogue.Get("web-2")!.Status, Is.EqualTo(CheckStatus.Passing));
        Assert.That(Apply(11, new CatalogueCommand.OwnerGone("n1", "n3")), Is.InstanceOf<CommandResult.NotFound>());
    }

    [Test]
    public void Registering_again_keeps_the_status_of_a_check_that_is_the_same()
    {
        Apply(0, Register("web-1", checks: Ttl("alive", 500)));
        Apply(1, Report("web-1", "alive", CheckStatus.Warning));
        Apply(300, Register("web-1", port: 99, checks: Ttl("alive", 500)));
        Assert.That((_state.Catalogue.Get("web-1")!.Status, _state.Catalogue.Get("web-1")!.Checks[0].DueAtMs), Is.EqualTo((CheckStatus.Warning, 800L)));
    }

    [Test]
    public void Compare_and_set_holds_for_registering_and_for_deregistering()
    {
        Assert.That(Apply(0, new CatalogueCommand.Register(Spec("web-1"), 0)), Is.EqualTo(new CommandResult.Done(1)));
        Assert.That(Apply(0, new CatalogueCommand.Register(Spec("web-1", port: 2), 0)), Is.EqualTo(new CommandResult.CasConflict(1)));
        Assert.That(Apply(0, new CatalogueCommand.Register(Spec("web-1", port: 2), 1)), Is.EqualTo(new CommandResult.Done(3)));
        Assert.That(Apply(0, new CatalogueCommand.Deregister("web", null, 1)), Is.EqualTo(new CommandResult.CasConflict(3)));
        Assert.That(Apply(0, new CatalogueCommand.Deregister("web", null, 3)), Is.EqualTo(new CommandResult.Done(5)));
        Assert.That(Apply(0, new CatalogueCommand.Deregister("web", null, null)), Is.InstanceOf<CommandResult.NotFound>());
    }

    [Test]
    public void A_name_has_several_instances_and_an_id_that_changes_its_name_leaves_the_old_one()
    {
        Apply(0, Register("web-1"));
        Apply(0, Register("web-2"));
        Assert.That(_state.Catalogue.Of("web").Select(i => i.Id), Is.EqualTo(new[] { "web-1", "web-2" }));
        Apply(0, new CatalogueCommand.Register(Spec("web-2") with { Name = "api" }, null));
        Assert.That((_state.Catalogue.Of("web").Count(), _state.Catalogue.Of("api").Count(), string.Join(' ', _state.Catalogue.Names)), Is.EqualTo((1, 1, "api web")));
        Apply(0, new CatalogueCommand.Import([Spec("db-1") with { Name = "db" }], Replaces: true));
        Assert.That(Ids(), Is.EqualTo(new[] { "db-1" }));
    }

    [Test]
    public void A_restored_catalogue_answers_every_later_command_as_the_original_does([Range(1, 8)] int seed)
    {
        var dice = new Dice((ulong)seed);
        var state = new ReplicatedState(5, 2);
        var time = 0L;
        for (var i = 1; i <= 400; i++) state.Apply(Id(i), Draw(dice, time += dice.Next(60)));
        var restored = StateImageTests.Restore(StateImageTests.Blocks(state.Freeze()));
        Assert.That(state.Catalogue.Count, Is.Positive);
        for (var i = 401; i <= 800; i++)
        {
            var command = Draw(dice, time += dice.Next(60));
            Assert.That(restored.Apply(Id(i), command), Is.EqualTo(state.Apply(Id(i), command)), $"entry {i}: {command}");
            Assert.That((restored.Catalogue.Index, restored.Catalogue.IndexOf("s1")), Is.EqualTo((state.Catalogue.Index, state.Catalogue.IndexOf("s1"))));
            Assert.That(restored.NextDeadlineMs, Is.EqualTo(state.NextDeadlineMs));
        }

        Assert.That(restored.StateHash(), Is.EqualTo(state.StateHash()));
        Assert.That(StateImageTests.Blocks(restored.Freeze()), Is.EqualTo(StateImageTests.Blocks(state.Freeze())), "the same state has the same bytes, whatever its history");
    }

    /// <summary>A command of every kind, for golden bytes.</summary>
    private static readonly (string Name, Command Command)[] Golden =
    [
        ("register", Stamped(new CatalogueCommand.Register(Full(), 7))),
        ("register-plain", new Command.Catalogue(new CatalogueCommand.Register(Spec("a"), null), new(1, 2), null)),
        ("deregister", Stamped(new CatalogueCommand.Deregister("web", null, 3))),
        ("heartbeat", Stamped(new CatalogueCommand.Heartbeat("web-1", 12))),
        ("report", Stamped(new CatalogueCommand.Report("web-1", "c", CheckStatus.Warning, "slow", "n1", 9))),
        ("set-check", Stamped(new CatalogueCommand.SetCheck("web-1", Ttl("c", 100)))),
        ("remove-check", Stamped(new CatalogueCommand.RemoveCheck("web-1", "c"))),
        ("owner-gone", Stamped(new CatalogueCommand.OwnerGone("n1", "n2"))),
        ("strategy", Stamped(new CatalogueCommand.SetStrategy(PickStrategy.LeastConnections))),
        ("import", Stamped(new CatalogueCommand.Import([Spec("a"), Spec("b")], Replaces: true))),
    ];

    [Test]
    public void The_bytes_of_commands_stay_what_they_are_and_mean_the_same()
    {
        Tests.Golden.Check("catalogue-command-v1.txt", [.. Golden.Select(g => (g.Name, CommandCodec.Encode(g.Command)))]);
        foreach (var (name, bytes) in Tests.Golden.Read("catalogue-command-v1.txt"))
            Assert.That(CommandCodec.Encode(CommandCodec.Decode(bytes)), Is.EqualTo(bytes), name);
    }

    private static Command.Catalogue Stamped(CatalogueCommand inner) => new(inner, new(1000, 1_700_000_000_000), new RequestId("s", 4));

    private static ServiceSpec Full() => new()
    {
        Id = "web-1", Name = "web", Address = "10.0.0.1", Port = 80, Tags = ["a", "b"], TtlMs = 30_000, WeightPassing = 5, WeightWarning = 2, Node = "n1", DataCenter = "east",
        Meta = ImmutableSortedDictionary.CreateRange(StringComparer.Ordinal, [KeyValuePair.Create("k", "v")]),
        Checks =
        [
            new() { Id = "h", Name = "http", Kind = CheckKind.Http, Target = "http://h:1/x", Method = "HEAD", IntervalMs = 1000, TimeoutMs = 500, DeregisterAfterMs = 60_000, SuccessBeforePassing = 2, FailuresBeforeCritical = 3, InitialStatus = CheckStatus.Passing, Notes = "n" },
        ],
    };

    private static Command.Catalogue Draw(Dice dice, long time)
    {
        var (id, node) = ($"i{dice.Next(12)}", $"n{dice.Next(3)}");
        CheckSpec[] checks = dice.Next(3) switch
        {
            0 => [],
            1 => [Ttl("c", 100 + dice.Next(500)) with { DeregisterAfterMs = dice.Next(2) * 700, InitialStatus = CheckStatus.Passing }],
            _ => [Tcp("c", "h:1"), Ttl("d", 300)],
        };
        CatalogueCommand command = dice.Next(10) switch
        {
            0 => new CatalogueCommand.Deregister($"s{dice.Next(4)}", null, null),
            1 => new CatalogueCommand.Deregister(null, id, dice.Chance(500) ? dice.Next(300) : null),
            2 => new CatalogueCommand.Heartbeat(id, dice.Next(4)),
            3 => new CatalogueCommand.Report(id, "c", (CheckStatus)(1 + dice.Next(3)), "", dice.Chance(500) ? node : null, dice.Next(400)),
            4 => new CatalogueCommand.OwnerGone(node, dice.Chance(800) ? $"n{dice.Next(3)}" : null),
            5 => new CatalogueCommand.SetStrategy((PickStrategy)(1 + dice.Next(3))),
            6 => dice.Chance(500) ? new CatalogueCommand.SetCheck(id, Ttl("c", 200)) : new CatalogueCommand.RemoveCheck(id, "c"),
            _ => new CatalogueCommand.Register(Spec(id, port: dice.Next(5)) with { Name = $"s{dice.Next(4)}", Node = node, TtlMs = dice.Next(3) * 400, Checks = [.. checks] }, null),
        };
        return new Command.Catalogue(command, new(time, time), dice.Chance(300) ? new RequestId($"s{dice.Next(4)}", dice.Next(30)) : null);
    }

    private static ServiceSpec Spec(string id, int port = 80) => new() { Id = id, Name = "web", Address = "10.0.0.1", Port = port, Node = "n1" };

    private static CatalogueCommand.Register Register(string id, int port = 80, long ttl = 0, string node = "n1", params CheckSpec[] checks) =>
        new(Spec(id, port) with { TtlMs = ttl, Node = node, Checks = [.. checks] }, null);

    private static CheckSpec Ttl(string id, long ms) => new() { Id = id, Name = id, Kind = CheckKind.Ttl, TtlMs = ms };

    private static CheckSpec Tcp(string id, string target) => new() { Id = id, Name = id, Kind = CheckKind.Tcp, Target = target };

    private static CatalogueCommand.Report Report(string instance, string check, CheckStatus status) => new(instance, check, status, "", null, 0);

    private IEnumerable<string> Ids() => _state.Catalogue.All.Select(i => i.Id);

    private void Pass(long atMs) => _state.Apply(Id(++_index), new Command.TimePasses(new(atMs, atMs)));

    private CommandResult Apply(long atMs, CatalogueCommand command) => _state.Apply(Id(++_index), new Command.Catalogue(command, new(atMs, atMs), null))!;

    private static EntryId Id(long index) => new(new(1), new(index));
}
