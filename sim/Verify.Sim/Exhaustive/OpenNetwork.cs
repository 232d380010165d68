namespace Verify.Sim.Exhaustive;

/// <summary>Nodes and a network from which nothing is ever taken: whatever has been said can arrive at any time, never, or many times. Two
/// things follow, and keep the states few.
/// <para>What a node answers without being changed by it is said at once: the state after it has the same nodes and more messages, and
/// can do everything that the state before can. (For example that a pre-vote is granted, or that a vote is refused.)</para>
/// <para>A message of which nothing can come any more (see <see cref="Fate"/>) is forgotten: terms never go back, not even over a crash, and
/// what is said of an earlier one is not listened to any more; and so on.</para>
/// <para>These rules are true of a sound core, and it is the core that is held to account: so the forgotten messages stay with the state (in no
/// hash), and are heard again whenever their receiver has changed. One that could do something then is under way again, and is counted: on
/// a sound core that never happens.</para></summary>
internal sealed class OpenNetwork(LocalSteps steps, ExhaustiveBounds bounds)
{
    private const uint ReceiverMask = (1u << LocalSteps.ReceiverBits) - 1;
    private readonly int[] _nodes = new int[bounds.Nodes];
    private readonly Stack<uint> _unheard = new();
    private readonly List<uint> _forgotten = [];
    private uint[] _messages = new uint[64];
    private (ulong, ulong) _loaded;
    private int _lastTerm;
    private bool _mayCrash;

    public ReadOnlySpan<int> Nodes => _nodes;
    public ReadOnlySpan<uint> Messages => _messages.AsSpan(0, Count);
    public int Count { get; private set; }
    public ReadOnlySpan<uint> Forgotten => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_forgotten);
    public long Revived { get; private set; }

    /// <summary>The sum of the hashes of nodes and messages under each renaming.</summary>
    public ulong[] Sums { get; } = new ulong[2 * steps.Renamings];

    /// <summary>Told of each answer that changed nobody: who answered what, and with what.</summary>
    public Action<int, uint, LocalStep>? Answered { get; set; }

    public void Load(ReadOnlySpan<uint> nodeNumbers, ReadOnlySpan<uint> messages, ReadOnlySpan<uint> forgotten, ReadOnlySpan<ulong> sums, uint spent)
    {
        _forgotten.Clear();
        _forgotten.AddRange(forgotten);
        for (var i = 0; i < _nodes.Length; i++) _nodes[i] = (int)nodeNumbers[i];
        if (messages.Length > _messages.Length) _messages = new uint[messages.Length * 2];
        messages.CopyTo(_messages);
        Count = messages.Length;
        sums.CopyTo(Sums);
        _loaded = (Sums[0], Sums[steps.Renamings]);
        (_lastTerm, _mayCrash) = (LastTerm(spent), MayCrash(spent));
    }

    /// <summary>A node has taken a step. False when that changes nothing at all.</summary>
    /// <param name="spent">Of the bounds, after the step.</param>
    public bool Follow(int node, LocalStep step, uint spent)
    {
        var before = Count;
        var hasChanged = _nodes[node] != step.Node;
        _nodes[node] = step.Node;
        if (hasChanged) LaneSums.Add(Sums, step.NodeChange);
        var (lastTerm, mayCrash) = (LastTerm(spent), MayCrash(spent));
        var isAllNew = bounds.ForgetsDeadMessages && (lastTerm != _lastTerm || mayCrash != _mayCrash);
        (_lastTerm, _mayCrash) = (lastTerm, mayCrash);
        foreach (var message in step.Sent) Say(message);
        if (!hasChanged && Count == before) return false;
        if (hasChanged || isAllNew) Review(node, isAllNew);
        while (_unheard.TryPop(out var message)) Answer(message);
        if (hasChanged) Doubt(node);
        // A question that was asked once more, answered as before and forgotten again is no news either.
        return hasChanged || (Sums[0], Sums[steps.Renamings]) != _loaded;
    }

    /// <summary>What is for this node, or from it, may have become dead; what is for it may be answered otherwise.</summary>
    private void Review(int node, bool isAllNew)
    {
        for (var i = Count - 1; i >= 0; i--)
        {
            var message = _messages[i];
            var isForIt = (message & ReceiverMask) == (uint)node;
            if (!isForIt && !isAllNew && !(bounds.ForgetsDeadMessages && steps.Message(message).Sender == node)) continue;
            if (IsDead(message, Hear(message))) Forget(i);
            else if (isForIt || isAllNew) _unheard.Push(message);
        }
    }

    /// <summary>The node has changed: is what was for it and was forgotten still nothing, and its answer still the same?</summary>
    private void Doubt(int node)
    {
        for (var i = _forgotten.Count - 1; i >= 0; i--)
        {
            var message = _forgotten[i];
            if ((message & ReceiverMask) != (uint)node) continue;
            var heard = Hear(message);
            var isQuiet = heard.Broken is null && heard.Node == _nodes[node];
            if (isQuiet && heard.IsIdle) continue;
            var before = Count;
            if (isQuiet) foreach (var words in heard.Sent) Say(words);
            if (isQuiet && Count == before) continue;
            Revived++;
            _forgotten.RemoveAt(i);
            if (!isQuiet) Put(message);
        }

        while (_unheard.TryPop(out var message)) Answer(message);
    }

    /// <summary>What changes nobody is said at once.</summary>
    private void Answer(uint message)
    {
        var answer = Hear(message);
        if (answer.IsIdle || answer.Broken is not null || answer.Node != _nodes[message & ReceiverMask]) return;
        var said = Count;
        foreach (var words in answer.Sent) Say(words);
        if (Count > said) Answered?.Invoke((int)(message & ReceiverMask), message, answer);
        if (!bounds.ForgetsDeadMessages) return;
        var fate = FateOf(message, answer);
        if (fate != Fate.Answered && (fate != Fate.AnsweredForLife || _mayCrash)) return;
        var place = Messages.BinarySearch(message);
        if (place >= 0) Forget(place);
    }

    private LocalStep Hear(uint message) => steps.Step(_nodes[message & ReceiverMask], ActionKind.Deliver, message);

    private Fate FateOf(uint message, LocalStep heard) =>
        steps.Node(_nodes[message & ReceiverMask]).Facts.Term >= _lastTerm ? heard.FateInLastTerm : heard.Fate;

    private bool IsDead(uint message, LocalStep heard)
    {
        if (!bounds.ForgetsDeadMessages) return heard.IsPast;
        var fate = FateOf(message, heard);
        if (fate is Fate.Dead) return true;
        if (fate is not (Fate.MootPreVote or Fate.MootVote)) return false;
        var sender = steps.Node(_nodes[steps.Message(message).Sender]).Facts;
        return sender.Term >= _lastTerm && (fate == Fate.MootPreVote || sender.Role != Verify.Raft.RaftRole.Candidate);
    }

    private bool MayCrash(uint spent) => Spent.Of(spent, ActionKind.Crash) < bounds.Crashes;

    /// <summary>The latest term that any node can ever be in: without a timer that may still fire, only who asks for pre-votes gets further.</summary>
    private int LastTerm(uint spent)
    {
        if (Spent.Of(spent, ActionKind.Timeout) < bounds.Timeouts) return bounds.Terms;
        var last = 0;
        foreach (var node in _nodes)
        {
            var facts = steps.Node(node).Facts;
            last = Math.Max(last, facts.Term + (facts.Role == Verify.Raft.RaftRole.PreCandidate ? 1 : 0));
        }
        return last;
    }

    private void Say(uint message)
    {
        var place = Messages.BinarySearch(message);
        if (place >= 0) return;
        if (IsDead(message, Hear(message))) Remember(message);
        else Put(message);
    }

    /// <summary>It is forgotten, but not unknown.</summary>
    private void Remember(uint message)
    {
        if (bounds.ForgetsDeadMessages && !_forgotten.Contains(message)) _forgotten.Add(message);
    }

    private void Put(uint message)
    {
        var place = Messages.BinarySearch(message);
        if (place >= 0) return;
        if (Count == _messages.Length) Array.Resize(ref _messages, Count * 2);
        Array.Copy(_messages, ~place, _messages, ~place + 1, Count - ~place);
        _messages[~place] = message;
        Count++;
        LaneSums.Add(Sums, steps.Message(message).Hashes);
        _unheard.Push(message);
    }

    private void Forget(int place)
    {
        LaneSums.Subtract(Sums, steps.Message(_messages[place]).Hashes);
        Remember(_messages[place]);
        Array.Copy(_messages, place + 1, _messages, place, Count - place - 1);
        Count--;
    }
}
