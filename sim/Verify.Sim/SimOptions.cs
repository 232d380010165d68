using Microsoft.Extensions.Logging;

namespace Verify.Sim;

/// <summary>How long bytes take one way: at least <paramref name="Min"/>, and up to <paramref name="Jitter"/> more, drawn.</summary>
/// <param name="BytesPerSecondMax">The width of the link; 0 is no limit.</param>
public sealed record LinkShape(TimeSpan Min, TimeSpan Jitter, long BytesPerSecondMax = 0);

/// <summary>How long a disk takes, each as a least time and a jitter that is drawn.</summary>
public sealed record DiskTiming(TimeSpan WriteMin, TimeSpan WriteJitter, TimeSpan SyncMin, TimeSpan SyncJitter)
{
    /// <summary>A solid-state disk with a cache that tells the truth: 0.05 ms per write, 0.3 to 2 ms per sync.</summary>
    public static DiskTiming Flash { get; } = new(
        TimeSpan.FromMicroseconds(30), TimeSpan.FromMicroseconds(40), TimeSpan.FromMicroseconds(300), TimeSpan.FromMicroseconds(1_700));

    public DiskTiming Times(int factor) => new(WriteMin * factor, WriteJitter * factor, SyncMin * factor, SyncJitter * factor);
}

/// <summary>All parameters of a world. Printed whole with a failing seed: it and the seed make the same world again.</summary>
public sealed record SimOptions
{
    /// <summary>Events that become due within this time of each other count as simultaneous: who goes first is a choice of the
    /// actor scheduler. Nothing happens before it is due; it happens at most this much later.</summary>
    public TimeSpan SimultaneousWithin { get; init; } = TimeSpan.FromMicroseconds(20);
    public long StepsMax { get; init; } = 2_000_000_000;

    /// <summary>Between processes of one machine.</summary>
    public LinkShape Loopback { get; init; } = new(TimeSpan.FromMicroseconds(20), TimeSpan.FromMicroseconds(30));
    public LinkShape WithinDataCenter { get; init; } = new(TimeSpan.FromMicroseconds(100), TimeSpan.FromMicroseconds(200));
    public LinkShape BetweenDataCenters { get; init; } = new(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(1));

    /// <summary>How late a timer may fire; drawn for each.</summary>
    public TimeSpan TimerLatenessMax { get; init; } = TimeSpan.FromMicroseconds(200);

    /// <summary>Bytes of one direction of a connection that were sent and not yet read; more makes the writer wait.</summary>
    public int InFlightBytesMax { get; init; } = 1 << 20;

    /// <summary>In so many of 1,000 deliveries only a part of the bytes arrives at first.</summary>
    public int SplitDeliveriesPerMille { get; init; } = 5;

    /// <summary>In so many of 1,000,000 sent segments the connection is reset instead.</summary>
    public int LostConnectionsPerMillion { get; init; }

    /// <summary>How long after a cut is healed the held bytes arrive: TCP tries again at intervals of its own.</summary>
    public TimeSpan RetransmitMin { get; init; } = TimeSpan.FromMilliseconds(200);
    public TimeSpan RetransmitMax { get; init; } = TimeSpan.FromSeconds(1);
    public DiskTiming Disk { get; init; } = DiskTiming.Flash;

    /// <summary>True: at a crash each write since the last sync is kept, lost or torn, as drawn. False: all are lost.</summary>
    public bool CrashKeepsSomeWrites { get; init; } = true;

    /// <summary>What the wall clocks show when the world begins.</summary>
    public DateTimeOffset Epoch { get; init; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>How many names of events are kept for messages.</summary>
    public int TraceTailLength { get; init; } = 4_096;

    /// <summary>Keeps every line of the trace, to compare two runs.</summary>
    public bool KeepWholeTrace { get; init; }

    /// <summary>The bytes that hosts send and write count for the trace hash. False for worlds with TLS, whose keys come from
    /// the operating system.</summary>
    public bool HashBytes { get; init; } = true;
    public LogLevel LogLevelMin { get; init; } = LogLevel.Information;
    public int LogLinesKept { get; init; } = 2_000;
}
