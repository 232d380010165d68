using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Verify.Node.Api;
using Verify.Node.Codec;
using Verify.Node.Consensus;
using Verify.Node.Peers;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Node.Telemetry;
using Verify.Raft;

namespace Verify.Node.Loop;

/// <summary>The node's mind: takes each input to the part it is for, carries Raft's work out after each batch, and tells the parts
/// what changed. Everything in here happens on the loop.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The cancellation source has no timer and no wait handle; its token is used to the node's end.")]
internal sealed class NodeCore
{
    private static readonly TimeSpan HandOverAgain = TimeSpan.FromSeconds(1);
    private readonly CancellationTokenSource _stopping = new();
    private readonly RaftCore _raft;
    private readonly ConsensusDriver _consensus;
    private readonly DiskWriter _disk;
    private SnapshotDesk _desk = null!;
    private readonly NodeMetrics _metrics;
    public NodeMetrics Metrics => _metrics;
    private readonly ILogger _log;
    private readonly IHaPart _ha;
    private long _fleetSeen;
    private readonly Belonging _belonging;
    private readonly Catalogue.CheckRuns _checks;
    private Term _barrierApplied;
    private readonly List<NodeId> _heirsAsked = [];
    private Parting? _parting;
    private TimeSpan _leaseLate;
    private int _tickIsWaiting;

    public NodeCore(NodeConfig config, NodeSeam seam, DataDirectory data, ReplicatedState? state, Func<INodeServices, IHaPart> haPart)
    {
        (Config, Seam) = (config, seam);
        _log = seam.Logs.CreateLogger("Verify.Node");
        HaLog = seam.Logs.CreateLogger("Verify.Node.Ha");
        _metrics = new(seam.Meters);
        Pulse = new(seam.Time, config.Timing.Tick);
        Loop = new(seam.Scheduler, config.Limits.InboxInputsMax, Think, Break);
        State = state ?? new(Sessions.FormerMax, config.Limits.RecoveriesKeptMax);
        _raft = new(OptionsOf(config, seam.Dice.Fork("raft")), data.HardState.State, data.Snapshots.Newest?.Mark, data.Entries);
        seam.Witness?.Began(_raft, data.HardState.State, data.Snapshots.Newest?.Mark, data.Entries);
        Status = _raft.Status;
        var around = new PeerSurroundings(config, seam, Loop, _metrics, _log, new(_log, () => Pulse.Now), _stopping.Token)
        {
            Group = new(GroupPicture.Of(Status)),
            LinkLost = LinkLost,
            ToldOfRemoval = (peer, why) => _belonging!.ToldOfRemoval(peer, why),
        };
        Mesh = new(around);
        Protocol = new(Mesh, State);
        _belonging = new(new(config, Mesh, around, _log)
        {
            Now = () => Pulse.Now, Emit = seam.Events.Emit, Change = ChangeMembership, LeadsForSure = () => LeadsForSure, Leave = Leave,
        }, Status);
        _disk = new(data, Loop, seam.Scheduler, seam.Time, _metrics, config.Limits);
        _consensus = new(_raft, _disk, new()
        {
            Send = Mesh.Send, Flush = Mesh.Flush, Apply = Apply, Committed = () => Api!.Committed(), Install = Install,
            ReadGranted = grant => Api!.ReadGranted(grant), ReadRefused = ticket => Api!.ReadRefused(ticket),
            DiskFullChanged = DiskFullChanged, DiskStallChanged = DiskStallChanged,
            After = (delay, action) => Deadlines.At(Pulse.Now + delay, action), Now = () => Pulse.Now,
        }, config.Timing.DiskStallMax ?? config.Timing.Tick * config.Timing.ElectionTicks * 2, data.Lost is not null, _log)
        {
            Snapshots = DeskOf(data), Witness = seam.Witness, Figures = new(data.Log.Entries, data.Log.Bytes, 0),
        };
        if (data.Lost is { } lost) NodeLog.Recovering(_log, lost.Until);
        _ha = haPart(new NodeServices(this));
        _checks = new(new NodeServices(this), State, request => Api!.Ask(request));
        Throttle = new(new NodeServices(this), State, (_ha as Recovery.HaPart)?.Samples ?? new(), () => LeadsForSure ? Pulse.After(_raft.LeaseTicksLeft) : null);
        _fleetSeen = State.Fleet.Changes;
        Api = new(new(config, _raft, State, Mesh, _ha, _metrics, Pulse)
        {
            Throttle = Throttle, Protocol = Protocol, IsDiskFull = () => _consensus.IsDiskFull, Log = _log, Dice = seam.Dice.Fork("api"), Time = seam.Time, Reachable = () => Mesh.Reachable,
            ChangeMembership = ChangeMembership, TakeSnapshot = TakeSnapshot,
            LogFigures = () => _consensus.Figures with { SnapshotBytes = _desk.Newest?.Bytes ?? 0 },
        });
    }

    public NodeConfig Config { get; }
    public NodeSeam Seam { get; }
    public NodeLoop Loop { get; }
    public Pulse Pulse { get; }
    public Deadlines Deadlines { get; } = new();
    public ReplicatedState State { get; }
    public PeerMesh Mesh { get; }

    /// <summary>What all members understand.</summary>
    public GroupProtocol Protocol { get; }
    public NodeApi Api { get; }
    public Throttle.ThrottlePart Throttle { get; }
    public ILogger HaLog { get; }
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>Raft as it was after the last batch or tick.</summary>
    public RaftStatus Status { get; private set; }

    /// <summary>This node leads, everything that was committed before its term is applied here, and it holds its lease and has said so:
    /// nobody acts on a lease that came back in the middle of a batch before the parts, the log and the checks know of it.</summary>
    public bool LeadsForSure => _raft.HasLease && Status.HasLease && _barrierApplied == _raft.Term;

    public bool IsDiskSilent => _consensus.IsDiskStalled;

    /// <summary>Who the members are, as this node knows it.</summary>
    public Membership Membership => Status.Membership;

    /// <summary>Proposes another membership. Not while a member runs a program that would not understand it.</summary>
    public ProposeResult ChangeMembership(Membership target) =>
        Protocol.ObjectionTo(2) is { } objection ? new ProposeResult.Refused(objection) : _raft.ChangeMembership(target);

    /// <summary>Raft as the deciders may believe it: applied is only what the state here really has.</summary>
    public RaftStatus StatusApplied => _consensus.IsInstalling ? Status with { Applied = State.Applied.Index } : Status;

    /// <summary>Before the first input, on the thread that builds the node: no peer may be let in before. (A peer that was let in during this had the
    /// loop run at the same time; the node then said of itself that it was outside the quorum after it had said that it was inside.)</summary>
    public void Start(bool isRecovered)
    {
        NodeLog.Starting(_log, Config.Self, Config.DataCenter, Status.Term, Status.Last, Membership.All.Length);
        Seam.Events.Emit(new NodeEvent.Started(Config.Self.Name, Config.DataCenter, isRecovered, Status.Last.Index.Value));
        _belonging.Start();
        Tell(Status, before: null);
        Loop.Post(new NodeInput.HaPosted(_ha.Start));
        Loop.Post(new NodeInput.HaPosted(Throttle.Start));
    }

    /// <inheritdoc cref="VerifyNode.UseKeys"/>
    public void UseKeys(Consensus.DataKeys keys) => _disk.UseKeys(keys);

    /// <summary>The timer fired. One tick waits in the inbox at the most; how much time has passed the clock says.</summary>
    public void Wake()
    {
        if (Interlocked.Exchange(ref _tickIsWaiting, 1) == 0) Loop.Post(new NodeInput.Ticked());
    }

    /// <summary>Leaves: hands leadership over when there is somebody to take it, waits for that a moment, then closes.</summary>
    public void Part(Action gone)
    {
        if (_parting is not null) return;
        NodeLog.Stopping(_log);
        _parting = new(Pulse.Now + (Config.Timing.Tick * Config.Timing.ElectionTicks * 2), gone);
        HandOver("the node stops");
    }

    /// <summary>Leaves the group for good.</summary>
    private void Leave(string reason) => Part(() => Seam.Halt.Halt(reason, new LeftGroupException(reason)));

    private SnapshotDesk DeskOf(DataDirectory data)
    {
        var settings = Config.Snapshots;
        var driver = new SnapshotDriver(data.Snapshots, Loop, Seam.Scheduler, Seam.Time, Math.Min(settings.ChunkBytes, Config.Limits.FrameBytesMax / 2));
        return _desk = new(_raft, State, driver, settings, new()
        {
            Send = Mesh.Send, After = (delay, action) => Deadlines.At(Pulse.Now + delay, action), Now = () => Pulse.Now,
            Idle = () => _consensus.SnapshotsAreIdle(), IsInstalling = () => _consensus.IsInstalling,
            Objection = () => Protocol.ObjectionTo(2), Made = SnapshotMade,
        }, _log) { Newest = data.Snapshots.Newest };
    }

    private void Think(IReadOnlyList<NodeInput> batch)
    {
        if (_parting is not { IsClosed: true }) Beat();
        for (var i = 0; i < batch.Count; i++) Handle(batch[i]);
        if (_parting is not { IsClosed: true }) Settle();
        if (_parting is not null) FinishParting();
    }

    private void Handle(NodeInput input)
    {
        switch (input)
        {
            case NodeInput.LogSynced(var group, var outcome):
                _consensus.Synced(group, outcome);
                break;
            case NodeInput.SnapshotNews(var outcome):
                _desk.News(outcome);
                break;
            case NodeInput.DriverFailed(var driver, var cause):
                throw new DriverFailedException(driver, cause);
            case var _ when _parting is { IsClosed: true }:
                break;
            case NodeInput.Ticked:
                // How many ticks that is was read from the clock at the start of the batch.
                Interlocked.Exchange(ref _tickIsWaiting, 0);
                break;
            case NodeInput.PeerSaid(var from, var frame):
                Hear(from, frame);
                break;
            case NodeInput.PeerCame(var inlet):
                Mesh.Came(inlet);
                break;
            case NodeInput.PeerWent(var inlet, var why):
                Mesh.Went(inlet, why);
                break;
            case NodeInput.JoinAsked(var inlet, var join):
                AskForJoiner(inlet, join);
                break;
            case NodeInput.JoinAnswered(var via, var answer):
                _belonging.JoinAnswered(via, answer);
                break;
            case NodeInput.LinkNews(var link, var change):
                link.Take(change);
                break;
            case NodeInput.ClientAsked(var question):
                Api.Ask(question);
                break;
            case NodeInput.HaPosted(var run):
                run();
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <summary>A node wants to be let in: its question goes the way of every question for the leader.</summary>
    private void AskForJoiner(PeerInlet inlet, PeerFrame.Join join) => Api.Ask(new(
        new LeaderRequest.Client(new ApiRequest.ClusterJoin(join.From, join.Contact, join.StaysLearner, join.Replaces, join.Token)),
        wasForwarded: false, Pulse.Now + Config.Timing.RequestTimeout,
        reply => _ = inlet.AnswerAsync(((LeaderReply.Client)reply).Reply switch
        {
            ApiReply.Done => new(JoinOutcome.Done, ""),
            ApiReply.Refused(var why) => new(JoinOutcome.Refused, why),
            ApiReply.Overloaded(var why, _) => new(JoinOutcome.Later, why),
            ApiReply.Unknown(var why) => new(JoinOutcome.Later, why),
            ApiReply.NoLeader => new(JoinOutcome.Later, "the group has no leader at the moment"),
            var other => new(JoinOutcome.Later, $"an answer that makes no sense here ({other.GetType().Name})"),
        })));

    private void Hear(NodeId from, PeerFrame frame)
    {
        switch (frame)
        {
            case PeerFrame.Raft(var term, var body):
                if (_consensus.Hear(new(from, Config.Self, term, body))) Api.Heard(from);
                break;
            case PeerFrame.Report(var report):
                _ha.HeardFrom(from, report);
                break;
            case PeerFrame.Request request:
                Api.PeerAsks(from, request);
                break;
            case PeerFrame.Reply reply:
                Api.PeerReplies(from, reply);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private void LinkLost(NodeId peer)
    {
        _raft.LinkLost(peer);
        Api.LinkLost(peer);
    }

    /// <summary>Time passes. A leader counts all of it, because its lease ran on while it did not; any other node counts at most a
    /// few ticks, so that after a pause it hears what its peers have sent before it stands for election.</summary>
    private void Beat()
    {
        var beats = Pulse.Take();
        if (beats <= 0) return;
        var few = Math.Min(beats, Pulse.LateTicksMax);
        if (beats > Config.Timing.ElectionTicks) NodeLog.Paused(_log, Config.Timing.Tick * beats, few);
        var leaseTicks = _raft.LeaseTicksLeft;
        for (var i = 0L; i < beats && (i < few || (_raft.Role == RaftRole.Leader && i <= Config.Timing.ElectionTicks)); i++) _raft.Tick();
        if (leaseTicks > 0 && !_raft.HasLease) _leaseLate = Config.Timing.Tick * (beats - leaseTicks);
        var now = Pulse.Now;
        Deadlines.Run(now);
        Mesh.Tick(Config.Timing.Tick * few);
        Api.Tick(now);
        _belonging.Tick(now);
        _consensus.Tick();
        Observe();
        _ha.Tick();
        _checks.Tick();
        Throttle.Tick();
    }

    /// <summary>Many inputs, one look at Raft's work, one disk sync.</summary>
    private void Settle()
    {
        do
        {
            // The end of a lease is told before anything leaves that lets another node lead (TimeoutNow), its return before what is applied
            // with the same messages is acted upon.
            if (Status.HasLease != _raft.HasLease && (Status.HasLease || _barrierApplied == _raft.Term)) Observe();
            _consensus.CarryOut();
        }
        while (Observe());
        Mesh.Flush();
    }

    private void Apply(Entry entry)
    {
        Command? command = null;
        try
        {
            if (entry.Kind == EntryKind.Command) command = CommandCodec.Decode(entry.Payload.Span);
        }
        catch (WireFormatException unreadable)
        {
            throw new UnreadableEntryException(entry.Id, unreadable);
        }

        var began = Seam.Time.GetTimestamp();
        var result = State.Apply(entry.Id, command);
        _metrics.Applied(Seam.Time.GetElapsedTime(began));
        _barrierApplied = entry.Term;
        Seam.Events.Emit(new NodeEvent.Applied(Config.Self.Name, entry.Index.Value, entry.Term.Value, Fnv1A.Of(entry.Payload.Span)));
        if (command is Command.Throttle or Command.Ha(not Verify.Node.State.Ledger.HaCommand.RenewLease)) Throttle.Changed();
        Api.EntryApplied(entry.Id, result);
        if (command is Command.Ha(var inner)) _ha.Applied(inner, new(entry.Index.Value, entry.Term.Value), result!);
        else if (State.Fleet.Changes != _fleetSeen) FleetChanged();
    }

    /// <summary>A snapshot has become durable: it is the state from now on.</summary>
    private void Install(SnapshotMark mark, RestoredState restored)
    {
        var self = Config.Self.Name;
        State.Become(restored.State);
        _barrierApplied = mark.Last.Term;
        _desk.Installed(restored.File);
        NodeLog.SnapshotInstalled(_log, mark.Last);
        Seam.Events.Emit(new NodeEvent.SnapshotInstalled(self, mark.Last.Index.Value, mark.Last.Term.Value, restored.Hash));
        Throttle.Changed();
        Api.StateRestored(mark.Last);
        _fleetSeen = State.Fleet.Changes;
        _ha.FleetChanged();
        _ha.Restored();
    }

    private void FleetChanged()
    {
        _fleetSeen = State.Fleet.Changes;
        _ha.FleetChanged();
    }

    private void SnapshotMade(SnapshotFile file, TimeSpan took)
    {
        var last = file.Mark.Last;
        _metrics.SnapshotMade(took);
        Seam.Witness?.SnapshotMade(file.Mark);
        Seam.Events.Emit(new NodeEvent.SnapshotTaken(Config.Self.Name, last.Index.Value, last.Term.Value, file.Bytes, took.TotalMilliseconds));
    }

    private void TakeSnapshot(Action<ApiReply> done) => _desk.Ask(made => done(made.File is { } file
        ? new ApiReply.SnapshotMade(file.Mark.Last, file.Bytes, made.Took)
        : new ApiReply.Refused($"no snapshot was made: {made.Why}")));

    /// <summary>Looks at Raft and tells the parts when role, term, leader, lease or quorum have changed. Returns whether they have.</summary>
    private bool Observe()
    {
        var before = Status;
        Status = _raft.StatusSince(before);
        if (ReferenceEquals(Status, before)) return false;
        Seam.Witness?.Knows(Status);
        _metrics.Raft(Status);
        _belonging.Follow(Status);
        return Tell(Status, before);
    }

    private bool Tell(RaftStatus now, RaftStatus? before)
    {
        var self = Config.Self.Name;
        var leadershipMoved = before is null || (now.Role, now.Term, now.Leader) != (before.Role, before.Term, before.Leader);
        var leaseMoved = now.HasLease != (before?.HasLease ?? false) || (now.HasLease && now.Term != before!.Term);
        var quorumMoved = now.IsInQuorum != before?.IsInQuorum;
        if (leaseMoved && before is { HasLease: true }) Seam.Events.Emit(new NodeEvent.LeaderLease(self, before.Term.Value, Held: false, (long)_leaseLate.TotalMicroseconds));
        _leaseLate = TimeSpan.Zero;
        if (leadershipMoved)
        {
            NodeLog.RoleChanged(_log, now.Role, now.Term, now.Leader?.Name ?? "none");
            Seam.Events.Emit(new NodeEvent.RoleChanged(self, now.Role.ToString(), now.Term.Value, now.Leader?.Name));
            if (before is not null && now.Leader != before.Leader) _metrics.LeaderChanged();
        }

        if (leaseMoved && now.HasLease) Seam.Events.Emit(new NodeEvent.LeaderLease(self, now.Term.Value, Held: true));
        if (quorumMoved) Seam.Events.Emit(new NodeEvent.QuorumSeen(self, now.IsInQuorum));
        if (before is null || !(leadershipMoved || leaseMoved || quorumMoved)) return false;
        Throttle.Changed();
        Api.RaftChanged(now);
        _ha.RaftChanged(now);
        return true;
    }

    private void DiskFullChanged(bool isFull, string why)
    {
        _metrics.DiskFull(isFull);
        Seam.Events.Emit(new NodeEvent.DiskFull(Config.Self.Name, isFull));
        if (isFull) HandOverWhileFull($"the disk is full ({why})");
    }

    private void DiskStallChanged(bool isStalled)
    {
        if (isStalled) HandOverWhileStalled();
    }

    private void HandOverWhileStalled()
    {
        if (!_consensus.IsDiskStalled || _parting is not null) return;
        HandOver("the disk does not answer");
        Deadlines.At(Pulse.Now + HandOverAgain, HandOverWhileStalled);
    }

    private void HandOverWhileFull(string why)
    {
        if (!_consensus.IsDiskFull || _parting is not null) return;
        HandOver(why);
        Deadlines.At(Pulse.Now + HandOverAgain, () => HandOverWhileFull(why));
    }

    /// <summary>To the follower that has most of the log, among those that were heard lately; one that has been asked in vain comes last.</summary>
    private void HandOver(string why)
    {
        if (_raft.Role != RaftRole.Leader) return;
        var heir = _raft.Status.Peers
            .Where(peer => peer.TicksSinceHeard < Config.Timing.ElectionTicks && Membership.Voters.Contains(peer.Peer))
            .OrderBy(peer => _heirsAsked.IndexOf(peer.Peer)).ThenByDescending(peer => peer.Match).ThenBy(peer => peer.Peer)
            .FirstOrDefault();
        if (heir is null || !_raft.TransferLeadership(heir.Peer)) return;
        _heirsAsked.Remove(heir.Peer);
        _heirsAsked.Add(heir.Peer);
        NodeLog.HandingOver(_log, why, heir.Peer);
    }

    private void FinishParting()
    {
        var parting = _parting!;
        if (!parting.IsClosed)
        {
            var mayGo = _raft.Role != RaftRole.Leader || Membership.Voters.Length <= 1 || Pulse.Now >= parting.Until;
            if (!mayGo || !_consensus.IsIdle) return;
            _parting = parting = parting with { IsClosed = true };
            _consensus.Stop();
            Api.Close();
            _stopping.Cancel();
        }

        if (!_consensus.IsIdle) return;
        Loop.Close();
        _disk.Dispose();
        parting.Gone();
    }

    private void Break(Exception cause)
    {
        var reason = cause switch
        {
            InvariantBrokenException => $"{cause.Message}. This node does not go on, so that the fault cannot spread. Keep its data directory and its log for analysis; the other nodes carry on without it.",
            DiskFailedException or UnreadableEntryException or DriverFailedException or UnusableDataException => cause.Message,
            _ => $"Unexpected {cause.GetType().Name}: {cause.Message}. This node does not go on. Keep its log for analysis and start it again.",
        };
        NodeLog.Halting(_log, cause, reason);
        Seam.Events.Emit(new NodeEvent.Halted(Config.Self.Name, reason));
        Seam.Halt.Halt(reason, cause);
    }

    private static RaftOptions OptionsOf(NodeConfig config, Dice dice) => new()
    {
        Self = config.Self,
        Voters = GroupPicture.Bootstrap(config).Voters,
        Contacts = GroupPicture.Bootstrap(config).Contacts,
        HeartbeatTicks = config.Timing.HeartbeatTicks,
        ElectionTicks = config.Timing.ElectionTicks,
        LeaseMarginTicks = LeaseMarginOf(config.Timing),
        TrailingEntries = config.Snapshots.TrailingEntries,
        Draw = dice.Next,
    };

    /// <summary>So many ticks less than a follower's patience that a leader whose clock is slow by the drift bound still ends its lease
    /// before a follower may vote: (E − margin)·(1 + ρ) ≤ E − 1, since ticks are whole.</summary>
    internal static int LeaseMarginOf(Timing timing) =>
        timing.ElectionTicks - (int)((timing.ElectionTicks - 1) * 1000L / (1000 + timing.ClockDriftPerMille));

    /// <summary>How this node is leaving.</summary>
    private sealed record Parting(TimeSpan Until, Action Gone)
    {
        public bool IsClosed { get; init; }
    }
}

/// <summary>A driver met something it has no name for.</summary>
internal sealed class DriverFailedException(string driver, Exception cause) : Exception(
    $"Unexpected {cause.GetType().Name} in the {driver}: {cause.Message}. This node does not go on. Keep its log for analysis and start it again.", cause);

/// <summary>A committed entry cannot be read, so this node cannot have the state that the others have.</summary>
internal sealed class UnreadableEntryException(EntryId id, Exception cause) : Exception(
    $"The committed entry {id} cannot be read ({cause.Message}). If the other nodes run a newer version, upgrade this one.", cause);
