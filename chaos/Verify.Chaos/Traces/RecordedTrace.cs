using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Verify.Chaos.Simulated;
using Verify.Chaos.Swarms;
using Verify.Node.Loop;
using Verify.Node.Telemetry;
using Verify.Sim;
using Verify.Sim.Scheduling;
using Verify.Sim.Tracing;

namespace Verify.Chaos.Traces;

/// <summary>What was played, by whom, and how it ended: enough to play it again without the program that wrote it having kept anything else.</summary>
public sealed record TraceHeader
{
    public const string FormatName = "verify-trace";
    public const int VersionNow = 1;
    public string Format { get; init; } = FormatName;
    public int Version { get; init; } = VersionNow;
    public required string Program { get; init; }
    public required string Commit { get; init; }

    /// <summary>"scenario" or "cluster".</summary>
    public required string World { get; init; }

    /// <summary>The name of the scenario or of the swarm.</summary>
    public required string Played { get; init; }
    public required ulong Seed { get; init; }
    public string Strategy { get; init; } = "random";

    /// <summary>The scenario as YAML; empty for a swarm.</summary>
    public string Scenario { get; init; } = "";
    public SimOptions? Options { get; init; }
    public Timing? Timing { get; init; }
    public bool FencingOff { get; init; }

    /// <summary>How a drawn scenario was played: judged as one seed of many, with a core that had to live, with fault points in node code.</summary>
    public bool IsDrawn { get; init; }
    public bool LivesOnACore { get; init; }
    public bool FaultPoints { get; init; }

    /// <summary>The options of a scenario, to be played in the same way again.</summary>
    internal SimulatedOptions PlayedWith() => new()
    {
        World = Options ?? new SimOptions(), Timing = Timing ?? new(), FencingOff = FencingOff, Strategy = Strategy, IsDrawn = IsDrawn, LivesOnACore = LivesOnACore,
        FaultPoints = FaultPoints,
    };

    internal TraceHeader With(SimulatedOptions played) => this with
    {
        Options = played.World, Timing = played.Timing, FencingOff = played.FencingOff, Strategy = played.Strategy, IsDrawn = played.IsDrawn,
        LivesOnACore = played.LivesOnACore, FaultPoints = played.FaultPoints,
    };

    /// <summary>What of a cluster schedule was kept; null: this is none.</summary>
    public ClusterSchedule? Cluster { get; init; }

    /// <summary>The planted bug that was switched on; empty for none.</summary>
    public string Mutant { get; init; } = "";

    /// <summary>A choice that is not in this file: false, drawn from the seed; true, the quietest (no delay, no fault, the first).</summary>
    public bool QuietOtherwise { get; init; }
    public string TraceHash { get; init; } = "";
    public string Verdict { get; init; } = "";
    public string FailureClass { get; init; } = "";

    /// <summary>The check that failed, and what it saw.</summary>
    public string Check { get; init; } = "";
    public string Observed { get; init; } = "";
}

/// <summary>Something happened, to whom and why.</summary>
/// <param name="Actor">The host, "network" or "harness".</param>
/// <param name="Name">As in sim/README.md: "n3 &lt;- n1 data", "n1 timer".</param>
/// <param name="Cause">The step during which it was asked for: of an arrival, the event that sent it; of a timer, the one that armed it. 0: none.</param>
public readonly record struct RecordedEvent(long Step, long AtUs, string Actor, string Name, long Cause);

/// <summary>Bytes that a host sent ("n1 -> n3 sent") or wrote ("n1 disk write") during a step.</summary>
public readonly record struct RecordedBytes(long Step, long AtUs, string Name, int Length, uint Crc);

/// <summary>What a node said of itself. Names of kinds and fields are those of NodeEvent, in camelCase.</summary>
public sealed record RecordedSaying(long Step, long AtUs, string Host, string Kind, IReadOnlyDictionary<string, string> Fields);

/// <summary>One run, kept: its events with their causes, its choices with their names, what was sent and what the nodes said. Written as
/// trace.ndjson (<see cref="TraceFile"/>); what replay, shrink, diff and explain work on.</summary>
public sealed record RecordedTrace
{
    public required TraceHeader Header { get; init; }

    /// <summary>In order; the step numbers begin at 1 and have no gaps.</summary>
    public IReadOnlyList<RecordedEvent> Events { get; init; } = [];

    /// <summary>In the order in which they were made.</summary>
    public IReadOnlyList<NamedChoice> Choices { get; init; } = [];
    public IReadOnlyList<RecordedBytes> Bytes { get; init; } = [];
    public IReadOnlyList<RecordedSaying> Sayings { get; init; } = [];

    /// <summary>The event of this step; null when there is none.</summary>
    public RecordedEvent? EventOf(long step) => step >= 1 && step <= Events.Count ? Events[(int)step - 1] : null;

    /// <summary>What a world with a whole trace has recorded.</summary>
    public static RecordedTrace Of(TraceHeader header, SimWorld world, ChoiceRecording? recording)
    {
        ArgumentNullException.ThrowIfNull(world);
        var (events, bytes) = (new List<RecordedEvent>(), new List<RecordedBytes>());
        foreach (var line in world.Trace.Lines)
        {
            if (line.Kind == TraceKind.Event) events.Add(new(line.Step, line.Micros, line.Actor, line.What, line.Cause));
            else if (line.Kind == TraceKind.Bytes) bytes.Add(new(line.Step, line.Micros, line.Sent.Name, line.Sent.Length, line.Sent.Crc));
        }

        return new RecordedTrace
        {
            Header = header with { TraceHash = world.Trace.Hash.ToString("x16", CultureInfo.InvariantCulture) },
            Events = events, Bytes = bytes, Choices = recording?.Choices ?? [], Sayings = [.. world.Trace.NodeEvents.Select(Said)],
        };
    }

    private static RecordedSaying Said(NodeEventAt at)
    {
        var fields = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var field in JsonSerializer.SerializeToElement(at.Event, at.Event.GetType(), TraceFile.Json).EnumerateObject())
            if (field.Value.ValueKind != JsonValueKind.Null) fields[field.Name] = field.Value.ToString();
        var kind = at.Event.GetType().Name;
        return new(at.Step, at.Micros, at.Host, char.ToLowerInvariant(kind[0]) + kind[1..], fields);
    }
}
