using Verify.Node.State;
using Verify.Node.State.Throttle;
using Verify.Node.State.Time;
using Verify.Raft;

namespace Verify.Node.Tests.Throttle;

/// <summary>Throttled applications and skipped hosts as the log makes them, by the group's time.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ThrottleStateTests
{
    private readonly ReplicatedState _state = new(10);
    private long _index;

    private static readonly (string Name, Command Command)[] One =
    [
        ("throttle", new Command.Throttle(new ThrottleCommand.ThrottleApp("archive", "main", 60_000, 250_000), new(1_000, 1_700_000_000_000))),
        ("throttle-for-ever", new Command.Throttle(new ThrottleCommand.ThrottleApp("archive", "", null, null), new(1_000, 1_700_000_000_000))),
        ("unthrottle", new Command.Throttle(new ThrottleCommand.UnthrottleApp("archive", "main"), new(1_000, 1_700_000_000_000))),
        ("skip", new Command.Throttle(new ThrottleCommand.SkipHost("db3", 3_600_000), new(1_000, 1_700_000_000_000))),
        ("recover", new Command.Throttle(new ThrottleCommand.RecoverHost("db3"), new(1_000, 1_700_000_000_000))),
    ];

    [Test]
    public void The_bytes_of_throttle_commands_stay_what_they_are() => Golden.Check("throttle-command-v1.txt", [.. One.Select(o => (o.Name, CommandCodec.Encode(o.Command)))]);

    [Test]
    public void Golden_throttle_commands_are_read_and_mean_the_same()
    {
        var golden = Golden.Read("throttle-command-v1.txt");
        foreach (var (name, command) in One) Assert.That(CommandCodec.Decode(golden[name]), Is.EqualTo(command), name);
        Assert.That(One.Select(o => ((Command.Throttle)o.Command).Inner.GetType().Name).Distinct(StringComparer.Ordinal),
            Is.EquivalentTo(typeof(ThrottleCommand).GetNestedTypes().Select(t => t.Name)));
    }

    [Test]
    public void A_throttled_application_ends_by_the_groups_time_and_one_without_ttl_never_does()
    {
        Apply(new ThrottleCommand.ThrottleApp("short", "", 60_000, null), at: 1_000);
        Apply(new ThrottleCommand.ThrottleApp("ever", "", null, null), at: 1_000);
        Pass(60_999);
        Assert.That(Names(), Is.EqualTo(new[] { "ever", "short" }));
        Pass(61_000);
        Assert.That(Names(), Is.EqualTo(new[] { "ever" }));
        Pass(long.MaxValue / 4);
        Assert.That(Names(), Is.EqualTo(new[] { "ever" }));
    }

    [Test]
    public void Throttling_again_changes_only_what_is_said()
    {
        Apply(new ThrottleCommand.ThrottleApp("a", "", 60_000, 500_000), at: 0);
        Apply(new ThrottleCommand.ThrottleApp("a", "", null, 100_000), at: 10_000);
        Assert.That(_state.Throttle.Apps.Single(), Is.EqualTo(new ThrottledApp("a", "", 60_000, 100_000)));
        Apply(new ThrottleCommand.ThrottleApp("a", "", 60_000, null), at: 20_000);
        Assert.That(_state.Throttle.Apps.Single(), Is.EqualTo(new ThrottledApp("a", "", 80_000, 100_000)));
    }

    [Test]
    public void Unthrottling_an_application_ends_each_of_its_stores_and_a_store_only_itself()
    {
        foreach (var store in new[] { "", "main", "other" }) Apply(new ThrottleCommand.ThrottleApp("a", store, null, null), at: 0);
        Apply(new ThrottleCommand.ThrottleApp("ab", "", null, null), at: 0);
        Apply(new ThrottleCommand.UnthrottleApp("a", "main"), at: 0);
        Assert.That(Names(), Is.EqualTo(new[] { "a", "a/other", "ab" }));
        Assert.That(Apply(new ThrottleCommand.UnthrottleApp("a", ""), at: 0), Is.InstanceOf<CommandResult.Done>());
        Assert.That(Apply(new ThrottleCommand.UnthrottleApp("nobody", ""), at: 0), Is.InstanceOf<CommandResult.Done>());
        Assert.That(Names(), Is.EqualTo(new[] { "ab" }));
    }

    /// <summary>freno's snapshot holds nothing: after a restart everything was gone.</summary>
    [Test]
    public void What_is_throttled_and_skipped_is_in_a_snapshot_and_ends_there_at_the_same_moment()
    {
        Apply(new ThrottleCommand.ThrottleApp("a", "main", 60_000, 250_000), at: 5_000);
        Apply(new ThrottleCommand.ThrottleApp("b", "", null, null), at: 5_000);
        Apply(new ThrottleCommand.SkipHost("db3", 30_000), at: 6_000);
        var reader = new StateReader(10);
        foreach (var block in _state.Freeze().Blocks()) reader.Add(block.Span);
        var restored = reader.Finish();
        Assert.That(restored.StateHash(), Is.EqualTo(_state.StateHash()));
        Assert.That(restored.Throttle.Apps, Is.EqualTo(_state.Throttle.Apps));
        Assert.That(restored.Throttle.Hosts, Is.EqualTo(new[] { new SkippedHost("db3", 36_000) }));
        Assert.That(restored.NextDeadlineMs, Is.EqualTo(36_000));
        restored.Apply(new(new(1), new(_index + 1)), new Command.TimePasses(new(36_000, 0)));
        Assert.That(restored.Throttle.Hosts, Is.Empty);
        Assert.That(restored.Throttle.Apps, Has.Count.EqualTo(2));
    }

    [Test]
    public void There_is_an_end_to_throttled_applications()
    {
        for (var i = 0; i < ThrottleState.AppsMax; i++) Apply(new ThrottleCommand.ThrottleApp($"a{i}", "", null, null), at: 0);
        Assert.That(Apply(new ThrottleCommand.ThrottleApp("more", "", null, null), at: 0), Is.InstanceOf<CommandResult.Rejected>());
        Assert.That(Apply(new ThrottleCommand.ThrottleApp("a7", "", null, 1), at: 0), Is.InstanceOf<CommandResult.Done>());
    }

    private CommandResult Apply(ThrottleCommand command, long at) => _state.Apply(new(new(1), new(++_index)), new Command.Throttle(command, new(at, 0)))!;

    private void Pass(long at) => _state.Apply(new(new(1), new(++_index)), new Command.TimePasses(new TimeStamp(at, 0)));

    private IEnumerable<string> Names() => _state.Throttle.Apps.Select(a => a.Key);
}
