using Microsoft.Extensions.Logging;
using Verify.Node.Api;
using Verify.Node.Consensus;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Raft;

namespace Verify.Node;

/// <summary>Builds the parts of a node and wires them. The same class runs under the host and under the simulator.</summary>
public sealed class VerifyNode
{
    private readonly NodeCore _core;
    private readonly ITimer _timer;

    private VerifyNode(NodeCore core)
    {
        _core = core;
        _timer = core.Seam.Time.CreateTimer(static node => ((NodeCore)node!).Wake(), core, core.Config.Timing.Tick, core.Config.Timing.Tick);
    }

    internal NodeCore Core => _core;

    /// <summary>What this node has applied, as one number and a place in the log: equal numbers at equal places mean equal states.
    /// For simulation and tests: it reads the loop's state from outside the loop.</summary>
    public (ulong Hash, long Applied) StateHash => (_core.State.StateHash(), _core.State.Applied.Index.Value);

    /// <summary>Reads the disk, repairs a torn tail, starts listening, probing and ticking.</summary>
    /// <exception cref="DamagedLogException">The log is damaged where it may hold committed entries.</exception>
    /// <exception cref="UnusableDataException">The data directory is another node's, or a newer program's, or has lost its vote.</exception>
    /// <exception cref="ArgumentException">The configuration cannot be.</exception>
    /// <exception cref="IOException">The data directory or the peer address cannot be used.</exception>
    public static ValueTask<VerifyNode> StartAsync(NodeConfig config, NodeSeam seam) =>
        StartAsync(config, seam, static services => new Recovery.HaPart(services));

    /// <summary>Asks the node; whoever may call this has been authenticated, or needs not to be. Always answers within Timing.RequestTimeout on the node's clock.</summary>
    public ValueTask<ApiReply> AskAsync(ApiRequest request)
    {
        var answer = new TaskCompletionSource<ApiReply>();
        var scheduler = _core.Seam.Scheduler;
        var question = new Question(
            new LeaderRequest.Client(request is ApiRequest.ClusterJoin join ? join with { ByOperator = true } : request), wasForwarded: false, _core.Pulse.Now + _core.Config.Timing.RequestTimeout,
            reply => scheduler.Schedule(_ => answer.SetResult(((LeaderReply.Client)reply).Reply), null));
        return _core.Loop.TryPost(new NodeInput.ClientAsked(question))
            ? new(answer.Task)
            : new(_core.Loop.IsClosed
                ? new ApiReply.Refused("the node has stopped")
                : new ApiReply.Overloaded("the inbox is full", _core.Config.Timing.Tick * _core.Config.Timing.ElectionTicks));
    }

    /// <summary>May this application write now? Any thread, at once, from what the loop has published last
    /// (<see cref="Throttle.CheckAnswer"/>). <see cref="Throttle.CheckReason.NotLeader"/>: ask the leader, by <see cref="ApiRequest.ThrottleCheck"/>.</summary>
    public Throttle.CheckAnswer Check(string app, string storeType, string store, Throttle.CheckFlags flags) => _core.Throttle.Board.Check(app, storeType, store, flags);

    /// <summary>This node leads for sure at this moment. Any thread.</summary>
    public bool LeadsForSure => _core.Throttle.Board.Leads;

    /// <summary>The keys for data at rest, from the next write on: the first seals, all of them open. Every key that seals a file which is
    /// still there must be among them.</summary>
    public void UseKeys(DataKeys keys) => _core.UseKeys(keys);

    /// <summary>Hands leadership over, closes files and links. The primary's lease is left to run out.</summary>
    public async ValueTask StopAsync()
    {
        var gone = new TaskCompletionSource();
        var isPosted = _core.Loop.Post(new NodeInput.HaPosted(
            () => _core.Part(() => _core.Seam.Scheduler.Schedule(_ => gone.SetResult(), null))));
        if (isPosted) await gone.Task;
        await _timer.DisposeAsync();
        await _core.Mesh.CloseAsync();
    }

    internal static async ValueTask<VerifyNode> StartAsync(NodeConfig config, NodeSeam seam, Func<INodeServices, IHaPart> haPart)
    {
        Validate(config);
        var log = seam.Logs.CreateLogger("Verify.Node.Log");
        var owner = new DataOwner(config.ClusterId, config.Self);
        var settings = new LogSettings(config.Limits.SegmentBytesMax, config.Keys, seam.Dice.Fork("data at rest"));
        // Whoever does not begin a group by itself was, or will be, let into one.
        var hasPeers = config.Members.IsEmpty || config.Members.Any(m => m.Id != config.Self);
        var data = await DataDirectory.OpenAsync(seam.Disk, owner, settings, config.Snapshots, hasPeers, log);
        var state = data.Snapshots.Newest is { } snapshot ? await RestoreAsync(data, snapshot, config.Limits) : null;
        var core = new NodeCore(config, seam, data, state, haPart);
        ValidateMembers(config, core.Membership);
        core.Mesh.Listen();
        core.Start(isRecovered: data.IsRecovered || core.Status.Term.Value > 0);
        core.Mesh.Accept();
        return new(core);
    }

    /// <summary>What the data directory says of the members counts; where it says nothing, the configuration must.</summary>
    private static void ValidateMembers(NodeConfig config, Membership known)
    {
        // Without members and without anybody to ask, a node waits until a member of a group comes by and takes it in.
        if (!known.IsEmpty && !known.Contains(config.Self) && config.Members.All(m => m.Id != config.Self) && !config.Members.IsEmpty)
            throw new ArgumentException($"{config.Self} is not among the members {string.Join(", ", known.All)}", nameof(config));
    }

    /// <summary>It was whole when the directory was opened. The next start sees the damage first and falls back, is rebuilt, or refuses.</summary>
    private static async ValueTask<ReplicatedState> RestoreAsync(DataDirectory data, SnapshotFile snapshot, Limits limits)
    {
        try
        {
            return await data.Snapshots.RestoreAsync(snapshot, Sessions.FormerMax, limits.RecoveriesKeptMax);
        }
        catch (DamagedSnapshotException damage)
        {
            throw new DamagedLogException($"{damage.Message}. It was good a moment ago, so the disk is failing now. Check the disk, then start the node again.");
        }
    }

    private static void Validate(NodeConfig config)
    {
        var ids = config.Members.Select(m => m.Id).Order().ToArray();
        if (ids.Distinct().Count() != ids.Length) throw new ArgumentException($"a member is listed twice in {string.Join(", ", ids)}", nameof(config));
        if (config.WireVersionMin < 1 || config.WireVersionMax > Peers.PeerCodec.VersionMax || config.WireVersionMin > config.WireVersionMax)
            throw new ArgumentException($"the protocol between nodes has the versions 1 to {Peers.PeerCodec.VersionMax}", nameof(config));
        if (config.Timing.Tick <= TimeSpan.Zero) throw new ArgumentException("Timing.Tick must be longer than nothing", nameof(config));
    }
}

/// <summary>The log is damaged in the middle. The message names file, offset, what is lost and what to do.</summary>
public sealed class DamagedLogException(string message) : Exception(message);

/// <summary>This node is no part of the group (taken out, or never let in) and has stopped in good order. It is handed to
/// <see cref="IHalt"/> as the cause, so that the host can exit in a way that is not taken for a crash and started again.</summary>
public sealed class LeftGroupException(string reason) : Exception(reason);
