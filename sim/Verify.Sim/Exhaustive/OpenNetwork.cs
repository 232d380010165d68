namespace Verify.Sim.Exhaustive;

/// <summary>Nodes and a network from which nothing is ever taken: whatever has been said can arrive at any time, never, or many times. Two
/// things follow, and keep the states few.
/// <para>What a node answers without being changed by it is said at once: the state after it has the same nodes and more messages, and
/// can do everything that the state before can. (For example that a pre-vote is granted, or that a vote is refused.)</para>
/// <para>An answer that belongs to a term which its receiver has left, and which changes nothing there, is forgotten: terms never go
/// back, not even over a crash, and what is said of an earlier one is not listened to any more.</para></summary>
internal sealed class OpenNetwork(LocalSteps steps, int nodes)
{
    private const uint ReceiverMask = (1u << LocalSteps.ReceiverBits) - 1;
    private readonly int[] _nodes = new int[nodes];
    private readonly Stack<uint> _unheard = new();
    private uint[] _messages = new uint[64];

    public ReadOnlySpan<int> Nodes => _nodes;
    public ReadOnlySpan<uint> Messages => _messages.AsSpan(0, Count);
    public int Count { get; private set; }

    /// <summary>The sum of the hashes of nodes and messages under each renaming.</summary>
    public ulong[] Sums { get; } = new ulong[2 * steps.Renamings];

    /// <summary>Told of each answer that changed nobody: who answered what, and with what.</summary>
    public Action<int, uint, LocalStep>? Answered { get; set; }

    public void Load(ReadOnlySpan<uint> nodeNumbers, ReadOnlySpan<uint> messages, ReadOnlySpan<ulong> sums)
    {
        for (var i = 0; i < _nodes.Length; i++) _nodes[i] = (int)nodeNumbers[i];
        if (messages.Length > _messages.Length) _messages = new uint[messages.Length * 2];
        messages.CopyTo(_messages);
        Count = messages.Length;
        sums.CopyTo(Sums);
    }

    /// <summary>A node has taken a step. False when that changes nothing at all.</summary>
    public bool Follow(int node, LocalStep step)
    {
        var before = Count;
        var hasChanged = _nodes[node] != step.Node;
        _nodes[node] = step.Node;
        if (hasChanged) LaneSums.Add(Sums, step.NodeChange);
        foreach (var message in step.Sent) Say(message);
        if (!hasChanged && Count == before) return false;
        if (hasChanged)
        {
            for (var i = Count - 1; i >= 0; i--)
            {
                var message = _messages[i];
                if ((message & ReceiverMask) != (uint)node) continue;
                if (Hear(message).IsPast) Forget(i);
                else _unheard.Push(message);
            }
        }
        while (_unheard.TryPop(out var message))
        {
            var answer = Hear(message);
            if (answer.IsIdle || answer.Broken is not null || answer.Node != _nodes[message & ReceiverMask]) continue;
            var said = Count;
            foreach (var words in answer.Sent) Say(words);
            if (Count > said) Answered?.Invoke((int)(message & ReceiverMask), message, answer);
        }
        return true;
    }

    private LocalStep Hear(uint message) => steps.Step(_nodes[message & ReceiverMask], ActionKind.Deliver, message);

    private void Say(uint message)
    {
        var place = Messages.BinarySearch(message);
        if (place >= 0 || Hear(message).IsPast) return;
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
        Array.Copy(_messages, place + 1, _messages, place, Count - place - 1);
        Count--;
    }
}
