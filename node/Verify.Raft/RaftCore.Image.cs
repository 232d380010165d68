using System.Diagnostics;

namespace Verify.Raft;

/// <summary>Taking a core's image and going on from one, and timers that somebody else fires: for an exploration of everything that can
/// happen (sim/Verify.Sim/Exhaustive). Production never comes here.</summary>
public sealed partial class RaftCore
{
    private RaftCore(RaftOptions options, CoreImage image)
    {
        _options = options;
        _log = new RaftLog(image);
        _history = StartState.Memberships(options, snapshot: null, image.Log);
        _electorate = new Electorate(_history.Latest, Self);
        _reached = new long[_electorate.All.Length];
        (_term, _votedFor) = (image.Term, image.VotedFor);
        _heardLeaderTick = -options.ElectionTicks;
        _role = RoleOf(image);
    }

    /// <summary>A core whose future is that of the one the image was taken of.</summary>
    internal static RaftCore From(RaftOptions options, CoreImage image) => new(options, image);

    /// <summary>The image of a core whose work has all been taken.</summary>
    internal CoreImage Image()
    {
        Invariant.Holds(_pending.IsEmpty, "an image is taken of a core whose work has been taken");
        Invariant.Holds(_snapshot is null, "an image has no place for snapshots");
        var image = new CoreImage
        {
            Term = _term, VotedFor = _votedFor, Role = Role, Log = _log.Entries, HandedToDisk = _log.HandedToDisk, Durable = _log.Durable,
            Commit = _log.Commit, Applied = _log.Applied,
        };
        return _role switch
        {
            RoleState.Follower follower => image with { Following = follower.Following },
            RoleState.PreCandidate candidate => image with { Ballots = candidate.Votes.Images },
            RoleState.Candidate candidate => image with { Ballots = candidate.Votes.Images },
            RoleState.Leader leader => ImageOf(leader, image),
            _ => throw new UnreachableException(),
        };
    }

    /// <summary>So much time passes that nobody's patience lasts, and no timer fires. The disk answers at once, so it is never silent.</summary>
    internal void LetPatienceRunOut()
    {
        _tick += _options.ElectionTicks;
        _diskAnsweredTick = _tick;
    }

    /// <summary>The election timer fires; at a leader: the check finds that no quorum was heard. The rules are those of a tick.</summary>
    internal void FireElectionTimer()
    {
        if (_role is RoleState.Leader) BecomeFollower(_term, leader: null);
        else if (_electorate.IsSelfAlone || MayCampaign) BecomePreCandidate();
    }

    /// <summary>The heartbeat timer of a leader fires.</summary>
    internal void FireHeartbeat()
    {
        if (_role is not RoleState.Leader leader) return;
        foreach (var peer in leader.Peers)
            if (peer.State == ProgressState.Replicate && _tick - peer.HeardTick >= _options.ElectionTicks) peer.BackToProbe();
        LetGoOfWhoHasLeft(leader);
        StartRound(leader);
    }

    private static CoreImage ImageOf(RoleState.Leader leader, CoreImage image)
    {
        Invariant.Holds(leader.Transfer is null && !leader.HasAskedForElection, "an image has no place for a leader that hands over");
        return image with
        {
            Barrier = leader.Barrier, WaitsForDisk = leader.WaitsForDisk, Round = leader.Rounds.Latest,
            Peers = [.. leader.Peers.Select(peer => peer.Image)],
        };
    }

    private RoleState RoleOf(CoreImage image) => image.Role switch
    {
        RaftRole.Follower => new RoleState.Follower(image.Following),
        RaftRole.PreCandidate => new RoleState.PreCandidate(new VoteTally(_electorate, image.Ballots)),
        RaftRole.Candidate => new RoleState.Candidate(new VoteTally(_electorate, image.Ballots)),
        RaftRole.Leader => LeaderOf(image),
        _ => throw new UnreachableException(),
    };

    private RoleState.Leader LeaderOf(CoreImage image)
    {
        var leader = new RoleState.Leader(image.Barrier, _tick) { WaitsForDisk = image.WaitsForDisk };
        while (leader.Rounds.Latest < image.Round) leader.Rounds.Start(_tick);
        leader.Peers = [.. image.Peers.Select(peer => Progress.From(peer, _electorate, _options.InflightMax))];
        return leader;
    }
}
