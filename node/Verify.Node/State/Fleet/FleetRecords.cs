using System.Collections.Immutable;
using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Node.Topology;

namespace Verify.Node.State.Fleet;

/// <summary>The records of the section Fleet in a snapshot. Numbers are never given twice.</summary>
internal static class FleetRecords
{
    public const byte Version = 1;
    private const byte SeedRecord = 1, ServerRecord = 2, ClusterRecord = 3, TagsRecord = 4, NameRecord = 5, VirtualHostRecord = 6, ForgottenRecord = 7;

    internal sealed record TagsOf(InstanceKey Key, ImmutableSortedDictionary<string, string> Tags);
    internal sealed record Name(InstanceKey From, InstanceKey To);
    internal sealed record VirtualHost(InstanceKey Key, string Host);
    internal sealed record Forgotten(InstanceKey Key, long UntilMs);

    public static void Write(WireWriter to, object record)
    {
        switch (record)
        {
            case InstanceKey seed:
                to.Byte(SeedRecord);
                to.Key(seed);
                break;
            case FleetServer server:
                to.Byte(ServerRecord);
                FleetCommandCodec.WriteServer(to, server);
                break;
            case FleetCluster cluster:
                to.Byte(ClusterRecord);
                FleetCommandCodec.WriteCluster(to, cluster);
                break;
            case TagsOf(var key, var tags):
                to.Byte(TagsRecord);
                to.Key(key);
                to.Number(tags.Count);
                foreach (var (name, value) in tags)
                {
                    to.Text(name);
                    to.Text(value);
                }

                break;
            case Name(var from, var known):
                to.Byte(NameRecord);
                to.Key(from);
                to.Key(known);
                break;
            case VirtualHost(var key, var host):
                to.Byte(VirtualHostRecord);
                to.Key(key);
                to.Text(host);
                break;
            case Forgotten(var key, var until):
                to.Byte(ForgottenRecord);
                to.Key(key);
                to.Number(until);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <exception cref="WireFormatException"/>
    public static object Read(ref WireReader from)
    {
        var kind = from.Byte();
        return kind switch
        {
            SeedRecord => from.Key(),
            ServerRecord => FleetCommandCodec.ReadServer(ref from),
            ClusterRecord => FleetCommandCodec.ReadCluster(ref from),
            TagsRecord => new TagsOf(from.Key(), ReadTags(ref from)),
            NameRecord => new Name(from.Key(), from.Key()),
            VirtualHostRecord => new VirtualHost(from.Key(), from.Text()),
            ForgottenRecord => new Forgotten(from.Key(), from.Number()),
            _ => throw from.Malformed($"a record of kind {kind} about the fleet"),
        };
    }

    private static ImmutableSortedDictionary<string, string> ReadTags(ref WireReader from)
    {
        var tags = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        for (var left = from.Count(); left > 0; left--) tags[from.Text()] = from.Text();
        return tags.ToImmutable();
    }
}
