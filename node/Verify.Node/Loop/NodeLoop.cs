using System.IO.Pipelines;

namespace Verify.Node.Loop;

/// <summary>One thought at a time: inputs are handled in the order they were posted, each to its end, never two at once.
/// The only lock of the node is in here.</summary>
/// <param name="scheduler">Runs the drain: the thread pool in production, the simulator's event queue in simulation.</param>
/// <param name="inboxLimit">Above it <see cref="TryPost"/> answers false.</param>
/// <param name="think">Handles one batch. Everything that piled up while the last batch ran comes together, so that many
/// inputs share one look at Raft's work and one disk sync.</param>
/// <param name="broke">Takes what escaped from <paramref name="think"/>. The loop never runs again.</param>
internal sealed class NodeLoop(
    PipeScheduler scheduler, int inboxLimit, Action<IReadOnlyList<NodeInput>> think, Action<Exception> broke)
{
    private const int BatchInputsMax = 1_024;
    private readonly Lock _gate = new();
    private readonly Queue<NodeInput> _inbox = new();
    private readonly List<NodeInput> _batch = [];
    private bool _isDraining;
    private volatile bool _isClosed;

    /// <summary>The node has stopped or halted.</summary>
    public bool IsClosed => _isClosed;

    /// <summary>Posts what anybody may post as often as he likes. False when the inbox is full or the loop has ended: push back,
    /// do not queue elsewhere.</summary>
    public bool TryPost(NodeInput input) => Post(input, inboxLimit);

    /// <summary>Posts what must not be lost and cannot pile up, because its source waits for us: a finished disk write, a tick,
    /// news of a link. False after the end of the loop.</summary>
    public bool Post(NodeInput input) => Post(input, int.MaxValue);

    /// <summary>Nothing is handled any more.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            _inbox.Clear();
        }
    }

    private bool Post(NodeInput input, int limit)
    {
        lock (_gate)
        {
            if (_isClosed || _inbox.Count >= limit) return false;
            _inbox.Enqueue(input);
            if (_isDraining) return true;
            _isDraining = true;
        }

        scheduler.Schedule(static loop => ((NodeLoop)loop!).Drain(), this);
        return true;
    }

    private void Drain()
    {
        while (TakeBatch())
        {
            try
            {
                think(_batch);
            }
            catch (Exception cause)
            {
                Close();
                broke(cause);
                return;
            }
        }
    }

    private bool TakeBatch()
    {
        _batch.Clear();
        lock (_gate)
        {
            while (_batch.Count < BatchInputsMax && _inbox.TryDequeue(out var input)) _batch.Add(input);
            if (_batch.Count == 0) _isDraining = false;
            return _batch.Count > 0;
        }
    }
}
