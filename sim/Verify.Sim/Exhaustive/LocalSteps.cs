using Verify.Raft;
using Verify.Sim.RaftOnly;

namespace Verify.Sim.Exhaustive;

/// <summary>What happens to one node, known once and for all: the number of the node's state after it, what it says, and how the hash of any
/// whole state changes with the node under each renaming.</summary>
internal sealed record LocalStep(int Node, uint[] Sent, ulong[] NodeChange, bool IsIdle, bool ChangesFacts, bool IsSeen, BrokenPromise? Broken)
{
    /// <summary>An answer of a term that is over here: nobody listens to it any more.</summary>
    public bool IsPast { get; init; }

    /// <summary>What can still come of the message that was delivered, and what when no later term will come than the node's.</summary>
    public Fate Fate { get; init; }
    public Fate FateInLastTerm { get; init; }
}

/// <summary>What the past of a state becomes when a node is seen to lead or to know more as committed.</summary>
internal sealed record HistoryStep(int History, ulong[] Change, BrokenPromise? Broken);

/// <summary>States of single nodes, messages and pasts, each numbered once, and the production core's answer to each input in each state of a
/// node, asked once. A whole state is then a few numbers, and a step of it a look-up: the core is deterministic, so nothing is lost.
/// (Keeping the parts of a state once: Holzmann, "State compression in SPIN", 1997, "collapse".)</summary>
/// <remarks>The number of a message has its receiver in the lowest bits.</remarks>
internal sealed class LocalSteps
{
    public const int ReceiverBits = 3;
    private const ulong FirstMessageInput = 64;
    private readonly Lock _gate = new();
    private readonly NodePlayer _player;
    private readonly Renamings _renamings;
    private readonly Dictionary<(ulong, ulong), int> _nodeNumbers = [];
    private readonly Dictionary<(ulong, ulong), uint> _messageNumbers = [];
    private readonly Dictionary<(ulong, ulong), int> _historyNumbers = [];
    private readonly StepTable<LocalStep> _steps = new();
    private readonly StepTable<HistoryStep> _histories = new();
    private NodePart[] _nodes = new NodePart[256];
    private MessagePart[] _messages = new MessagePart[256];
    private HistoryPart[] _pasts = new HistoryPart[64];

    public LocalSteps(ExhaustiveBounds bounds)
    {
        _player = new NodePlayer(bounds);
        _renamings = new Renamings(bounds.Nodes, bounds.UsesSymmetry);
        FirstNodes = [.. Enumerable.Range(0, bounds.Nodes).Select(i => NumberOf(_player.First(i)))];
        FirstHistory = NumberOf(SeenHistory.Nothing);
    }

    public int Renamings => _renamings.Count;
    public IReadOnlyList<int> FirstNodes { get; }
    public int FirstHistory { get; }

    /// <summary>Inputs that the core was asked about; different states of single nodes, and messages.</summary>
    public int Asked => _steps.Count;
    public int Nodes => _nodeNumbers.Count;
    public int Messages => _messageNumbers.Count;

    public NodePart Node(int number) => Volatile.Read(ref _nodes)[number];
    public MessagePart Message(uint number) => Volatile.Read(ref _messages)[number >> ReceiverBits];
    public HistoryPart History(int number) => Volatile.Read(ref _pasts)[number];

    /// <summary>The input's own number is that of the message, or of the command.</summary>
    public LocalStep Step(int node, ActionKind kind, uint detail)
    {
        var input = kind == ActionKind.Deliver ? FirstMessageInput + detail : ((ulong)kind << 3) + (kind == ActionKind.Propose ? 8 + detail : 0);
        var key = ((ulong)node << 32) | input;
        return _steps.Find(key) ?? _steps.Keep(key, Ask(node, kind, detail));
    }

    public HistoryStep See(int history, int node)
    {
        var key = ((ulong)history << 32) | (uint)node;
        return _histories.Find(key) ?? _histories.Keep(key, Look(history, node));
    }

    private LocalStep Ask(int number, ActionKind kind, uint detail)
    {
        var before = Node(number);
        var envelope = kind == ActionKind.Deliver ? Message(detail).Envelope : default;
        var outcome = _player.Play(before.Node, kind, envelope, (int)detail);
        if (outcome is null) return new(number, [], [], IsIdle: true, ChangesFacts: false, IsSeen: false, Broken: null);
        if (outcome.Broken is { } broken) return new(number, [], [], IsIdle: false, ChangesFacts: true, IsSeen: false, broken);
        lock (_gate)
        {
            var (next, sent) = (NumberOf(outcome.Node), outcome.Sent.Select(NumberOf).Order().ToArray());
            var after = Node(next);
            var change = new ulong[2 * Renamings];
            for (var i = 0; i < change.Length; i++) change[i] = after.Hashes[i] - before.Hashes[i];
            var (old, facts) = (before.Facts, after.Facts);
            var isSeen = facts.Commit > old.Commit || (facts.IsLeader && (!old.IsLeader || old.Term != facts.Term));
            var isIdle = next == number && sent.Length == 0;
            var step = new LocalStep(next, sent, change, isIdle, facts != old, isSeen, Broken: null) { IsPast = isIdle && IsPast(envelope, old.Term) };
            return kind != ActionKind.Deliver ? step : step with
            {
                Fate = Fates.Of(envelope, before.Node.Core, isLast: false, next == number, outcome.Sent),
                FateInLastTerm = Fates.Of(envelope, before.Node.Core, isLast: true, next == number, outcome.Sent),
            };
        }
    }

    private static bool IsPast(in Envelope envelope, int term) => envelope.Body switch
    {
        Verify.Raft.Message.VoteReply { IsPreVote: true, Granted: true } => envelope.Term.Value <= term,
        Verify.Raft.Message.VoteReply or Verify.Raft.Message.AppendReply => envelope.Term.Value < term,
        _ => false,
    };

    private HistoryStep Look(int number, int node)
    {
        var before = History(number);
        var past = before.History.See(Node(node).Facts, out var broken);
        lock (_gate)
        {
            var next = NumberOf(past);
            var after = History(next);
            return new(next, [.. after.Hashes.Select((hash, i) => hash - before.Hashes[i])], broken);
        }
    }

    private int NumberOf(ExploredNode node)
    {
        var hashes = Hashes(node.Hash);
        if (_nodeNumbers.TryGetValue((hashes[0], hashes[Renamings]), out var known)) return known;
        var number = _nodeNumbers.Count;
        Room(ref _nodes, number)[number] = new(node, NodeFacts.Of(node), hashes);
        _nodeNumbers.Add((hashes[0], hashes[Renamings]), number);
        return number;
    }

    private uint NumberOf(Envelope envelope)
    {
        var hashes = Hashes((renamings, renaming) => ExploredMessage.Hash(envelope, renamings, renaming));
        if (_messageNumbers.TryGetValue((hashes[0], hashes[Renamings]), out var known)) return known;
        var place = _messageNumbers.Count;
        Room(ref _messages, place)[place] = new(envelope, SwarmNames.NumberOf(envelope.From), hashes);
        var number = ((uint)place << ReceiverBits) | (uint)SwarmNames.NumberOf(envelope.To);
        _messageNumbers.Add((hashes[0], hashes[Renamings]), number);
        return number;
    }

    private int NumberOf(SeenHistory history)
    {
        var hashes = Hashes(history.Hash);
        if (_historyNumbers.TryGetValue((hashes[0], hashes[Renamings]), out var known)) return known;
        var number = _historyNumbers.Count;
        Room(ref _pasts, number)[number] = new(history, hashes);
        _historyNumbers.Add((hashes[0], hashes[Renamings]), number);
        return number;
    }

    /// <summary>First the upper words under all renamings, then the lower ones.</summary>
    private ulong[] Hashes(Func<Renamings, int, (ulong, ulong)> of)
    {
        var hashes = new ulong[2 * Renamings];
        for (var i = 0; i < Renamings; i++) (hashes[i], hashes[Renamings + i]) = of(_renamings, i);
        return hashes;
    }

    /// <summary>Readers go on with the array that they have; nothing in it ever changes.</summary>
    private static T[] Room<T>(ref T[] parts, int number)
    {
        if (number < parts.Length) return parts;
        var larger = new T[parts.Length * 2];
        parts.CopyTo(larger, 0);
        Volatile.Write(ref parts, larger);
        return larger;
    }
}

/// <summary>A node's state, what the promises ask of it, and its hash under each renaming.</summary>
internal sealed record NodePart(ExploredNode Node, NodeFacts Facts, ulong[] Hashes);

internal sealed record MessagePart(Envelope Envelope, int Sender, ulong[] Hashes);

internal sealed record HistoryPart(SeenHistory History, ulong[] Hashes);
