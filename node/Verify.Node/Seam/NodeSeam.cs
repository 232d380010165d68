using System.Diagnostics.Metrics;
using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using Verify.Node.Telemetry;

namespace Verify.Node.Seam;

/// <summary>Everything a node may know of the world. If it is not here, the node cannot see it.</summary>
public sealed record NodeSeam(
    TimeProvider Time, Dice Dice, INetwork Network, IDisk Disk, IHalt Halt,
    PipeScheduler Scheduler, ILoggerFactory Logs, IMeterFactory Meters, INodeEvents Events)
{
    /// <summary>The network between nodes, where it is another one than that to the MySQL servers: with TLS on every stream.</summary>
    public INetwork PeerNetwork { get; init; } = Network;

    /// <summary>Runs the operator's commands around recoveries; null: none are run.</summary>
    public IProcesses? Processes { get; init; }

    /// <summary>Watches how Raft's work is carried out, in simulation; null: nobody does.</summary>
    public IRaftWitness? Witness { get; init; }
}

/// <summary>A stream whose other end has proved who it is. Implemented by the streams of a network with mutual authentication.</summary>
public interface ICertifiedStream
{
    /// <summary>The names in the other end's certificate (subject alternative names, or the common name where there are none). A node may
    /// speak only for a node id that is among them, or whose host is.</summary>
    IReadOnlyList<string> Names { get; }
}

/// <summary>Where something listens: a name (or address) and a port. Names are resolved by the network behind the seam.</summary>
public readonly record struct Endpoint(string Host, int Port) : IComparable<Endpoint>
{
    /// <summary>Reads "host:port" or "[v6]:port".</summary>
    /// <exception cref="FormatException">The text is neither; the message says what was expected.</exception>
    public static Endpoint Parse(string text) => TryParse(text, defaultPort: null, out var endpoint)
        ? endpoint : throw new FormatException($"'{text}' is not host:port");

    public static bool TryParse(string? text, int? defaultPort, out Endpoint endpoint)
    {
        endpoint = default;
        if (string.IsNullOrWhiteSpace(text)) return false;
        var colon = text.LastIndexOf(':');
        var bracket = text.LastIndexOf(']');
        if (colon > bracket && int.TryParse(text.AsSpan(colon + 1), out var port) && port is > 0 and < 65536 && colon > 0)
        {
            endpoint = new(text[..colon].Trim('[', ']'), port);
            return true;
        }

        if (defaultPort is null || colon > bracket) return false;
        endpoint = new(text.Trim('[', ']'), defaultPort.Value);
        return true;
    }

    public int CompareTo(Endpoint other) =>
        string.CompareOrdinal(Host, other.Host) is not 0 and var order ? order : Port.CompareTo(other.Port);

    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}

/// <summary>Byte streams to and from other hosts.</summary>
public interface INetwork
{
    /// <summary>Opens a connection. The stream's reads and writes fail with <see cref="IOException"/> when it breaks.</summary>
    /// <exception cref="IOException">Refused, unreachable, or unknown name. <see cref="ConnectionRefusedException"/> when the
    /// host answered that nothing listens there.</exception>
    ValueTask<Stream> ConnectAsync(Endpoint to, CancellationToken cancel);

    /// <exception cref="IOException">The address is taken or not ours.</exception>
    IListener Listen(Endpoint at);
}

/// <summary>The host is there and says that nobody listens at that port.</summary>
public sealed class ConnectionRefusedException(Endpoint to) : IOException($"{to}: connection refused");

/// <summary>A listening socket.</summary>
public interface IListener : IAsyncDisposable
{
    /// <summary>The next incoming connection; null once disposed.</summary>
    ValueTask<Stream?> AcceptAsync();
}

/// <summary>The node's data directory. Names are flat; no sub-directories.</summary>
public interface IDisk
{
    /// <summary>Names of the files that exist, sorted ordinally.</summary>
    IReadOnlyList<string> List();

    /// <summary>Opens for reading and writing; creates an empty file when it is missing and <paramref name="create"/> is set.
    /// The name of a new file is durable only after <see cref="SyncDirectoryAsync"/>.</summary>
    /// <exception cref="IOException"/>
    IDiskFile Open(string name, bool create);

    /// <summary>Replaces the whole content atomically and durably (temporary file, sync, rename, directory sync).</summary>
    ValueTask ReplaceAsync(string name, ReadOnlyMemory<byte> content);

    /// <summary>Gives a file another name, in the place of a file that may have had it; atomic, and durable after
    /// <see cref="SyncDirectoryAsync"/>. Both must be closed.</summary>
    /// <exception cref="IOException"/>
    void Rename(string from, string to);

    /// <summary>Removes a file; durable after <see cref="SyncDirectoryAsync"/>.</summary>
    void Delete(string name);

    ValueTask SyncDirectoryAsync();
}

/// <summary>One open file. Writes are lost in a crash until <see cref="SyncAsync"/> returned.</summary>
public interface IDiskFile : IDisposable
{
    long Length { get; }

    /// <summary>Reads at an offset; returns how many bytes there were.</summary>
    ValueTask<int> ReadAsync(Memory<byte> into, long offset);

    /// <exception cref="DiskFullException">No space is left; part of the bytes may have been written.</exception>
    /// <exception cref="IOException"/>
    ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, long offset);

    /// <summary>Data and length are durable afterwards. After a failure nothing is known of the unsynced bytes, and a
    /// second try must not be believed (Rebello et al., ATC'20).</summary>
    /// <exception cref="IOException"/>
    ValueTask SyncAsync();

    /// <summary>Cuts or extends; durable after <see cref="SyncAsync"/>.</summary>
    ValueTask SetLengthAsync(long length);
}

/// <summary>ENOSPC (or a quota).</summary>
public sealed class DiskFullException(string file) : IOException($"{file}: no space left on the device");

/// <summary>The end of this node. Does not return control to the code that asked: callers must not go on.</summary>
public interface IHalt
{
    /// <param name="reason">One sentence for a person: what is broken and what to do.</param>
    void Halt(string reason, Exception? cause);
}
