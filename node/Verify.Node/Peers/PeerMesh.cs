using Microsoft.Extensions.Logging;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.Telemetry;
using Verify.Raft;

namespace Verify.Node.Peers;

/// <summary>What links and inlets need of the node around them.</summary>
internal sealed record PeerSurroundings(
    NodeConfig Config, NodeSeam Seam, NodeLoop Loop, NodeMetrics Metrics, ILogger Log, Refusals Refusals, CancellationToken Stopping)
{
    /// <summary>The link to this peer has broken: what was asked over it may never be answered.</summary>
    public required Action<NodeId> LinkLost { get; init; }
}

/// <summary>Who is connected. Each node dials every other and speaks only on what it dialled. Lives on the loop.</summary>
internal sealed class PeerMesh
{
    private static readonly TimeSpan InletSilenceMax = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(100);
    private readonly PeerSurroundings _around;
    private readonly SortedDictionary<NodeId, PeerLink> _links = [];
    private readonly SortedDictionary<NodeId, PeerInlet> _inlets = [];
    /// <summary>The links in the order of their peers, for the walks that each batch makes.</summary>
    private readonly PeerLink[] _linksInOrder;
    private IListener? _listener;

    public PeerMesh(PeerSurroundings around)
    {
        _around = around;
        foreach (var member in around.Config.Members)
            if (member.Id != around.Config.Self) _links.Add(member.Id, new(around, member));
        _linksInOrder = [.. _links.Values];
    }

    /// <summary>Peers to which a link is up, sorted.</summary>
    public IReadOnlyList<NodeId> Reachable => [.. _links.Where(link => link.Value.IsUp).Select(link => link.Key)];

    /// <summary>Listens and dials. A single node has no peers and does neither.</summary>
    /// <exception cref="IOException">The address is taken or not ours.</exception>
    public void Start()
    {
        if (_links.Count == 0) return;
        _listener = _around.Seam.Network.Listen(_around.Config.PeerBind);
        _ = AcceptAsync(_listener);
    }

    public void Send(Envelope envelope)
    {
        if (_links.TryGetValue(envelope.To, out var link)) link.Send(new PeerFrame.Raft(envelope.Term, envelope.Body));
    }

    /// <summary>False: it will not be sent.</summary>
    public bool Tell(NodeId peer, PeerFrame frame) => _links.TryGetValue(peer, out var link) && link.Send(frame);

    public void TellAll(PeerFrame frame)
    {
        foreach (var link in _linksInOrder)
            if (link.IsUp) link.Send(frame);
    }

    public void Flush()
    {
        foreach (var link in _linksInOrder) link.Flush();
    }

    public void Tick(TimeSpan passed)
    {
        foreach (var link in _linksInOrder) link.Tick(passed);
        foreach (var inlet in _inlets.Values)
        {
            var frames = inlet.Frames;
            var silence = inlet.Silence;
            inlet.Silence = frames == silence.Frames ? (frames, silence.For + passed) : (frames, TimeSpan.Zero);
            if (inlet.Silence.For > InletSilenceMax) inlet.Close();
        }
    }

    public void Came(PeerInlet inlet)
    {
        var peer = inlet.Peer!.Value;
        if (_inlets.TryGetValue(peer, out var older)) older.Close();
        _inlets[peer] = inlet;
        _links[peer].DialSoon();
    }

    public void Went(PeerInlet inlet, string why)
    {
        if (why.Length > 0) _around.Refusals.Note(inlet.Peer is { } known ? $"from {known}" : "from a stranger", why);
        if (inlet.Peer is { } peer && _inlets.TryGetValue(peer, out var current) && current == inlet) _inlets.Remove(peer);
    }

    public async ValueTask CloseAsync()
    {
        foreach (var link in _linksInOrder) link.Close();
        foreach (var inlet in _inlets.Values) inlet.Close();
        if (_listener is not null) await _listener.DisposeAsync();
    }

    private async Task AcceptAsync(IListener listener)
    {
        try
        {
            while (true)
            {
                try
                {
                    if (await listener.AcceptAsync() is not { } stream) return;
                    _ = new PeerInlet(_around, stream).RunAsync();
                }
                catch (IOException)
                {
                    // One caller was lost, or the system is out of handles; the next may do better.
                    await Task.Delay(AcceptPause, _around.Seam.Time).WaitAsync(_around.Stopping);
                }
            }
        }
        catch (OperationCanceledException) when (_around.Stopping.IsCancellationRequested)
        {
            return;
        }
        catch (Exception cause)
        {
            _around.Loop.Post(new NodeInput.DriverFailed("peer listener", cause));
        }
    }
}
