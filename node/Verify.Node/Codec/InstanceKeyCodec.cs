using Verify.Node.Topology;

namespace Verify.Node.Codec;

/// <summary>A MySQL server's name in the node's own binary format: host and port.</summary>
internal static class InstanceKeyCodec
{
    public static void Key(this WireWriter to, InstanceKey key)
    {
        to.Text(key.Host);
        to.Number(key.Port);
    }

    /// <summary>A server that may be missing.</summary>
    public static void KeyOrNull(this WireWriter to, InstanceKey? key)
    {
        to.Bool(key is not null);
        if (key is { } server) to.Key(server);
    }

    /// <exception cref="WireFormatException"/>
    public static InstanceKey Key(this ref WireReader from)
    {
        var (host, port) = (from.Text(), from.Number());
        return port is >= 1 and <= 65_535 ? new(host, (int)port) : throw from.Malformed($"{port} is no port");
    }

    /// <exception cref="WireFormatException"/>
    public static InstanceKey? KeyOrNull(this ref WireReader from) => from.Bool() ? from.Key() : null;
}
