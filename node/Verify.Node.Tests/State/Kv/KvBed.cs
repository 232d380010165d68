using System.Collections.Immutable;
using System.Text;
using Verify.Node.Api;
using Verify.Node.State;
using Verify.Node.State.Kv;
using Verify.Node.State.Locks;
using Verify.Node.State.Time;

namespace Verify.Node.Tests.State.Kv;

/// <summary>A state, and the group's time as a leader would stamp it.</summary>
internal sealed class KvBed
{
    public ReplicatedState State { get; private set; } = new(sessionsMax: 10);
    public long Index { get; private set; }
    public long NowMs { get; set; } = 1_000;

    public TimeStamp Stamp => new(NowMs, 0);

    public CommandResult? Apply(Command? command) => State.Apply(new(new(1), new(++Index)), command);

    public KvOutcome Do(params ImmutableArray<KvOp> ops) => DoAs(null, ops);

    public KvOutcome DoAs(RequestId? id, params ImmutableArray<KvOp> ops) => ((CommandResult.Kv)Apply(new Command.KvDo(ops, id, Stamp))!).Outcome;

    public CommandResult? Session(SessionCommand command) => Apply(new Command.Session(command, Stamp));

    public void Begin(string id, long? ttlMs = null, SessionBehaviour behaviour = SessionBehaviour.Release, long lockDelayMs = 0) =>
        Assert.That(Session(new SessionCommand.Create(id, "", "n", ttlMs, behaviour, lockDelayMs)), Is.EqualTo(new CommandResult.Done(Index)));

    public void TimePasses(long ms)
    {
        NowMs += ms;
        Apply(new Command.TimePasses(Stamp));
    }

    /// <summary>From a snapshot of it.</summary>
    public void Restart() => State = StateImageTests.Restore(StateImageTests.Blocks(State.Freeze()));

    public string? Text(string key) => State.Kv.Get(key) is { } pair ? Encoding.UTF8.GetString(pair.Value.Span) : null;

    public static KvOp Put(string key, string value = "v", long? expected = null, long? ttlMs = null) => new KvOp.Put(key, Encoding.UTF8.GetBytes(value), 0, expected, ttlMs);
    public static KvOp Acquire(string key, string session, string value = "v") => new KvOp.Acquire(key, Encoding.UTF8.GetBytes(value), 0, session);
    public static KvOp Release(string key, string session, string value = "free") => new KvOp.Release(key, Encoding.UTF8.GetBytes(value), 0, session);

    public static KvRefusal? RefusalOf(KvOutcome outcome) => (outcome as KvOutcome.Failed)?.Refusal;

    /// <summary>The pair that the last operation left.</summary>
    public static KvPair Left(KvOutcome outcome) => ((KvOutcome.Done)outcome).Answers[^1].Pairs[0];
}
