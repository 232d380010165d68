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
    /// <summary>Who belongs to the group.</summary>
    public required GroupView Group { get; init; }

    /// <summary>This peer says that this node was taken out of the group.</summary>
    public required Action<NodeId, string> ToldOfRemoval { get; init; }

    /// <summary>The link to this peer has broken: what was asked over it may never be answered.</summary>
    public required Action<NodeId> LinkLost { get; init; }
}

/// <summary>Who is connected. Each node dials every other member, and every node that has dialled it as a member which it does not know yet,
/// and speaks only on what it dialled. Members come and go with the membership in the log. Lives on the loop.</summary>
internal sealed class PeerMesh
{
    private static readonly TimeSpan InletSilenceMax = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(100);
    private readonly PeerSurroundings _around;
    private readonly SortedDictionary<NodeId, PeerLink> _links = [];
    private readonly SortedDictionary<NodeId, PeerInlet> _inlets = [];

    /// <summary>How members that are connected say that they can be reached.</summary>
    private readonly SortedDictionary<NodeId, Contact> _said = [];

    /// <summary>Nodes that were taken out, and for how long they are still spoken to: the leader sends them the log up to their removal.</summary>
    private readonly SortedDictionary<NodeId, TimeSpan> _leaving = [];
    private readonly Dice _sessions;

    /// <summary>The links in the order of their peers, for the walks that each batch makes.</summary>
    private PeerLink[] _linksInOrder = [];
    private PeerInlet[] _inletsInOrder = [];
    private IListener? _listener;

    public PeerMesh(PeerSurroundings around)
    {
        _around = around;
        _sessions = around.Seam.Dice.Fork("sessions of inlets");
        Follow(around.Group.Now);
    }

    /// <summary>Peers to which a link is up.</summary>
    public IReadOnlyList<NodeId> Reachable => [.. _linksInOrder.Where(link => link.IsUp).Select(link => link.Peer)];

    /// <summary>The version of the protocol on the link to this peer; 0 when it is not known.</summary>
    public int VersionOf(NodeId peer) => _links.TryGetValue(peer, out var link) ? link.Version ?? 0 : 0;

    /// <summary>How this member says that it can be reached, when it has said so; which may be news to the membership.</summary>
    public Contact? ContactSaidBy(NodeId peer) => _said.TryGetValue(peer, out var contact) ? contact : null;

    /// <summary>The newest protocol that this node speaks.</summary>
    public int VersionMax => _around.Config.WireVersionMax;

    /// <summary>Members that were reached and speak only an older protocol than this.</summary>
    public IReadOnlyList<NodeId> OlderThan(int version)
    {
        List<NodeId>? old = null;
        foreach (var link in _linksInOrder)
            if (link.Version < version && _around.Group.Now.Membership.Contains(link.Peer)) (old ??= []).Add(link.Peer);
        return old ?? (IReadOnlyList<NodeId>)[];
    }

    /// <summary>The membership is this one now: links to new members, no more links to those who have gone.</summary>
    public void Follow(GroupPicture group)
    {
        var config = _around.Config;
        var before = _around.Group.Now.Membership;
        _around.Group.Now = group;
        foreach (var id in group.Membership.All)
        {
            if (id == config.Self) continue;
            var address = GroupPicture.AddressOf(config, group.Membership, id);
            if (!_links.TryGetValue(id, out var link)) _links.Add(id, link = new(_around, id, address));
            else if (address is { } at && (group.Membership.ContactOf(id) != before.ContactOf(id) || link.Address is null)) link.Move(at);
        }

        if (group.IsCommitted) SayFarewell(group.Membership);
        _linksInOrder = [.. _links.Values];
    }

    /// <summary>Listens and dials. A single node does so too: it may grow.</summary>
    /// <exception cref="IOException">The address is taken or not ours.</exception>
    /// <summary>Takes the address; nobody is let in yet.</summary>
    /// <exception cref="IOException">The address is taken or not ours.</exception>
    public void Listen() => _listener = _around.Seam.PeerNetwork.Listen(_around.Config.PeerBind);

    /// <summary>Lets peers in: from now on the loop has inputs.</summary>
    public void Accept() => _ = AcceptAsync(_listener!);

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
        LetGo(passed);
        foreach (var inlet in _inletsInOrder)
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
        _inletsInOrder = [.. _inlets.Values];
        if (inlet.Said is not { } said)
        {
            if (_links.TryGetValue(peer, out var known)) known.Speaks(1);
            return;
        }

        _said[peer] = said.Contact;
        if (!_links.TryGetValue(peer, out var link))
        {
            _links.Add(peer, link = new(_around, peer, address: null));
            _linksInOrder = [.. _links.Values];
        }

        if (Endpoint.TryParse(said.Contact.Address, defaultPort: null, out var at)) link.Move(at);
        link.Speaks(Math.Min(said.VersionMax, _around.Config.WireVersionMax));
    }

    public void Went(PeerInlet inlet, string why)
    {
        if (why.Length > 0) _around.Refusals.Note(inlet.Source, why);
        if (inlet.Peer is not { } peer || !_inlets.TryGetValue(peer, out var current) || current != inlet) return;
        _inlets.Remove(peer);
        _inletsInOrder = [.. _inlets.Values];
        if (!_around.Group.Now.Membership.Contains(peer)) Drop(peer);
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
                    _ = new PeerInlet(_around, stream, _sessions.Next()).RunAsync();
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

    private void SayFarewell(Membership membership)
    {
        foreach (var peer in _leaving.Keys.ToArray())
            if (membership.Contains(peer)) _leaving.Remove(peer);
        foreach (var peer in _links.Keys)
            if (!membership.Contains(peer) && !(_inlets.TryGetValue(peer, out var inlet) && IsGuest(inlet))) _leaving.TryAdd(peer, Farewell);
    }

    /// <summary>A node that was taken out and still speaks has not heard of it: its stream ends, it knocks again and is told.</summary>
    private void LetGo(TimeSpan passed)
    {
        if (_leaving.Count == 0) return;
        foreach (var (peer, left) in _leaving.ToArray())
        {
            _leaving[peer] = left - passed;
            if (left > passed) continue;
            _leaving.Remove(peer);
            if (_inlets.TryGetValue(peer, out var inlet)) inlet.Close();
            Drop(peer);
        }
    }

    /// <summary>It knows a later membership than this node does, so it may well be in it.</summary>
    private bool IsGuest(PeerInlet inlet) =>
        inlet.Said is { } said && (said.MembershipIndex > _around.Group.Now.Index || _around.Group.Now.IsWaitingToBeLetIn);

    private void Drop(NodeId peer)
    {
        _said.Remove(peer);
        if (!_links.Remove(peer, out var link)) return;
        link.Close();
        _linksInOrder = [.. _links.Values];
        _around.LinkLost(peer);
    }
}
