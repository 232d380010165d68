using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Verify.Node.Api;
using Verify.Node.Codec;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Node.State.Ledger;
using Verify.Raft;

namespace Verify.Node.Tests.State;

/// <summary>The replicated key-value state: a function of the log.</summary>
public sealed class KvStoreTests
{
    private ReplicatedState _state = new(sessionsMax: 3);
    private long _index;

    [SetUp]
    public void StartWithNothing() => (_state, _index) = (new(sessionsMax: 3), 0);

    [Test]
    public void Create_and_modify_index_are_the_indexes_of_the_entries()
    {
        Barrier();
        Assert.That(Put("k", "1"), Is.EqualTo(new CommandResult.Done(2)));
        Assert.That(Put("k", "2"), Is.EqualTo(new CommandResult.Done(3)));
        Assert.That((_state.Kv.Get("k")!.CreateIndex, _state.Kv.Get("k")!.ModifyIndex), Is.EqualTo((2L, 3L)));
    }

    [Test]
    public void Compare_and_set_compares_the_modify_index_and_zero_means_must_not_exist()
    {
        Assert.That(Put("k", "1", expected: 0), Is.EqualTo(new CommandResult.Done(1)));
        Assert.That(Put("k", "2", expected: 0), Is.EqualTo(new CommandResult.CasConflict(1)));
        Assert.That(Put("k", "2", expected: 1), Is.EqualTo(new CommandResult.Done(3)));
        Assert.That(Put("k", "3", expected: 1), Is.EqualTo(new CommandResult.CasConflict(3)));
        Assert.That(Put("other", "3", expected: 7), Is.EqualTo(new CommandResult.CasConflict(0)));
    }

    [Test]
    public void Delete_compares_too_and_says_when_there_is_nothing()
    {
        Put("k", "1");
        Assert.That(Delete("k", expected: 9), Is.EqualTo(new CommandResult.CasConflict(1)));
        Assert.That(Delete("k", expected: 1), Is.EqualTo(new CommandResult.Done(3)));
        Assert.That(Delete("k"), Is.EqualTo(new CommandResult.NotFound()));
        Put("k", "again");
        Assert.That(_state.Kv.Get("k")!.CreateIndex, Is.EqualTo(5), "a key that was deleted begins anew");
    }

    [Test]
    public void A_prefix_lists_its_keys_sorted()
    {
        foreach (var key in new[] { "b/2", "a", "b/10", "c", "b/1", "B/1" }) Put(key, key);
        Assert.That(_state.Kv.List("b/").Select(p => p.Key), Is.EqualTo(new[] { "b/1", "b/10", "b/2" }));
        Assert.That(_state.Kv.List("").Select(p => p.Key), Is.EqualTo(new[] { "B/1", "a", "b/1", "b/10", "b/2", "c" }));
    }

    [Test]
    public void A_write_that_is_sent_again_is_applied_once_and_answered_the_same()
    {
        var first = Put("k", "mine", expected: 0, id: new("s", 1));
        Put("k", "somebody else's");
        Assert.That(Put("k", "mine", expected: 0, id: new("s", 1)), Is.EqualTo(first));
        Assert.That(Encoding.UTF8.GetString(_state.Kv.Get("k")!.Value.Span), Is.EqualTo("somebody else's"));
    }

    [Test]
    public void A_refused_write_that_is_sent_again_is_refused_again()
    {
        Put("k", "1");
        var refused = Put("k", "2", expected: 0, id: new("s", 1));
        Delete("k");
        Assert.That(Put("k", "2", expected: 0, id: new("s", 1)), Is.EqualTo(refused), "the answer of the first time stands");
    }

    [Test]
    public void A_write_that_its_session_has_left_behind_is_rejected()
    {
        Put("k", "2", id: new("s", 2));
        Assert.That(Put("k", "1", id: new("s", 1)), Is.TypeOf<CommandResult.Rejected>());
        Assert.That(Encoding.UTF8.GetString(_state.Kv.Get("k")!.Value.Span), Is.EqualTo("2"));
    }

    /// <summary>What every release did to the entries of its time, so that an old log gives the state that it gave then. What is promised since: <see cref="SessionAgesTests"/>.</summary>
    [Test]
    public void Until_the_group_has_agreed_on_terms_the_session_that_wrote_longest_ago_is_forgotten_when_there_are_too_many()
    {
        Put("k", "1", id: new("old", 1));
        Put("k", "2", id: new("busy", 1));
        Put("k", "3", id: new("other", 1));
        Put("k", "4", id: new("old", 2));
        Put("k", "5", id: new("newest", 1));
        Assert.That(_state.Sessions.Count, Is.EqualTo(3));
        Assert.That(Put("k", "again", id: new("old", 2)), Is.EqualTo(new CommandResult.Done(4)), "old wrote lately and is remembered");
        Assert.That(Put("k", "again", id: new("busy", 1)), Is.EqualTo(new CommandResult.Done(7)), "busy was the one that was forgotten");
    }

    [Test]
    public void Entries_out_of_order_break_an_invariant()
    {
        Put("k", "1");
        Assert.Throws<InvariantBrokenException>(() => _state.Apply(new(new(1), new(3)), null));
    }

    [FsCheck.NUnit.Property(MaxTest = 200)]
    public void The_same_entries_give_the_same_state_and_another_entry_another(int seed)
    {
        var commands = Commands(new Dice((ulong)seed), 40);
        var (one, two, other) = (new ReplicatedState(5), new ReplicatedState(5), new ReplicatedState(5));
        for (var i = 0; i < commands.Length; i++)
        {
            var id = new EntryId(new(1), new(i + 1));
            Assert.That(one.Apply(id, commands[i]), Is.EqualTo(two.Apply(id, CommandCodec.Decode(CommandCodec.Encode(commands[i])))));
            other.Apply(id, i == 20 ? new Command.KvPut("extra", new byte[] { 1 }, 0, null, null) : commands[i]);
        }

        Assert.That(one.StateHash(), Is.EqualTo(two.StateHash()));
        Assert.That(other.StateHash(), Is.Not.EqualTo(one.StateHash()));
    }

    [FsCheck.NUnit.Property(MaxTest = 500)]
    public void The_store_agrees_with_a_plain_dictionary(int seed)
    {
        var (state, model) = (new ReplicatedState(10), new SortedDictionary<string, (string Value, long Index)>(StringComparer.Ordinal));
        var commands = Commands(new Dice((ulong)seed), 60);
        for (var i = 0; i < commands.Length; i++)
        {
            var index = i + 1L;
            var (key, expected) = commands[i] is Command.KvPut p ? (p.Key, p.ExpectedIndex) : (((Command.KvDelete)commands[i]).Key, ((Command.KvDelete)commands[i]).ExpectedIndex);
            var there = model.TryGetValue(key, out var old);
            var result = state.Apply(new(new(1), new(index)), commands[i] is Command.KvPut put ? put with { Id = null } : ((Command.KvDelete)commands[i]) with { Id = null });
            if (expected is { } e && e != (there ? old.Index : 0)) Assert.That(result, Is.EqualTo(new CommandResult.CasConflict(there ? old.Index : 0)));
            else if (commands[i] is Command.KvPut write) model[key] = (Encoding.UTF8.GetString(write.Value.Span), index);
            else Assert.That(result is CommandResult.Done, Is.EqualTo(model.Remove(key)));
        }

        Assert.That(state.Kv.List("").Select(p => (p.Key, Encoding.UTF8.GetString(p.Value.Span), p.ModifyIndex)),
            Is.EqualTo(model.Select(m => (m.Key, m.Value.Value, m.Value.Index))));
    }

    [Test]
    public void The_bytes_of_commands_of_version_1_stay_what_they_are() => Golden.Check("command-v1.txt",
    [
        ("put", CommandCodec.Encode(new Command.KvPut("key", Encoding.UTF8.GetBytes("value"), 42, 0, new RequestId("session", 7)))),
        ("put-plain", CommandCodec.Encode(new Command.KvPut("key", default, 0, null, null))),
        ("delete", CommandCodec.Encode(new Command.KvDelete("key", 300, new RequestId("session", 8)))),
        ("ha", CommandCodec.Encode(new Command.Ha(new HaCommand.RenewLease("main", new("db1", 3306), "n1:10008", new(77))))),
    ]);

    [Test]
    public void Golden_commands_of_version_1_are_read()
    {
        var golden = Golden.Read("command-v1.txt");
        foreach (var (name, bytes) in golden) Assert.That(CommandCodec.Encode(CommandCodec.Decode(bytes)), Is.EqualTo(bytes), name);
        var put = (Command.KvPut)CommandCodec.Decode(golden["put"]);
        Assert.That((put.Key, put.Flags, put.ExpectedIndex, put.Id), Is.EqualTo(("key", 42UL, (long?)0, (RequestId?)new RequestId("session", 7))));
    }

    [Test]
    public void Each_command_says_which_release_knows_it_first_and_so_do_its_bytes()
    {
        foreach (var (name, bytes) in Golden.Read("command-v1.txt")) Assert.That(CommandCodec.VersionOf(bytes), Is.EqualTo(1), name);
        foreach (var (name, bytes) in Golden.Read("cluster-command-v1.txt")) Assert.That(CommandCodec.VersionOf(bytes), Is.EqualTo(2), name);
        foreach (var file in new[] { "catalogue-command-v1.txt", "throttle-command-v1.txt" })
            foreach (var (name, bytes) in Golden.Read(file)) Assert.That(CommandCodec.VersionOf(bytes), Is.EqualTo(3), $"{file}: {name}");
        HaCommand[] old =
        [
            new HaCommand.OpenRecovery("main", new("db1", 3306), "DeadMaster", "votes", new(7)), new HaCommand.StepIntent("main", 5, 1, "kind", "target"),
            new HaCommand.StepOutcome("main", 5, 1, Succeeded: true, ""), new HaCommand.PublishPrimary("main", 5, new("db2", 3306), "n1:10008"),
            new HaCommand.CloseRecovery("main", 5, Successful: true, ""),
        ];
        HaCommand[] news =
        [
            new HaCommand.BeginRecovery("main", RecoveryKind.DeadPrimary, new("db1", 3306), null, "DeadMaster", "votes", new(7), "", WithoutHooks: false, default),
            new HaCommand.EndRecovery("main", 5, Successful: true, "", default), new HaCommand.ChangeGuardian("main", new("db1", 3306), "n1:10008", new(7)),
        ];
        Assert.That(old.Select(c => (HaCommandCodec.VersionOf(c), CommandCodec.VersionOf(CommandCodec.Encode(new Command.Ha(c))))), Is.All.EqualTo((1, 1)));
        Assert.That(news.Select(c => (HaCommandCodec.VersionOf(c), CommandCodec.VersionOf(CommandCodec.Encode(new Command.Ha(c))))), Is.All.EqualTo((3, 3)));
    }

    [Test]
    public void A_command_of_a_newer_version_is_refused_with_both_versions() =>
        Assert.That(() => CommandCodec.Decode([2, 1]), Throws.TypeOf<WireFormatException>().With.Message.Contains("version 2").And.Message.Contains("version 1"));

    [Test]
    public void Any_bytes_are_a_command_or_are_refused()
    {
        var golden = Golden.Read("command-v1.txt").OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => g.Value).ToArray();
        var dice = new Dice(3);
        var (read, refused) = (0, 0);
        for (var i = 0; i < 300_000; i++)
        {
            var bytes = golden[dice.Next(golden.Length)].ToArray();
            var changes = dice.Next(4);
            for (var c = 0; c < changes; c++) bytes[dice.Next(bytes.Length)] = (byte)dice.Next(256);
            try
            {
                CommandCodec.Decode(bytes.AsSpan(0, dice.Chance(100) ? dice.Next(bytes.Length + 1) : bytes.Length));
                read++;
            }
            catch (WireFormatException)
            {
                refused++;
            }
        }

        Assert.That((read > 50_000, refused > 50_000), Is.EqualTo((true, true)), $"{read} read, {refused} refused");
    }

    [FsCheck.NUnit.Property(MaxTest = 1000)]
    public Property Commands_come_out_as_they_went_in() => Prop.ForAll(ArbMap.Default.ArbFor<NonNull<string>>(), ArbMap.Default.ArbFor<byte[]>(), ArbMap.Default.ArbFor<ulong>(), (key, value, flags) =>
    {
        var text = string.Concat(key.Get.EnumerateRunes());
        var put = (Command.KvPut)CommandCodec.Decode(CommandCodec.Encode(new Command.KvPut(text, value ?? [], flags, flags > 5 ? 3 : null, null)));
        return string.Equals(put.Key, text, StringComparison.Ordinal) && put.Value.Span.SequenceEqual(value ?? []) && put.Flags == flags && put.ExpectedIndex == (flags > 5 ? 3L : null);
    });

    private static Command[] Commands(Dice dice, int count) => [.. Enumerable.Range(0, count).Select(i =>
    {
        var key = $"k{dice.Next(4)}";
        long? expected = dice.Chance(500) ? dice.Next(i + 1) : null;
        RequestId? id = dice.Chance(500) ? new RequestId($"s{dice.Next(6)}", dice.Next(5)) : null;
        return dice.Chance(700)
            ? (Command)new Command.KvPut(key, Encoding.UTF8.GetBytes($"v{i}"), (ulong)i, expected, id)
            : new Command.KvDelete(key, expected, id);
    })];

    private void Barrier() => _state.Apply(new(new(1), new(++_index)), null);

    private CommandResult Put(string key, string value, long? expected = null, RequestId? id = null) =>
        _state.Apply(new(new(1), new(++_index)), new Command.KvPut(key, Encoding.UTF8.GetBytes(value), 0, expected, id))!;

    private CommandResult Delete(string key, long? expected = null) =>
        _state.Apply(new(new(1), new(++_index)), new Command.KvDelete(key, expected, null))!;
}
