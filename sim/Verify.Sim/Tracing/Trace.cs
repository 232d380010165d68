using System.Globalization;
using System.Text;
using Verify.Node.Telemetry;
using Verify.Sim.Scheduling;

namespace Verify.Sim.Tracing;

/// <summary>What kind of line of the trace it is.</summary>
public enum TraceKind : byte { Event, Choice, Bytes }

/// <summary>One thing that happened: an event (its name), a choice (kind, number of possibilities, the one taken) or bytes that a host sent
/// or wrote (length and CRC32C).</summary>
/// <param name="Micros">Virtual time.</param>
/// <param name="Step">The number of the event during or before which it happened.</param>
public readonly record struct TraceLine(TraceKind Kind, long Micros, long Step, string What)
{
    /// <summary>Whose event it was; empty for choices and bytes.</summary>
    public string Actor { get; init; } = "";

    /// <summary>The step during which this event was asked for: who sent the message, who armed the timer. 0: nobody inside the world.</summary>
    public long Cause { get; init; }

    /// <summary>Of bytes: who sent or wrote what, how many, and their CRC32C.</summary>
    public (string Name, int Length, uint Crc) Sent { get; init; }
}

/// <summary>What a node said of itself, stamped by the world.</summary>
public readonly record struct NodeEventAt(long Micros, long Step, string Host, NodeEvent Event);

/// <summary>What happened, in order: a rolling hash over everything, the names of the last events, all lines when asked, and
/// what the nodes said of themselves.</summary>
public sealed class Trace
{
    private readonly Entry[] _ring;
    private readonly List<Entry>? _all;
    private readonly List<NodeEventAt> _nodeEvents = [];
    private TraceHash _hash;
    private long _events;
    private long _micros;

    internal Trace(int tailLength, bool keepAll)
    {
        _ring = new Entry[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(tailLength, 16))];
        _all = keepAll ? [] : null;
    }

    private struct Entry
    {
        public long Micros;
        public long Step;
        public long Value;
        public int Label;
        public ushort Actor;
        public TraceKind Kind;
        public byte Choice;
    }

    /// <summary>Over every event (time, actor, name), every choice and every byte sent or written.</summary>
    public ulong Hash => _hash.Value;

    /// <summary>How many events happened.</summary>
    public long Events => _events;

    /// <summary>What the nodes said of themselves.</summary>
    public IReadOnlyList<NodeEventAt> NodeEvents => _nodeEvents;

    /// <summary>Called for each <see cref="NodeEvents"/> entry as it happens; must not touch the world.</summary>
    public Action<NodeEventAt>? NodeEventSeen { get; set; }

    /// <summary>All lines, when <see cref="SimOptions.KeepWholeTrace"/> was set.</summary>
    public IEnumerable<TraceLine> Lines
    {
        get
        {
            if (_all is null) yield break;
            foreach (var entry in _all) yield return Line(entry);
        }
    }

    internal LabelTable Labels { get; } = new();

    /// <summary>By their numbers; for the names of who acted.</summary>
    internal IReadOnlyList<SimActor> Actors { get; set; } = [];

    /// <summary>The last events, one per line: time, step, name.</summary>
    public string Tail(int lines)
    {
        var text = new StringBuilder();
        var from = Math.Max(0, _events - Math.Min(lines, _ring.Length));
        for (var i = from; i < _events; i++)
        {
            ref var entry = ref _ring[(int)(i & (_ring.Length - 1))];
            text.Append(TimeText(entry.Micros)).Append("  #").Append(entry.Step).Append("  ").AppendLine(Labels.TextOf(entry.Label));
        }

        return text.ToString();
    }

    public static string TimeText(long micros) => (micros / 1_000_000m).ToString("0.000000", CultureInfo.InvariantCulture) + " s";

    internal void Event(long micros, SimActor actor, int label, long cause)
    {
        _micros = micros;
        _hash.Add((ulong)micros);
        _hash.Add(actor.NameHash ^ Labels.HashOf(label));
        ref var entry = ref _ring[(int)(_events++ & (_ring.Length - 1))];
        entry.Micros = micros;
        entry.Step = _events;
        entry.Label = label;
        entry.Actor = (ushort)actor.Id;
        entry.Value = cause;
        _all?.Add(entry);
    }

    internal void Choice(ChoiceKind kind, int n, int value)
    {
        _hash.Add(((ulong)(byte)kind << 56) ^ ((ulong)(uint)n << 28) ^ (uint)value);
        _all?.Add(new Entry
        {
            Kind = TraceKind.Choice, Micros = _micros, Step = _events, Choice = (byte)kind, Label = n, Value = value,
        });
    }

    internal void Bytes(int label, ReadOnlySpan<byte> bytes)
    {
        var crc = TraceHash.OfBytes(bytes);
        _hash.Add(((ulong)(uint)bytes.Length << 32) | crc);
        _all?.Add(new Entry
        {
            Kind = TraceKind.Bytes, Micros = _micros, Step = _events, Label = label, Value = ((long)bytes.Length << 32) | crc,
        });
    }

    internal void NodeEvent(long micros, string host, NodeEvent happened)
    {
        var at = new NodeEventAt(micros, _events, host, happened);
        _nodeEvents.Add(at);
        NodeEventSeen?.Invoke(at);
    }

    private TraceLine Line(in Entry entry) => entry.Kind switch
    {
        TraceKind.Choice => new(entry.Kind, entry.Micros, entry.Step, $"choice {(ChoiceKind)entry.Choice}: {entry.Value} of {entry.Label}"),
        TraceKind.Bytes => new(entry.Kind, entry.Micros, entry.Step, $"{Labels.TextOf(entry.Label)}: {entry.Value >> 32} bytes, crc {(uint)entry.Value:x8}")
        {
            Sent = (Labels.TextOf(entry.Label), (int)(entry.Value >> 32), (uint)entry.Value),
        },
        _ => new(entry.Kind, entry.Micros, entry.Step, Labels.TextOf(entry.Label)) { Actor = Actors.Count > entry.Actor ? Actors[entry.Actor].Name : "", Cause = entry.Value },
    };
}
