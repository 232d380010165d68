using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.Recovery;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Node.State.Fleet;
using Verify.Node.State.Ledger;
using Verify.Node.Telemetry;
using Verify.Node.Throttle;
using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.Node.Tests.Recovery;

/// <summary>A node without Raft and sockets: the high-availability part with a scripted node around it.</summary>
internal sealed class BedNode : INodeServices, IServerDoor, IHalt
{
    private readonly HaBed _bed;
    private readonly CancellationTokenSource _stopping = new();
    private readonly HaPart _part;
    private readonly ReplicatedState _state = new(10);
    private readonly KnownClusters _known;
    private int _applied;
    private ThrottlePart? _throttle;

    public BedNode(HaBed bed, NodeConfig config, double clockRate)
    {
        _bed = bed;
        Config = config;
        _known = new(config);
        ClockRate = clockRate;
        Seam = new(TimeProvider.System, new Dice(1), null!, null!, this, null!, null!, null!, null!) { Processes = new BedProcesses(bed, this) };
        _part = new(this, this);
    }

    public NodeConfig Config { get; }
    public double ClockRate { get; }
    public NodeSeam Seam { get; }
    public HaState Ha => _state.Ha;
    public FleetState Fleet => _state.Fleet;
    public Verify.Node.State.Fencing.FencingState Fencing => _state.Fencing;
    public ImmutableArray<ClusterSpec> Clusters => _known.Of(_state.Fleet);
    public Verify.Node.State.Policy.PolicyState Policy => _state.Policy;
    public Verify.Node.State.Time.TimeStamp GroupTime => new((long)_bed.Now.TotalMilliseconds, (long)_bed.Now.TotalMilliseconds);
    public List<CommandResult> Results { get; } = [];
    public bool IsDiskSilent => false;
    public bool IsUp { get; private set; }

    /// <summary>It has a log of an earlier life, of which it does not know how much is committed.</summary>
    public bool HasHistory { get; init; }

    /// <summary>How much later than the leader this node applies what is committed.</summary>
    public TimeSpan ApplyLag { get; set; }
    public IHaPart Part => _part;

    /// <summary>A server that this node does not reach, though others do.</summary>
    public InstanceKey? IsBlindFor { get; set; }

    /// <summary>It reaches the servers and no other node.</summary>
    public bool IsAlone { get; set; }
    public TimeSpan Now => _bed.Now * ClockRate;
    public bool IsLeader => _bed.Leader == this && _bed.IsInQuorum(this) && _applied == _bed.Log.Count;
    public CancellationToken Stopping => _stopping.Token;
    public ILogger Log => NullLogger.Instance;

    public RaftStatus Raft
    {
        get
        {
            var isInQuorum = _bed.IsInQuorum(this);
            var last = new LogIndex(HasHistory && _applied == 0 ? 1 : _applied);
            return new(
                Config.Self, IsLeader ? RaftRole.Leader : RaftRole.Follower, new(_bed.Term), null, isInQuorum ? _bed.Leader?.Config.Self : null,
                new(new(_bed.Term), last), last, new(_applied), new(_applied), IsLeader, isInQuorum, []);
        }
    }

    /// <summary>Before it starts: it answers checks too, and samples its servers for them.</summary>
    public void Throttles() => _throttle = new(this, _state, _part.Samples, () => IsLeader ? Now + TimeSpan.FromSeconds(1) : null);

    /// <summary>What a client is told that asks this node whether it may write.</summary>
    public CheckAnswer Check(bool ifExists = false) => _throttle!.Board.Check("gh-ost", "mysql", "main", new(0, IsLowPriority: false, ifExists, IsRead: false));

    public void Start()
    {
        IsUp = true;
        _part.Start();
        _throttle?.Start();
        _part.RaftChanged(Raft);
        Beat();
    }

    public void Kill()
    {
        IsUp = false;
        _stopping.Cancel();
    }

    public string? ObjectionTo(Command command) => CommandCodec.VersionOf(CommandCodec.Encode(command)) > _bed.WireVersion ? "one member is old" : null;

    public void Submit(HaCommand command, Action<CommandResult> done) => _bed.Submit(this, new Command.Ha(command), done);
    public void Submit(Command command, Action<CommandResult> done) => _bed.Submit(this, command, done);
    public void TellPeers(ReadOnlyMemory<byte> report) => _bed.Tell(this, report);

    public bool Post(Action action)
    {
        if (!IsUp) return false;
        _bed.At(TimeSpan.Zero, () => OnLoop(action));
        return true;
    }

    public void After(TimeSpan delay, Action action) => _bed.At(delay / ClockRate, () => OnLoop(action));

    public void Emit(NodeEvent happened) => _bed.Events.Add((_bed.Now, Config.DataCenter, happened));

    public void RaftChanged() => OnLoop(() =>
    {
        _part.RaftChanged(Raft);
        _throttle?.Changed();
    });

    public void Hear(NodeId from, ReadOnlyMemory<byte> report) => OnLoop(() => _part.HeardFrom(from, report));

    /// <summary>Applies what is committed, if this node is on the side of the majority.</summary>
    public void CatchUp()
    {
        if (!_bed.IsInQuorum(this)) return;
        var committed = _bed.Log.Count;
        if (ApplyLag > TimeSpan.Zero && _bed.Leader != this) _bed.At(ApplyLag, () => ApplyTo(committed));
        else ApplyTo(committed);
    }

    public void Halt(string reason, Exception? cause) => throw new AssertionException($"{reason}{Environment.NewLine}{cause}");

    public ValueTask<IServerConversation> OpenAsync(InstanceKey instance, TimeSpan deadline) =>
        _bed.Server(instance).OpenAsync(this, deadline);

    private void ApplyTo(int committed)
    {
        while (_applied < committed && _bed.IsInQuorum(this))
        {
            var (term, command) = _bed.Log[_applied++];
            var context = new ApplyContext(_applied, term);
            var result = _state.Apply(new(new(term), new(_applied)), command)!;
            Results.Add(result);
            if (command is Command.Ha(var inner)) OnLoop(() => _part.Applied(inner, context, result));
            else OnLoop(_part.FleetChanged);
            if (_throttle is { } throttle) OnLoop(throttle.Changed);
        }
    }

    private void Beat()
    {
        OnLoop(_part.Tick);
        if (_throttle is { } throttle) OnLoop(throttle.Tick);
        if (IsUp) After(Config.Timing.Tick, Beat);
    }

    private void OnLoop(Action action)
    {
        if (IsUp) action();
    }
}
