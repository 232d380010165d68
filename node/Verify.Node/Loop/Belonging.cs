using Microsoft.Extensions.Logging;
using Verify.Node.Api;
using Verify.Node.Peers;
using Verify.Node.Telemetry;
using Verify.Raft;

namespace Verify.Node.Loop;

/// <summary>What <see cref="Belonging"/> acts through.</summary>
internal sealed record BelongingParts(NodeConfig Config, PeerMesh Mesh, PeerSurroundings Around, ILogger Log)
{
    public required Func<TimeSpan> Now { get; init; }
    public required Action<NodeEvent> Emit { get; init; }

    /// <summary>Proposes a membership here; the result says what became of it.</summary>
    public required Func<Membership, ProposeResult> Change { get; init; }

    /// <summary>This node leads and everything before its term is applied here.</summary>
    public required Func<bool> LeadsForSure { get; init; }

    /// <summary>The end: with this sentence.</summary>
    public required Action<string> Leave { get; init; }
}

/// <summary>This node's place in the group: tells the mesh who the members are, asks to be let in while it is no member, tells the membership
/// when a member is reached elsewhere, and leaves when it was taken out. A decider; lives on the loop.</summary>
internal sealed class Belonging
{
    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan RefusedPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LetInPause = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ContactsEvery = TimeSpan.FromSeconds(1);
    private readonly BelongingParts _parts;
    private GroupPicture _group;
    private RaftStatus _status;
    private readonly TimeSpan _since;
    private TimeSpan _nextAsk;
    private TimeSpan _nextContacts;
    private int _asked;
    private bool _isAsking;
    private bool _isLetIn;
    private bool _hasLeft;
    private string? _leaveFor;
    private TimeSpan _leaveAt;
    private string _lastWhy = "nobody has answered";

    public Belonging(BelongingParts parts, RaftStatus status)
    {
        (_parts, _status, _group) = (parts, status, parts.Around.Group.Now);
        _since = parts.Now();
    }

    /// <summary>Before the first input.</summary>
    public void Start()
    {
        var configured = _parts.Config.Members.Select(m => m.Id).Order().ToArray();
        if (configured.Length > 0 && !configured.SequenceEqual(_group.Membership.All))
            NodeLog.ConfigurationDiffers(_parts.Log, string.Join(", ", configured), _group.Membership);
        Announce();
    }

    /// <summary>Raft may have changed.</summary>
    public void Follow(RaftStatus status)
    {
        var before = _status;
        _status = status;
        var isCommitted = status.MembershipIndex <= status.Commit;
        if (ReferenceEquals(status.Membership, before.Membership) && status.MembershipIndex == before.MembershipIndex
            && isCommitted == _group.IsCommitted && status.IsInQuorum == _group.IsInQuorum) return;
        var (membership, index) = (_group.Membership, _group.Index);
        _group = GroupPicture.Of(status);
        _parts.Mesh.Follow(_group);
        var isSame = index == _group.Index && _group.Membership.Equals(membership);
        if (!isSame) Announce();
    }

    public void Tick(TimeSpan now)
    {
        if (_hasLeft) return;
        if (_leaveFor is { } reason)
        {
            if (_status.IsInQuorum) _leaveFor = null; // It hears a leader again: it was taken in once more.
            else if (now >= _leaveAt)
            {
                _parts.Emit(new NodeEvent.Removed(_parts.Config.Self.Name, reason));
                Leave(reason);
            }

            return;
        }

        if (_group.IsWaitingToBeLetIn) AskToJoin(now);
        else if (now >= _nextContacts) TellContacts(now);
    }

    public void JoinAnswered(Seam.Endpoint via, PeerFrame.JoinAnswer answer)
    {
        _isAsking = false;
        var now = _parts.Now();
        _nextAsk = now + answer.Outcome switch { JoinOutcome.Done => LetInPause, JoinOutcome.Refused => RefusedPause, _ => AskAgain };
        if (answer.Outcome == JoinOutcome.Done)
        {
            _isLetIn = true;
            NodeLog.LetIn(_parts.Log, via);
            return;
        }

        var why = answer.Why;
        if (!string.Equals(why, _lastWhy, StringComparison.Ordinal)) NodeLog.NotLetIn(_parts.Log, via, why);
        _lastWhy = why;
    }

    /// <summary>A peer that is in the quorum says that this node was taken out. It cannot be true while this node hears a leader (it
    /// would be getting the log still), nor before it has ever been in.</summary>
    public void ToldOfRemoval(NodeId by, string why)
    {
        if (_hasLeft || _leaveFor is not null || _group.IsWaitingToBeLetIn || _status.IsInQuorum) return;
#if VERIFY_MUTANTS
        if (Mutant.Is("M48", deviates: true)) return;
#endif
        var reason = $"{why.TrimEnd('.')}. This node ({_parts.Config.Self}) stops for good. To bring it back, remove its data directory and let it join anew.";
        _leaveFor = reason;
        // What this node guards it closes before it goes: it gets no more leases, so within one they have run out.
        _leaveAt = _parts.Config.Clusters.IsEmpty ? _parts.Now() : _parts.Now() + _parts.Config.Timing.WriteLease + _parts.Config.Timing.StatementTimeout;
    }

    private void Announce()
    {
        var (membership, index) = (_group.Membership, _group.Index);
        NodeLog.MembershipIs(_parts.Log, index, membership);
        _parts.Emit(new NodeEvent.MembershipChanged(
            _parts.Config.Self.Name, string.Join(' ', membership.Voters), string.Join(' ', membership.Outgoing), string.Join(' ', membership.Learners),
            index.Value));
    }

    private void AskToJoin(TimeSpan now)
    {
        var join = _parts.Config.Join;
        if (!join.Via.IsEmpty && join.GiveUpAfter > TimeSpan.Zero && now - _since >= join.GiveUpAfter && !_isLetIn)
        {
            Leave($"This node was not let into the group within {join.GiveUpAfter.TotalSeconds:0.#} s (asked: {string.Join(", ", join.Via)}; last answer: "
                + $"{_lastWhy.TrimEnd('.')}). Check the addresses and the token, or tell it to keep trying.");
            return;
        }

        if (_isAsking || now < _nextAsk || join.Via.IsEmpty) return;
        var via = join.Via[_asked++ % join.Via.Length];
        if (_asked == 1) NodeLog.AsksToJoin(_parts.Log, via);
        _isAsking = true;
        _ = JoinDial.AskAsync(_parts.Around, via);
    }

    /// <summary>The leader, once a second: what members say of themselves goes into the membership, all changes at once.</summary>
    private void TellContacts(TimeSpan now)
    {
        _nextContacts = now + ContactsEvery;
        var membership = _group.Membership;
        if (!_parts.LeadsForSure() || membership.IsJoint || !_group.IsCommitted || _parts.Mesh.OlderThan(2).Count > 0 || _parts.Mesh.VersionMax < 2) return;
        var target = membership;
        var changed = new List<NodeId>();
        foreach (var id in membership.All)
        {
            var said = id == _parts.Config.Self ? GroupPicture.SelfContact(_parts.Config) : _parts.Mesh.ContactSaidBy(id);
            if (said is not { } contact || contact == membership.ContactOf(id)) continue;
            target = target.With(id, contact);
            changed.Add(id);
        }

        if (changed.Count > 0 && _parts.Change(target) is ProposeResult.Accepted) NodeLog.ContactsChange(_parts.Log, string.Join(", ", changed));
    }

    private void Leave(string reason)
    {
        _hasLeft = true;
        NodeLog.Leaves(_parts.Log, reason);
        _parts.Leave(reason);
    }
}
