using System.Globalization;
using System.Text;
using Verify.Node.Seam;
using Verify.Sim.Hosts;
using Verify.Sim.Network;
using Verify.Sim.Scheduling;
using Verify.Sim.Tracing;

namespace Verify.Sim;

/// <summary>A world in which whole hosts run on one thread in virtual time: their network, disks and clocks, and the words by which a test
/// or a nemesis changes them. A function of its options, its choices and its actor scheduler.</summary>
public sealed partial class SimWorld : IDisposable
{
    private const int SeedHalfBits = 31;
    private readonly List<SimHost> _hosts = [];
    private readonly List<List<SimLink?>> _links = [];
    private readonly List<CutWindow> _cutWindows = [];
    private readonly List<SimMeters> _meters = [];
    private readonly int _mainLabel;
    private readonly int _turnLabel;

    /// <param name="named">Notes or makes the choices by their names (a recording, a replay); null: they have none.</param>
    public SimWorld(SimOptions options, IChoiceSource choices, IActorScheduler scheduler, INamedChoices? named = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
        Trace = new Trace(options.TraceTailLength, options.KeepWholeTrace);
        Scheduler = new SimScheduler(scheduler, Trace, SimClock.Micros(options.SimultaneousWithin), options.StepsMax) { Named = named };
        Trace.Actors = Scheduler.Actors;
        Choices = new TracedChoices(choices, Scheduler);
        Harness = Scheduler.AddActor("harness");
        NetworkActor = Scheduler.AddActor("network");
        AnswerLabel = Trace.Labels.Intern("harness answer");
        _mainLabel = Trace.Labels.Intern("harness main");
        _turnLabel = Trace.Labels.Intern("harness turn");
        WorldTime = new SimClock(Scheduler, Harness, Choices, options with { TimerLatenessMax = TimeSpan.Zero });
        Logs = new SimLogs(Scheduler, options.LogLevelMin, options.LogLinesKept);
        Dice = new Dice(((ulong)(uint)Choices.Next(ChoiceKind.Value, int.MaxValue) << SeedHalfBits)
            ^ (uint)Choices.Next(ChoiceKind.Value, int.MaxValue));
    }

    public SimOptions Options { get; }
    public Trace Trace { get; }
    public SimLogs Logs { get; }

    /// <summary>True virtual time, for code of the harness that runs inside the world: clients and nemesis.</summary>
    public TimeProvider WorldTime { get; }

    /// <summary>Randomness for the harness's own purposes: fork it.</summary>
    public Dice Dice { get; }
    public IReadOnlyList<SimHost> Hosts => _hosts;
    public IReadOnlyList<CutWindow> CutWindows => _cutWindows;

    /// <summary>Virtual time since the world began.</summary>
    public TimeSpan Now => new(Scheduler.Now * 10);
    public long NowMicros => Scheduler.Now;

    /// <summary>Events that have happened.</summary>
    public long Step => Scheduler.Steps;

    /// <summary>The source of every choice in this world; each is in the trace.</summary>
    public IChoiceSource Choices { get; }

    /// <summary>Gives each start of a host's process somebody who looks at its Raft (see <see cref="Watching.RaftWatch"/>), or null.</summary>
    public Func<SimHost, IRaftWitness?>? WitnessOf { get; set; }

    internal SimScheduler Scheduler { get; }
    internal SimActor Harness { get; }
    internal SimActor NetworkActor { get; }
    internal int AnswerLabel { get; }
    internal SegmentPool Segments { get; } = new();

    /// <summary>A world in which everything is drawn from one number.</summary>
    /// <param name="strategy">Who decides the order; random actors when null.</param>
    public static SimWorld FromSeed(ulong seed, SimOptions? options = null, Func<IChoiceSource, IActorScheduler>? strategy = null)
    {
        var choices = new DiceChoices(seed);
        return new SimWorld(options ?? new SimOptions(), choices, strategy?.Invoke(choices) ?? new RandomActors(choices));
    }

    /// <summary>Adds a machine. Its program runs from <see cref="Start"/> on; without one it is a place for clients.</summary>
    public SimHost AddHost(string name, string dataCenter, Func<SimHost, ValueTask>? program = null)
    {
        if (FindHost(name) is not null) throw new ArgumentException($"there is a host '{name}' already", nameof(name));
        var host = new SimHost(this, Scheduler.AddActor(name), dataCenter, program);
        _hosts.Add(host);
        return host;
    }

    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public SimHost Host(string name) => FindHost(name)
        ?? throw new ArgumentException($"no host '{name}'; there are: {string.Join(", ", _hosts)}", nameof(name));

    /// <summary>Starts hosts that are not running; without arguments all of them.</summary>
    public void Start(params IReadOnlyList<SimHost> hosts)
    {
        foreach (var host in hosts.Count == 0 ? _hosts : hosts)
            if (!host.IsAlive) host.Start();
    }

    /// <summary>Runs the world on this thread until the task is done. Exceptions of the task, of a host's program and of an event surface here.</summary>
    /// <param name="limit">Virtual time that the task may take.</param>
    /// <exception cref="DeadlockException">Nothing can happen any more, but the task waits.</exception>
    /// <exception cref="WorldTimeoutException">The limit has passed.</exception>
    public void Run(Func<Task> main, TimeSpan limit)
    {
        ArgumentNullException.ThrowIfNull(main);
        Scheduler.BindToThread();
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            Pump(main, limit);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    /// <summary>Lets so much virtual time pass.</summary>
    public void RunFor(TimeSpan time) => Run(() => Task.Delay(time, WorldTime), time + TimeSpan.FromSeconds(1));

    /// <summary>Lets time pass until the condition holds, looking every millisecond.</summary>
    public void RunUntil(Func<bool> condition, TimeSpan limit)
    {
        ArgumentNullException.ThrowIfNull(condition);
        Run(
            async () =>
            {
                while (!condition()) await Task.Delay(TimeSpan.FromMilliseconds(1), WorldTime);
            },
            limit);
    }

    /// <summary>Goes on in a later event of the harness: never inside whatever completed the caller.</summary>
    public Task Turn()
    {
        var turn = new TaskCompletionSource();
        Scheduler.Post(Harness, Harness.Life, _turnLabel, static source => ((TaskCompletionSource)source!).SetResult(), turn);
        return turn.Task;
    }

    /// <summary>Calls this just before the event of that number happens: to wait for a debugger there, or to stop.</summary>
    public void AtStep(long step, Action reached) => Scheduler.Watch(step, reached);

    /// <summary>Makes a failure the world's own: <see cref="Run"/> throws it after this event, whoever catches what.</summary>
    public void Fail(Exception failure) => Scheduler.Fail(failure);

    public void Dispose()
    {
        foreach (var meters in _meters) meters.Dispose();
        foreach (var host in _hosts) host.Disk.Release();
    }

    internal SimMeters NewMeters()
    {
        var meters = new SimMeters();
        _meters.Add(meters);
        return meters;
    }

    internal SimHost? FindHost(string name)
    {
        foreach (var host in _hosts)
            if (string.Equals(host.Name, name, StringComparison.Ordinal)) return host;
        return null;
    }

    private void Pump(Func<Task> main, TimeSpan span)
    {
        var limit = Scheduler.Now + SimClock.Micros(span);
        Task? task = null;
        Scheduler.Post(Harness, Harness.Life, _mainLabel, _ => task = main(), null);
        while (task is not { IsCompleted: true })
        {
            var moved = Scheduler.Step(limit);
            if (Scheduler.Failure is { } failure) throw new SimWorldException(failure, this);
            if (task is { IsCompleted: true }) break;
            if (!moved) throw Scheduler.IsIdle ? new DeadlockException(DescribeWaits()) : new WorldTimeoutException(span, DescribeWaits());
        }

        task.GetAwaiter().GetResult();
    }

    private string DescribeWaits()
    {
        var text = new StringBuilder();
        foreach (var actor in Scheduler.Actors)
        {
            var (timers, others) = Scheduler.PendingOf(actor);
            text.Append(CultureInfo.InvariantCulture, $"  {actor.Name}: {timers} timers, {others} other events");
            if (FindHost(actor.Name) is { } host) DescribeHost(text, host);
            text.AppendLine();
        }

        return text.Append("The last events:").AppendLine().Append(Trace.Tail(10)).ToString();
    }

    private static void DescribeHost(StringBuilder text, SimHost host)
    {
        text.Append(host.IsPaused ? ", paused" : host.IsAlive ? "" : ", down");
        if (host.Life is not { IsAlive: true } life) return;
        foreach (var stream in life.Streams)
            if (stream.Waits.Length > 0) text.Append("; ").Append(stream.Waits.TrimEnd());
        foreach (var (port, listener) in life.Listeners)
            if (listener.IsAccepting) text.Append(CultureInfo.InvariantCulture, $"; accepts on {port}");
    }
}

/// <summary>Something in the world failed. The message has the last events; the cause is what failed.</summary>
public sealed class SimWorldException(Exception cause, SimWorld world) : Exception(
    $"{cause.Message}{Environment.NewLine}at {Trace.TimeText(world.NowMicros)}, step {world.Step}; the last events:"
    + Environment.NewLine + world.Trace.Tail(10), cause);
