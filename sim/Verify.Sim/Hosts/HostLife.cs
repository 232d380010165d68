using System.IO.Pipelines;
using Verify.Node.Seam;
using Verify.Sim.Network;
using Verify.Sim.Scheduling;

namespace Verify.Sim.Hosts;

/// <summary>One run of a host's process, from its start to its end. Everything that the process holds (streams, listeners,
/// timers, its place in the queue) ends with it.</summary>
internal sealed class HostLife(SimHost host, int number)
{
    private readonly List<SimStream> _streams = [];
    private readonly SortedDictionary<int, SimListener> _listeners = [];

    public SimHost Host { get; } = host;

    /// <summary>The actor's life number: events of other lives do not happen.</summary>
    public int Number { get; } = number;
    public bool IsAlive { get; private set; } = true;
    public PipeScheduler Pipe { get; } = new HostPipe(host.Scheduler, host.Actor, number, host.Labels.Loop);
    public IReadOnlyList<SimStream> Streams => _streams;
    public SortedDictionary<int, SimListener> Listeners => _listeners;

    public void Add(SimStream stream)
    {
        stream.PlaceInLife = _streams.Count;
        _streams.Add(stream);
    }

    public void Remove(SimStream stream)
    {
        if (stream.PlaceInLife < 0) return;
        var last = _streams[^1];
        _streams[stream.PlaceInLife] = last;
        last.PlaceInLife = stream.PlaceInLife;
        _streams.RemoveAt(_streams.Count - 1);
        stream.PlaceInLife = -1;
    }

    /// <summary>The process is gone. Its kernel closes its sockets; after a power loss nobody does.</summary>
    public void End(bool kernelClosesSockets)
    {
        IsAlive = false;
        if (kernelClosesSockets)
            while (_streams.Count > 0) _streams[^1].Abort();
        _listeners.Clear();
    }
}
