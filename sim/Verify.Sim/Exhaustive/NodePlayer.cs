using System.Collections.Immutable;
using Verify.Raft;
using Verify.Sim.RaftOnly;

namespace Verify.Sim.Exhaustive;

/// <summary>What can happen to a node.</summary>
internal enum ActionKind { Deliver, Duplicate, Drop, Timeout, Heartbeat, Propose, Crash }

/// <summary>What a node is and has said after something has happened to it.</summary>
internal sealed record NodeOutcome(ExploredNode Node, IReadOnlyList<Envelope> Sent, BrokenPromise? Broken);

/// <summary>Lets one thing happen to one node: the production core goes on from an image, and its work is carried out as a node does it,
/// with a disk that is done at once. All patience has run out whenever something happens.</summary>
internal sealed class NodePlayer
{
    private readonly ExhaustiveBounds _bounds;
    private readonly RaftOptions[] _options;

    public NodePlayer(ExhaustiveBounds bounds)
    {
        _bounds = bounds;
        var names = SwarmNames.First(bounds.Nodes);
        _options = [.. names.Select(name => new RaftOptions { Self = name, Voters = names, AppendEntriesMax = bounds.AppendEntries, Draw = static _ => 0 })];
    }

    public ExploredNode First(int number) =>
        new(number, new RaftCore(_options[number], HardState.Initial, []).Image(), HardState.Initial, []);

    /// <summary>Null when the bounds, or the node's role, do not let it happen.</summary>
    /// <param name="message">What is delivered.</param>
    /// <param name="command">What is proposed: 1, 2, …</param>
    public NodeOutcome? Play(ExploredNode node, ActionKind kind, in Envelope message, int command)
    {
        if (!IsPossible(node.Core, kind)) return null;
        var life = new NodeLife(node, kind == ActionKind.Crash ? null : RaftCore.From(_options[node.Number], node.Core));
        try
        {
            if (kind == ActionKind.Crash) return Crash(node, life);
            Input(life.Core!, kind, message, command);
            life.CarryOut();
            return new(life.Now(), life.Sent, life.Broken ?? Monotonic(node, life.Core!));
        }
        catch (InvariantBrokenException broken)
        {
            return new(node, [], new("Invariant", $"n{node.Number + 1}: {broken.Message}"));
        }
    }

    /// <summary>The same core goes on, without an image in between: what images must be compared with.</summary>
    public NodeLife Live(int number) => new(First(number), new RaftCore(_options[number], HardState.Initial, []));

    public static void Input(RaftCore core, ActionKind kind, in Envelope message, int command)
    {
        core.LetPatienceRunOut();
        switch (kind)
        {
            case ActionKind.Deliver: core.Receive(message); break;
            case ActionKind.Timeout: core.FireElectionTimer(); break;
            case ActionKind.Heartbeat: core.FireHeartbeat(); break;
            case ActionKind.Propose: core.Propose(new byte[] { (byte)command }); break;
            default: throw new InvalidOperationException($"{kind} is nothing that a core is told");
        }
    }

    private bool IsPossible(CoreImage core, ActionKind kind) => kind switch
    {
        ActionKind.Timeout => core.Role == RaftRole.Leader || core.Term.Value < _bounds.Terms,
        ActionKind.Heartbeat or ActionKind.Propose => core.Role == RaftRole.Leader,
        _ => true,
    };

    private NodeOutcome Crash(ExploredNode node, NodeLife life)
    {
        var onDisk = node.DiskState;
#if VERIFY_MUTANTS
        if (Mutant.Is("M03", deviates: onDisk != HardState.Initial))
            onDisk = new HardState(node.DiskLog.IsEmpty ? Term.Zero : node.DiskLog[^1].Term, null);
#endif
        var core = new RaftCore(_options[node.Number], onDisk, node.DiskLog);
        // What was spoken in a term is on the disk before it leaves, so no term is ever forgotten. (In the test build the vote that is given
        // twice says more than the term that went back.)
        var broken = onDisk == node.DiskState && onDisk.Term < node.Core.Term
            ? new BrokenPromise("Monotonic", $"n{node.Number + 1} spoke in term {node.Core.Term} and woke up in term {onDisk.Term}") : null;
        return new(new(node.Number, core.Image(), onDisk, node.DiskLog), life.Sent, broken);
    }

    private static BrokenPromise? Monotonic(ExploredNode before, RaftCore after)
    {
        var name = $"n{before.Number + 1}";
        if (after.Term < before.Core.Term) return new("Monotonic", $"{name} went from term {before.Core.Term} to {after.Term}");
        if (after.Commit < before.Core.Commit) return new("Monotonic", $"{name} went from commit {before.Core.Commit} to {after.Commit}");
        if (!after.IsLeader) return null;
        var image = after.Image();
        var wasLeader = before.Core.Role == RaftRole.Leader && before.Core.Term == after.Term;
        for (var i = 0; i < image.Peers.Length; i++)
        {
            var peer = image.Peers[i];
            if (peer.Next <= peer.Match) return new("Monotonic", $"{name} would send {peer.Peer} from {peer.Next} though {peer.Match} matches");
            if (wasLeader && peer.Match < before.Core.Peers[i].Match)
                return new("Monotonic", $"{name} took {peer.Peer} from match {before.Core.Peers[i].Match} back to {peer.Match}");
        }
        return null;
    }
}

/// <summary>A node while something happens to it: its core, its disk, and what it has said.</summary>
internal sealed class NodeLife(ExploredNode before, RaftCore? core)
{
    private readonly List<Envelope> _sent = [];
    private HardState _diskState = before.DiskState;
    private ImmutableArray<Entry> _diskLog = before.DiskLog;

    public RaftCore? Core { get; } = core;
    public IReadOnlyList<Envelope> Sent => _sent;
    public BrokenPromise? Broken { get; private set; }

    public ExploredNode Now() => new(before.Number, Core!.Image(), _diskState, _diskLog);

    /// <summary>In the order that <see cref="RaftWork"/> prescribes.</summary>
    public void CarryOut()
    {
        _sent.Clear();
        while (Core!.TryTakeWork(out var work))
        {
            foreach (var envelope in work.SendNow) Send(envelope);
            if (work.HardState is { } hardState) _diskState = hardState;
            if (!work.Append.IsEmpty) Append(work.Append);
            foreach (var envelope in work.SendWhenDurable) Send(envelope);
            if (!work.Append.IsEmpty) Core.Appended(work.Append[^1].Id);
            if (!work.Apply.IsEmpty) Core.Applied(work.Apply[^1].Index);
        }
    }

    private void Append(ImmutableArray<Entry> entries)
    {
        var kept = (int)entries[0].Index.Value - 1;
        Invariant.Holds(kept <= _diskLog.Length, "the disk is told to go on where it is");
        _diskLog = [.. _diskLog.AsSpan()[..kept], .. entries];
    }

    private void Send(in Envelope envelope)
    {
        _sent.Add(envelope);
        Broken ??= envelope.Body switch
        {
            Message.AppendReply { Accepted: true } reply when reply.Hint.Index > LogIndex.Zero && !DiskHolds(reply.Hint) =>
                new("Persist", $"{envelope.From} acknowledges {reply.Hint}, which its disk does not hold"),
            Message.VoteReply { Granted: true, IsPreVote: false } when !IsVote(envelope.Term, envelope.To) =>
                new("Persist", $"{envelope.From} votes for {envelope.To} in term {envelope.Term}; its disk says {_diskState.Term}/{_diskState.VotedFor}"),
            Message.VoteRequest { IsPreVote: false } when !IsVote(envelope.Term, envelope.From) =>
                new("Persist", $"{envelope.From} stands for election in term {envelope.Term}; its disk says {_diskState.Term}/{_diskState.VotedFor}"),
            _ => null,
        };
    }

    private bool DiskHolds(EntryId id) => id.Index.Value <= _diskLog.Length && _diskLog[(int)id.Index.Value - 1].Id == id;

    private bool IsVote(Term term, NodeId candidate) => _diskState.Term > term || (_diskState.Term == term && _diskState.VotedFor == candidate);
}
