using System.Collections.Immutable;
using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Node.State.Time;
using Verify.Node.Topology;

namespace Verify.Node.State.Fleet;

/// <summary>Versioned bytes of <see cref="FleetCommand"/>: a version, the number of the case, its fields in order. Old logs stay
/// readable for ever, so numbers are never given twice.</summary>
public static class FleetCommandCodec
{
    private const byte Version = 1;
    private const byte Seed = 1, Learn = 2, Forget = 3, ForgetCluster = 4, SetAlias = 5, Manage = 6, Tag = 7, Untag = 8, Resolve = 9, Unresolve = 10;

    public static void Write(WireWriter to, FleetCommand command)
    {
        ArgumentNullException.ThrowIfNull(to);
        to.Byte(Version);
        switch (command)
        {
            case FleetCommand.Seed(var instance):
                to.Byte(Seed);
                to.Key(instance);
                break;
            case FleetCommand.Learn(var servers, var clusters):
                to.Byte(Learn);
                to.Number(servers.Length);
                foreach (var server in servers) WriteServer(to, server);
                to.Number(clusters.Length);
                foreach (var cluster in clusters) WriteCluster(to, cluster);
                break;
            case FleetCommand.Forget(var instance, var againAfterMs, var stamp):
                to.Byte(Forget);
                to.Key(instance);
                to.Number(againAfterMs);
                stamp.Write(to);
                break;
            case FleetCommand.ForgetCluster(var cluster):
                to.Byte(ForgetCluster);
                to.Text(cluster);
                break;
            case FleetCommand.SetAlias(var cluster, var alias):
                to.Byte(SetAlias);
                to.Text(cluster);
                to.Text(alias);
                break;
            case FleetCommand.Manage(var cluster, var isManaged):
                to.Byte(Manage);
                to.Text(cluster);
                to.Bool(isManaged);
                break;
            default:
                WriteNames(to, command);
                break;
        }
    }

    private static void WriteNames(WireWriter to, FleetCommand command)
    {
        switch (command)
        {
            case FleetCommand.Tag(var instance, var name, var value):
                to.Byte(Tag);
                to.Key(instance);
                to.Text(name);
                to.Text(value);
                break;
            case FleetCommand.Untag(var instance, var name):
                to.Byte(Untag);
                to.Key(instance);
                to.Text(name);
                break;
            case FleetCommand.Resolve(var from, var known):
                to.Byte(Resolve);
                to.Key(from);
                to.Bool(known is not null);
                if (known is { } key) to.Key(key);
                break;
            case FleetCommand.Unresolve(var instance, var host):
                to.Byte(Unresolve);
                to.Key(instance);
                to.Text(host);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <exception cref="WireFormatException"/>
    public static FleetCommand Read(ref WireReader from)
    {
        var version = from.Byte();
        if (version != Version) throw from.Malformed($"a fleet command of version {version}; this program reads version {Version}");
        var kind = from.Byte();
        return kind switch
        {
            Seed => new FleetCommand.Seed(from.Key()),
            Learn => new FleetCommand.Learn(ReadServers(ref from), ReadClusters(ref from)),
            Forget => new FleetCommand.Forget(from.Key(), from.Number(), TimeStamp.Read(ref from)),
            ForgetCluster => new FleetCommand.ForgetCluster(from.Text()),
            SetAlias => new FleetCommand.SetAlias(from.Text(), from.Text()),
            Manage => new FleetCommand.Manage(from.Text(), from.Bool()),
            Tag => new FleetCommand.Tag(from.Key(), from.Text(), from.Text()),
            Untag => new FleetCommand.Untag(from.Key(), from.Text()),
            Resolve => new FleetCommand.Resolve(from.Key(), from.Bool() ? from.Key() : null),
            Unresolve => new FleetCommand.Unresolve(from.Key(), from.Text()),
            _ => throw from.Malformed($"a fleet command of kind {kind}, which this program does not know"),
        };
    }

    internal static void WriteServer(WireWriter to, FleetServer server)
    {
        to.Key(server.Key);
        to.Text(server.Cluster);
        to.Text(server.DataCenter);
        to.Text(server.Alias);
        to.Text(server.PromotionRule);
    }

    internal static FleetServer ReadServer(ref WireReader from) => new(from.Key(), from.Text(), from.Text(), from.Text(), from.Text());

    internal static void WriteCluster(WireWriter to, FleetCluster cluster)
    {
        to.Text(cluster.Name);
        to.Text(cluster.Alias);
        to.Text(cluster.Domain);
        to.Bool(cluster.IsManaged);
    }

    internal static FleetCluster ReadCluster(ref WireReader from) => new(from.Text(), from.Text(), from.Text(), from.Bool());

    private static ImmutableArray<FleetServer> ReadServers(ref WireReader from)
    {
        var servers = ImmutableArray.CreateBuilder<FleetServer>();
        for (var left = from.Count(); left > 0; left--) servers.Add(ReadServer(ref from));
        return servers.ToImmutable();
    }

    private static ImmutableArray<FleetCluster> ReadClusters(ref WireReader from)
    {
        var clusters = ImmutableArray.CreateBuilder<FleetCluster>();
        for (var left = from.Count(); left > 0; left--) clusters.Add(ReadCluster(ref from));
        return clusters.ToImmutable();
    }
}
