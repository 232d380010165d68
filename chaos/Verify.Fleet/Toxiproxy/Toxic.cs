using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Verify.Fleet.Toxiproxy;

/// <summary>Which way bytes go: from the client to the server, or back.</summary>
public enum Direction { Upstream, Downstream }

/// <summary>One fault on a proxy, as Toxiproxy's API shows it.</summary>
/// <param name="Toxicity">Share of the connections that it strikes, drawn per connection.</param>
public sealed record Toxic(string Name, Direction Stream, float Toxicity, ToxicKind Kind);

/// <summary>What a fault does, with its attributes. The list is closed: the types of Toxiproxy 2.12.</summary>
public abstract record ToxicKind
{
    private ToxicKind() { }

    /// <summary>The word in the API.</summary>
    public abstract string Type { get; }

    /// <summary>Attribute names and values in the order in which they are shown.</summary>
    public abstract ImmutableArray<(string Name, long Value)> Attributes { get; }

    /// <summary>The same kind with other values; the order is that of <see cref="Attributes"/>.</summary>
    protected abstract ToxicKind With(ReadOnlySpan<long> values);

    /// <summary>Passes everything.</summary>
    public sealed record Noop : ToxicKind
    {
        public override string Type => "noop";
        public override ImmutableArray<(string Name, long Value)> Attributes => [];
        protected override ToxicKind With(ReadOnlySpan<long> values) => this;
    }

    /// <summary>Delays each piece by so many milliseconds, more or less by up to the jitter.</summary>
    public sealed record Latency(long DelayMs, long JitterMs) : ToxicKind
    {
        public override string Type => "latency";
        public override ImmutableArray<(string Name, long Value)> Attributes => [("latency", DelayMs), ("jitter", JitterMs)];
        protected override ToxicKind With(ReadOnlySpan<long> values) => new Latency(values[0], values[1]);
    }

    /// <summary>Lets so many kilobytes (1,000 bytes) through per second; 0 lets nothing through.</summary>
    public sealed record Bandwidth(long KilobytesPerSecond) : ToxicKind
    {
        public override string Type => "bandwidth";
        public override ImmutableArray<(string Name, long Value)> Attributes => [("rate", KilobytesPerSecond)];
        protected override ToxicKind With(ReadOnlySpan<long> values) => new Bandwidth(values[0]);
    }

    /// <summary>Holds the end of the stream back.</summary>
    public sealed record SlowClose(long DelayMs) : ToxicKind
    {
        public override string Type => "slow_close";
        public override ImmutableArray<(string Name, long Value)> Attributes => [("delay", DelayMs)];
        protected override ToxicKind With(ReadOnlySpan<long> values) => new SlowClose(values[0]);
    }

    /// <summary>Drops everything, the end of the stream too; closes after the time, or with 0 never: then it is a silent cut, and
    /// the connection is closed when the toxic goes.</summary>
    public sealed record Timeout(long AfterMs) : ToxicKind
    {
        public override string Type => "timeout";
        public override ImmutableArray<(string Name, long Value)> Attributes => [("timeout", AfterMs)];
        protected override ToxicKind With(ReadOnlySpan<long> values) => new Timeout(values[0]);
    }

    /// <summary>Drops everything and resets the connection (RST) so long after the first piece.</summary>
    public sealed record ResetPeer(long AfterMs) : ToxicKind
    {
        public override string Type => "reset_peer";
        public override ImmutableArray<(string Name, long Value)> Attributes => [("timeout", AfterMs)];
        protected override ToxicKind With(ReadOnlySpan<long> values) => new ResetPeer(values[0]);
    }

    /// <summary>Cuts the stream into small pieces with pauses.</summary>
    public sealed record Slicer(long AverageBytes, long VariationBytes, long DelayUs) : ToxicKind
    {
        public override string Type => "slicer";
        public override ImmutableArray<(string Name, long Value)> Attributes => [("average_size", AverageBytes), ("size_variation", VariationBytes), ("delay", DelayUs)];
        protected override ToxicKind With(ReadOnlySpan<long> values) => new Slicer(values[0], values[1], values[2]);
    }

    /// <summary>Closes the connection after so many bytes.</summary>
    public sealed record LimitData(long BytesMax) : ToxicKind
    {
        public override string Type => "limit_data";
        public override ImmutableArray<(string Name, long Value)> Attributes => [("bytes", BytesMax)];
        protected override ToxicKind With(ReadOnlySpan<long> values) => new LimitData(values[0]);
    }

    /// <summary>The kind with this name and all attributes 0, or null.</summary>
    public static ToxicKind? Named(string type) => type switch
    {
        "noop" => new Noop(),
        "latency" => new Latency(0, 0),
        "bandwidth" => new Bandwidth(0),
        "slow_close" => new SlowClose(0),
        "timeout" => new Timeout(0),
        "reset_peer" => new ResetPeer(0),
        "slicer" => new Slicer(0, 0, 0),
        "limit_data" => new LimitData(0),
        _ => null,
    };

    /// <summary>Takes over the attributes that are given and keeps the others.</summary>
    /// <exception cref="JsonException">A value is no whole number, or is negative.</exception>
    public ToxicKind Merge(JsonNode? attributes)
    {
        if (attributes is null) return this;
        if (attributes is not JsonObject given) throw new JsonException("attributes are not an object");
        var own = Attributes;
        var values = new long[own.Length];
        for (var i = 0; i < own.Length; i++)
        {
            values[i] = given[own[i].Name] is { } node ? Whole(own[i].Name, node) : own[i].Value;
        }

        return With(values);
    }

    public JsonObject ToJson()
    {
        var json = new JsonObject();
        foreach (var (name, value) in Attributes) json[name] = value;
        return json;
    }

    private static long Whole(string name, JsonNode node) =>
        node is JsonValue value && value.TryGetValue<long>(out var number) && number >= 0
            ? number
            : throw new JsonException($"attribute {name} must be a whole number that is not negative");
}
