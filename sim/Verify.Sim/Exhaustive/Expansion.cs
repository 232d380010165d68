namespace Verify.Sim.Exhaustive;

/// <summary>A promise broken in the state that this action leads to.</summary>
internal sealed record FoundViolation(uint Parent, uint Action, BrokenPromise Broken);

/// <summary>One thread's part of the search: goes on from states in every way that there is, and keeps what nobody has seen.</summary>
internal sealed class Expansion
{
    private const int ActionKindShift = 29;
    private const uint ReceiverMask = (1u << LocalSteps.ReceiverBits) - 1;
    private readonly ExhaustiveBounds _bounds;
    private readonly LocalSteps _steps;
    private readonly VisitedSet _visited;
    private readonly StateShape _shape;
    private readonly ulong[] _next;
    private readonly ulong[] _sums;
    private readonly VisitedSet? _pictures;
    private readonly NodeFacts[] _facts;
    private readonly OpenNetwork _network;
    private LevelChunk _out;

    /// <param name="pictures">Which nodes with which past and allowances were seen; null when nobody counts them.</param>
    public Expansion(ExhaustiveBounds bounds, LocalSteps steps, VisitedSet visited, VisitedSet? pictures)
    {
        (_bounds, _steps, _visited, _pictures, _shape) = (bounds, steps, visited, pictures, new StateShape(bounds.Nodes));
        (_next, _sums) = (new ulong[2 * steps.Renamings], new ulong[2 * steps.Renamings]);
        _facts = new NodeFacts[bounds.Nodes];
        _network = new OpenNetwork(steps, bounds);
        _out = NewChunk();
    }

    public long Transitions { get; private set; }
    public long Found { get; private set; }
    public long Pictures { get; private set; }

    /// <summary>How often a message that had been forgotten could do something after all.</summary>
    public long Revived => _network.Revived;

    /// <summary>As many as there would be without symmetry: each state with all its namesakes.</summary>
    public long Namesakes { get; private set; }
    public FoundViolation? Violation { get; private set; }

    /// <summary>Full chunks, and the last one.</summary>
    public List<LevelChunk> Chunks { get; } = [];

    public static (ActionKind Kind, uint Detail) Decode(uint action) => ((ActionKind)(action >> ActionKindShift), action & ((1u << ActionKindShift) - 1));

    /// <summary>The first state of all.</summary>
    public void Begin()
    {
        var state = _out.Room(_shape.Messages);
        state.Clear();
        Array.Clear(_next);
        for (var node = 0; node < _bounds.Nodes; node++)
        {
            state[node] = (uint)_steps.FirstNodes[node];
            LaneSums.Add(_next, _steps.Node(_steps.FirstNodes[node]).Hashes);
        }
        state[_shape.History] = (uint)_steps.FirstHistory;
        LaneSums.Add(_next, _steps.History(_steps.FirstHistory).Hashes);
        Seen(0);
        See(state);
        _out.Keep(_shape.Messages, 0);
    }

    public void Close()
    {
        if (_out.Count == 0) return;
        _out.Close();
        Chunks.Add(_out);
        _out = NewChunk();
    }

    public void Expand(LevelChunk chunk)
    {
        var rest = chunk.From(0);
        for (var i = 0; i < chunk.Count && Violation is null; i++)
        {
            var words = _shape.WordsOf(rest);
            SumUp(rest[..words]);
            Expand(rest[..words], _sums, (uint)(chunk.First + i));
            rest = rest[words..];
        }
    }

    private void Expand(ReadOnlySpan<uint> state, ReadOnlySpan<ulong> sums, uint number)
    {
        var spent = state[_shape.Spent];
        for (var node = 0; node < _bounds.Nodes; node++)
        {
            if (Spent.Of(spent, ActionKind.Timeout) < _bounds.Timeouts) Happen(state, sums, number, ActionKind.Timeout, node, 0);
            if (Spent.Of(spent, ActionKind.Heartbeat) < _bounds.Heartbeats) Happen(state, sums, number, ActionKind.Heartbeat, node, 0);
            var proposals = Spent.Of(spent, ActionKind.Propose);
            if (proposals < _bounds.Proposals) Happen(state, sums, number, ActionKind.Propose, node, (uint)proposals + 1);
            if (Spent.Of(spent, ActionKind.Crash) < _bounds.Crashes) Happen(state, sums, number, ActionKind.Crash, node, 0);
        }
        if (!_bounds.CountsMessages)
        {
            foreach (var message in _shape.UnderWay(state))
            {
                var receiver = (int)(message & ReceiverMask);
                var step = _steps.Step((int)state[receiver], ActionKind.Deliver, message);
                if (!step.IsIdle) Go(state, sums, number, ActionKind.Deliver, message, receiver, step, -1);
            }
            return;
        }
        var mayStay = Spent.Of(spent, ActionKind.Duplicate) < _bounds.Duplicates;
        var mayVanish = Spent.Of(spent, ActionKind.Drop) < _bounds.Drops;
        for (var at = _shape.Messages; at < state.Length; at++)
        {
            var message = state[at];
            if (at + 1 < state.Length && state[at + 1] == message) continue;
            var receiver = (int)(message & ReceiverMask);
            var step = _steps.Step((int)state[receiver], ActionKind.Deliver, message);
            if (!step.IsIdle || !_bounds.SkipsIdleSteps) Go(state, sums, number, ActionKind.Deliver, message, receiver, step, at);
            if (mayStay && !step.IsIdle) Go(state, sums, number, ActionKind.Duplicate, message, receiver, step, -1);
            if (mayVanish) Go(state, sums, number, ActionKind.Drop, message, receiver, null, at);
        }
    }

    private void Happen(ReadOnlySpan<uint> state, ReadOnlySpan<ulong> sums, uint number, ActionKind kind, int node, uint detail)
    {
        var step = _steps.Step((int)state[node], kind, detail);
        if (!step.IsIdle) Go(state, sums, number, kind, (uint)node, node, step, -1);
    }

    /// <param name="taken">The place of the message that is no longer under way; -1 for none.</param>
    private void Go(ReadOnlySpan<uint> state, ReadOnlySpan<ulong> sums, uint number, ActionKind kind, uint detail, int node, LocalStep? step, int taken)
    {
        var isOpen = !_bounds.CountsMessages && step is { Broken: null };
        if (isOpen)
        {
            _network.Load(state, _shape.UnderWay(state), _shape.Forgotten(state), sums, state[_shape.Spent]);
            if (!_network.Follow(node, step!, state[_shape.Spent] + Spent.One(kind))) return;
        }
        Transitions++;
        var action = ((uint)kind << ActionKindShift) | detail;
        var broken = step?.Broken;
        var history = (int)state[_shape.History];
        if (broken is null)
        {
            if (isOpen) _network.Sums.CopyTo(_next, 0);
            else Count(state, sums, step, taken);
            if (step is { IsSeen: true })
            {
                var seen = _steps.See(history, step.Node);
                broken = seen.Broken;
                history = seen.History;
                LaneSums.Add(_next, seen.Change);
            }
            var spent = state[_shape.Spent] + Spent.One(kind);
            if (broken is null && !Seen(spent)) return;
            if (broken is null && step is { ChangesFacts: true }) broken = Check(state, node, step.Node, history);
            if (broken is null)
            {
                Emit(state, node, step, history, spent, taken, ((ulong)number << 32) | action);
                return;
            }
        }
        Violation ??= new(number, action, broken);
    }

    private void Count(ReadOnlySpan<uint> state, ReadOnlySpan<ulong> sums, LocalStep? step, int taken)
    {
        sums.CopyTo(_next);
        if (taken >= 0) LaneSums.Subtract(_next, _steps.Message(state[taken]).Hashes);
        if (step is null) return;
        LaneSums.Add(_next, step.NodeChange);
        foreach (var message in step.Sent) LaneSums.Add(_next, _steps.Message(message).Hashes);
    }

    /// <summary>The sums of a state are those of its parts; keeping them with each state would double what a state takes.</summary>
    private void SumUp(ReadOnlySpan<uint> state)
    {
        Picture(state);
        foreach (var message in _shape.UnderWay(state)) LaneSums.Add(_sums, _steps.Message(message).Hashes);
    }

    private void Picture(ReadOnlySpan<uint> state)
    {
        Array.Clear(_sums);
        for (var node = 0; node < _bounds.Nodes; node++) LaneSums.Add(_sums, _steps.Node((int)state[node]).Hashes);
        LaneSums.Add(_sums, _steps.History((int)state[_shape.History]).Hashes);
    }

    /// <summary>Counts what there is of nodes, past and allowances.</summary>
    private void See(ReadOnlySpan<uint> state)
    {
        if (_pictures is null) return;
        var before = (ulong[])_sums.Clone();
        Picture(state);
        if (Add(_pictures, _sums, state[_shape.Spent])) Pictures++;
        before.CopyTo(_sums, 0);
    }

    /// <summary>The smallest of the namesakes stands for all of them.</summary>
    private static bool Add(VisitedSet seen, ulong[] sums, uint spent)
    {
        var count = sums.Length / 2;
        var (one, two) = (sums[0], sums[count]);
        for (var i = 1; i < count; i++)
        {
            if (sums[i] > one || (sums[i] == one && sums[count + i] >= two)) continue;
            (one, two) = (sums[i], sums[count + i]);
        }
        return seen.Add(ContentHash.Mix(one + (spent * 0x9E3779B97F4A7C15)), ContentHash.Mix(two ^ (spent * 0xC2B2AE3D27D4EB4F)));
    }

    /// <summary>The state whose sums are in _next is new.</summary>
    private bool Seen(uint spent)
    {
        if (!Add(_visited, _next, spent)) return false;
        Found++;
        var count = _next.Length / 2;
        for (var i = 0; i < count; i++)
        {
            var isFirst = true;
            for (var j = 0; j < i && isFirst; j++) isFirst = _next[i] != _next[j] || _next[count + i] != _next[count + j];
            if (isFirst) Namesakes++;
        }
        return true;
    }

    private BrokenPromise? Check(ReadOnlySpan<uint> state, int changed, int into, int history)
    {
        for (var node = 0; node < _facts.Length; node++) _facts[node] = _steps.Node(node == changed ? into : (int)state[node]).Facts;
        return StatePromises.Check(_facts, _steps.History(history).History);
    }

    private void Emit(ReadOnlySpan<uint> state, int node, LocalStep? step, int history, uint spent, int taken, ulong origin)
    {
        var sent = step is null ? [] : step.Sent.AsSpan();
        var messages = _bounds.CountsMessages ? (int)state[_shape.MessageCount] - (taken >= 0 ? 1 : 0) + sent.Length : _network.Count;
        var forgotten = _bounds.CountsMessages ? [] : _network.Forgotten;
        var words = _shape.Messages + messages + forgotten.Length;
        var room = _out.Room(words);
        state[.._bounds.Nodes].CopyTo(room);
        if (step is not null) room[node] = (uint)step.Node;
        (room[_shape.History], room[_shape.Spent], room[_shape.MessageCount], room[_shape.ForgottenCount]) = ((uint)history, spent, (uint)messages, (uint)forgotten.Length);
        if (_bounds.CountsMessages) Merge(state, taken, sent, room[_shape.Messages..]);
        else _network.Messages.CopyTo(room[_shape.Messages..]);
        forgotten.CopyTo(room[(_shape.Messages + messages)..]);
        _out.Keep(words, origin);
        See(room);
        if (!_out.IsFull) return;
        _out.Close();
        Chunks.Add(_out);
        _out = NewChunk();
    }

    private void Merge(ReadOnlySpan<uint> state, int taken, ReadOnlySpan<uint> sent, Span<uint> into)
    {
        var (at, from) = (0, 0);
        for (var i = _shape.Messages; i < state.Length; i++)
        {
            if (i == taken) continue;
            while (from < sent.Length && sent[from] < state[i]) into[at++] = sent[from++];
            into[at++] = state[i];
        }
        sent[from..].CopyTo(into[at..]);
    }

    private LevelChunk NewChunk() => new(_bounds.Nodes);
}
