using Verify.Node.Seam;
using Verify.Node.Telemetry;
using Verify.Sim.Disk;
using Verify.Sim.Network;
using Verify.Sim.Scheduling;

namespace Verify.Sim.Hosts;

/// <summary>How a process ends that did not want to.</summary>
public enum Crash : byte
{
    /// <summary>SIGKILL: the kernel lives, closes the sockets and keeps what was written.</summary>
    Process,

    /// <summary>The machine starts anew at once: connections are reset, and writes that were not synced may be lost.</summary>
    Machine,

    /// <summary>The power is gone until the restart: nobody closes connections, nobody answers, unsynced writes may be lost.</summary>
    Power,
}

/// <summary>A machine with one process: a program that can be started again after its end, on the same disk and clock.</summary>
public sealed class SimHost : INodeEvents
{
    private readonly SimWorld _world;
    private readonly Func<SimHost, ValueTask>? _program;
    private readonly List<IPendingCall> _calls = [];
    private NodeSeam? _seam;
    private int _starts;

    internal SimHost(SimWorld world, SimActor actor, string dataCenter, Func<SimHost, ValueTask>? program)
    {
        (_world, Actor, DataCenter, _program) = (world, actor, dataCenter, program);
        Labels = new HostLabels(world.Trace.Labels, actor.Name);
        Clock = new SimClock(world.Scheduler, actor, world.Choices, world.Options);
        Disk = new SimDisk(this);
    }

    public string Name => Actor.Name;
    public string DataCenter { get; }
    public SimClock Clock { get; }
    public SimDisk Disk { get; }

    /// <summary>The process runs (it may be paused).</summary>
    public bool IsAlive => Life is { IsAlive: true };
    public bool IsPaused => Actor.IsPaused;

    /// <summary>The machine has power: it answers for ports where nobody listens.</summary>
    public bool IsPowered { get; private set; } = true;

    /// <summary>Why the process ended itself, if it did.</summary>
    public string? HaltReason { get; internal set; }

    /// <summary>All that the process now running may know of the world.</summary>
    /// <exception cref="InvalidOperationException">The host is down.</exception>
    public NodeSeam Seam => IsAlive && _seam is not null ? _seam : throw new InvalidOperationException($"{Name} is not running");

    /// <summary>Whatever a program wants its world to find: the node object of a whole-node test, for example.</summary>
    public object? Exhibit { get; set; }

    internal SimWorld World => _world;
    internal SimActor Actor { get; }
    internal SimScheduler Scheduler => _world.Scheduler;
    internal HostLabels Labels { get; }
    internal HostLife? Life { get; private set; }

    public void Emit(NodeEvent happened) => _world.Trace.NodeEvent(Scheduler.Now, Name, happened);

    /// <summary>Asks something of the process from outside, as an event of its own, and brings the answer back as an event of
    /// the harness. Fails with <see cref="HostDownException"/> when the host is down or dies before it answered.</summary>
    public Task<T> CallAsync<T>(Func<ValueTask<T>> ask)
    {
        ArgumentNullException.ThrowIfNull(ask);
        if (!IsAlive) return Task.FromException<T>(new HostDownException(Name));
        var call = new PendingCall<T>(this, ask);
        _calls.Add(call);
        Scheduler.Post(Actor, Actor.Life, Labels.Call, Scheduler.Now, call, PendingCall<T>.Ask);
        return call.Task;
    }

    public override string ToString() => Name;

    internal void CallEnded(IPendingCall call) => _calls.Remove(call);

    internal void Start()
    {
        if (IsAlive) throw new InvalidOperationException($"{Name} is running already");
        IsPowered = true;
        HaltReason = null;
        Exhibit = null;
        var life = new HostLife(this, Actor.Life);
        Life = life;
        _seam = new NodeSeam(
            Clock, _world.Dice.Fork($"{Name} start {_starts++}"), new SimNetwork(_world, life), Disk.Attach(life), new SimHalt(life),
            life.Pipe, _world.Logs.For(this), _world.NewMeters(), this) { Witness = _world.WitnessOf?.Invoke(this) };
        if (_program is not null) Scheduler.Post(Actor, life.Number, Labels.Start, static host => ((SimHost)host!).RunProgram(), this);
    }

    /// <summary>The process ends here and now.</summary>
    internal void EndLife(Crash crash)
    {
        if (Life is not { IsAlive: true } life) return;
        Scheduler.EndLife(Actor);
        Actor.IsPaused = false;
        _seam = null;
        IsPowered = crash != Crash.Power;
        life.End(kernelClosesSockets: crash != Crash.Power);
        Disk.Crash(keepsPageCache: crash == Crash.Process);
        foreach (var call in _calls.ToArray()) call.HostDied();
        _calls.Clear();
    }

    private void RunProgram() => Observe(_program!(this), Life!);

    private async void Observe(ValueTask program, HostLife life)
    {
        try
        {
            await program;
        }
        catch (SimHaltedException)
        {
            // The program halted itself; its life is over already.
        }
        catch (Exception e)
        {
            if (life.IsAlive) _world.Fail(new HostFailedException(Name, e));
        }
    }
}

/// <summary>A host's program ended with an exception, which in production would be the end of the process.</summary>
public sealed class HostFailedException(string host, Exception cause)
    : Exception($"the program of {host} failed with {cause.GetType().Name}: {cause.Message}", cause)
{
    public string Host { get; } = host;
}

/// <summary>The host is down, or went down before it answered.</summary>
public sealed class HostDownException(string host) : IOException($"{host} is down");
