using System.Text;
using Verify.Node.Api;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Node.State.Time;
using Verify.Raft;

namespace Verify.Node.Tests.State;

/// <summary>How long a session is remembered, and what happens when there is no place for another one.</summary>
public sealed class SessionAgesTests
{
    private const long KeptMs = 120_000;
    private ReplicatedState _state = new(sessionsMax: 3);
    private long _index;

    [SetUp]
    public void StartWithNothing() => (_state, _index) = (new(sessionsMax: 3), 0);

    [Test]
    public void A_new_session_is_refused_while_all_that_are_remembered_may_still_send_their_write_again()
    {
        Keep(3);
        foreach (var name in new[] { "one", "two", "three" }) Put(name, "mine", new(name, 1));
        var refused = Put("k", "no place", new("four", 1));
        Assert.That(refused, Is.TypeOf<CommandResult.Busy>());
        Assert.That(((CommandResult.Busy)refused).Why, Does.Contain("3 sessions have written within the last 120 s"));
        Assert.That((_state.Kv.Get("k"), _state.Sessions.Count), Is.EqualTo(((KvPair?)null, 3)), "nothing was done");
        Assert.That(Put("two", "twice", new("two", 1)), Is.EqualTo(new CommandResult.Done(3)), "its write is not applied a second time");
        Assert.That(Value("two"), Is.EqualTo("mine"));
        Assert.That(Put("two", "next", new("two", 2)), Is.TypeOf<CommandResult.Done>(), "a session that is remembered goes on");
        Assert.That(Put("k", "without a session", id: null), Is.TypeOf<CommandResult.Done>());
    }

    [Test]
    public void The_oldest_session_makes_room_when_it_was_kept_for_as_long_as_was_promised_and_not_before()
    {
        Keep(2);
        Put("a", "1", new("old", 1));
        TimeIs(10_400);
        Put("b", "1", new("newer", 1));
        TimeIs(30_000);
        TimeIs(10_400 + KeptMs);
        var refused = (CommandResult.Busy)Put("c", "1", new("next", 1));
        Assert.That(refused.RetryAfterMs, Is.InRange(1, 1_000));
        Assert.That(Put("a", "twice", new("old", 1)), Is.EqualTo(new CommandResult.Done(2)));
        TimeIs(11_000 + KeptMs);
        Assert.That(Put("c", "1", new("next", 1)), Is.TypeOf<CommandResult.Done>());
        Assert.That(Put("d", "1", new("another", 1)), Is.TypeOf<CommandResult.Busy>(), "newer has its own two minutes");
        Assert.That(Put("b", "twice", new("newer", 1)), Is.EqualTo(new CommandResult.Done(4)));
    }

    [Test]
    public void A_session_that_writes_again_is_young_again()
    {
        Keep(2);
        Put("a", "1", new("busy", 1));
        Put("a", "1", new("idle", 1));
        TimeIs(1_000);
        TimeIs(100_000);
        Put("a", "2", new("busy", 2));
        TimeIs(101_000);
        TimeIs(2_000 + KeptMs);
        Assert.That(Put("b", "1", new("next", 1)), Is.TypeOf<CommandResult.Done>());
        Assert.That(Put("a", "twice", new("busy", 2)), Is.EqualTo(new CommandResult.Done(6)), "idle was forgotten, busy was not");
    }

    /// <summary>A write has no stamp, and the group's time may have stood still for hours before it.</summary>
    [Test]
    public void A_write_counts_as_made_when_the_time_was_next_told_and_not_when_it_was_told_last()
    {
        Keep(1);
        TimeIs(1_000);
        Put("a", "1", new("one", 1));
        TimeIs(3_600_000);
        Assert.That(Put("b", "1", new("two", 1)), Is.TypeOf<CommandResult.Busy>(), "it may have been made a moment ago");
        TimeIs(3_601_000 + KeptMs);
        Assert.That(Put("b", "1", new("two", 1)), Is.TypeOf<CommandResult.Done>());
    }

    [Test]
    public void A_table_that_was_full_when_terms_were_agreed_on_makes_room_at_once_and_a_new_session_is_kept()
    {
        foreach (var name in new[] { "one", "two", "three" }) Put("k", "former", new(name, 1));
        Keep(3);
        Assert.That(Put("k", "1", new("four", 1)), Is.TypeOf<CommandResult.Done>(), "an upgrade refuses nobody");
        Assert.That(Put("k", "1", new("five", 1)), Is.TypeOf<CommandResult.Done>());
        Assert.That(Put("k", "1", new("six", 1)), Is.TypeOf<CommandResult.Done>());
        Assert.That(Put("k", "1", new("seven", 1)), Is.TypeOf<CommandResult.Busy>());
        Assert.That(Put("k", "twice", new("four", 1)), Is.EqualTo(new CommandResult.Done(5)));
    }

    [Test]
    public void However_often_the_time_is_told_what_is_kept_of_it_is_bounded()
    {
        Keep(10_000);
        for (var i = 0; i < 20_000; i++)
        {
            Put("k", "v", new($"s{i % 50}", i));
            TimeIs(i * 25L);
        }

        Assert.That(_state.Freeze().Sections.Single(s => s.Kind == SectionKind.SessionAges).Records, Is.InRange(100, 125));
    }

    [Test]
    public void A_state_from_a_snapshot_forgets_and_refuses_exactly_as_the_original([Range(1, 8)] int seed)
    {
        var dice = new Dice((ulong)seed);
        var (now, refused, done) = (0L, 0, 0);
        Command Draw()
        {
            now += dice.Next(2_000);
            return dice.Next(12) switch
            {
                0 => new Command.TimePasses(new(now, 0)),
                1 when dice.Chance(50) => new Command.KeepSessions(new(4 + dice.Next(4), 20_000 + dice.Next(20_000))),
                _ => new Command.KvPut("k", Encoding.UTF8.GetBytes($"{now}"), 0, null, new($"s{dice.Next(12)}", dice.Next(20))),
            };
        }

        Keep(6, 30_000);
        for (var i = 0; i < 300; i++) Apply(Draw());
        var restored = StateImageTests.Restore(StateImageTests.Blocks(_state.Freeze()));
        for (var i = 0; i < 600; i++)
        {
            var command = Draw();
            var id = new EntryId(new(1), new(_index + 1));
            var (theirs, ours) = (restored.Apply(id, command), Apply(command));
            Assert.That(theirs, Is.EqualTo(ours), $"{command}");
            if (ours is CommandResult.Busy) refused++;
            else if (ours is CommandResult.Done) done++;
        }

        Assert.That(restored.StateHash(), Is.EqualTo(_state.StateHash()));
        Assert.That((refused > 10, done > 10), Is.EqualTo((true, true)), $"{refused} refused, {done} done");
    }

    /// <summary>Whatever the group's time does, within the promised span a write that is repeated is never applied twice.</summary>
    [Test]
    public void No_write_is_applied_twice_within_the_promised_time([Range(1, 20)] int seed)
    {
        var dice = new Dice((ulong)seed);
        Keep(1 + dice.Next(8), 10_000);
        var (real, group, told) = (0L, 0L, 0L);
        var applied = new SortedDictionary<string, (long RealMs, CommandResult Result)>(StringComparer.Ordinal);
        for (var i = 0; i < 2_000; i++)
        {
            // The group's time is never faster than true time, stands still now and then, and is told now and then.
            var step = dice.Next(200);
            real += step;
            if (!dice.Chance(100)) group += step;
            if (dice.Chance(200)) TimeIs(told = group);
            if (dice.Chance(20)) group = told; // Another leader: it goes on from what was told last.
            var name = $"s{dice.Next(400)}";
            var result = Put("k", $"{i}", new(name, 1));
            if (applied.TryGetValue(name, out var first) && real - first.RealMs < 10_000) Assert.That(result, Is.EqualTo(first.Result), $"step {i}: {name} was applied {real - first.RealMs} ms ago");
            else if (result is CommandResult.Done(var at) && at == _index) applied[name] = (real, result);
        }

        Assert.That(applied, Is.Not.Empty);
    }

    [TestCase(0, 1)]
    [TestCase(1, 0)]
    [TestCase(20_000_000, 1)]
    [TestCase(1, long.MaxValue)]
    public void Terms_that_nobody_could_keep_are_not_read(long count, long keptMs) =>
        Assert.That(() => CommandCodec.Decode(CommandCodec.Encode(new Command.KeepSessions(new(count, keptMs)))), Throws.TypeOf<Verify.Node.Codec.WireFormatException>());

    [Test]
    public void The_entry_that_brings_the_terms_needs_version_3_and_comes_out_as_it_went_in()
    {
        var bytes = CommandCodec.Encode(new Command.KeepSessions(new(10_000, KeptMs)));
        Assert.That((CommandCodec.VersionOf(bytes), CommandCodec.Decode(bytes)), Is.EqualTo((3, (Command)new Command.KeepSessions(new(10_000, KeptMs)))));
        Keep(3);
        Assert.That(_state.NeedsVersion3, Is.True, "a program that does not know the terms would forget other sessions");
    }

    private string Value(string key) => Encoding.UTF8.GetString(_state.Kv.Get(key)!.Value.Span);

    private void Keep(long count, long keptMs = KeptMs) => Apply(new Command.KeepSessions(new(count, keptMs)));

    private void TimeIs(long ms) => Apply(new Command.TimePasses(new TimeStamp(ms, 0)));

    private CommandResult Put(string key, string value, RequestId? id) => Apply(new Command.KvPut(key, Encoding.UTF8.GetBytes(value), 0, null, id));

    private CommandResult Apply(Command command) => _state.Apply(new(new(1), new(++_index)), command)!;
}
