namespace Verify.Sim.Scheduling;

/// <summary>Whoever events happen to: a host, the network between them, or the harness. Its events run in the order in
/// which they became due; between actors the <see cref="IActorScheduler"/> decides.</summary>
internal sealed class SimActor(int id, string name)
{
    private int[] _queue = new int[16];
    private int _head;
    private int _count;

    public int Id { get; } = id;
    public string Name { get; } = name;

    /// <summary>The hash of the name, the same in every process.</summary>
    public ulong NameHash { get; } = Tracing.LabelTable.HashOf(name);

    /// <summary>Counts the lives: an event of an earlier one never happens.</summary>
    public int Life { get; set; }

    /// <summary>Stopped, with its clock going on: what becomes due waits.</summary>
    public bool IsPaused { get; set; }
    public int Waiting => _count;

    public int First => _queue[_head];

    public void Enqueue(int slot)
    {
        if (_count == _queue.Length)
        {
            var wider = new int[_count * 2];
            for (var i = 0; i < _count; i++) wider[i] = _queue[(_head + i) & (_queue.Length - 1)];
            (_queue, _head) = (wider, 0);
        }

        _queue[(_head + _count++) & (_queue.Length - 1)] = slot;
    }

    public int Dequeue()
    {
        var slot = _queue[_head];
        _head = (_head + 1) & (_queue.Length - 1);
        _count--;
        return slot;
    }
}
