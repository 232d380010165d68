using System.Collections.Immutable;
using System.Net;
using Microsoft.AspNetCore.Http;
using Verify.Node.Loop;
using Verify.Node.State.Catalogue;

namespace Verify.NodeHost.Http.Catalogue;

/// <summary>Reads a registration as Konsul's and as Consul's clients send it.</summary>
/// <param name="ttlMs">How long an instance stays without a heartbeat where the body does not say it; 0: for good.</param>
internal sealed class ServiceBody(NodeConfig config, long ttlMs)
{
    /// <summary>One registration.</summary>
    /// <param name="isConsul">A TTL check begins as critical, as in Consul; in Konsul it begins as passing.</param>
    /// <param name="from">Where the request came from, when an address is not given.</param>
    public (ServiceSpec? Spec, long? Cas, string? Problem) Read(JsonFields body, bool isConsul, HttpRequest? from)
    {
        var name = body.Text("name");
        var id = body.Text("id", name);
        if (id.Length == 0) id = name;
        List<JsonFields> checks = [.. body.Objects("checks")];
        if (body.Object("check") is { } single) checks.Insert(0, single);
        var weights = body.Object("weights");
        var given = body.Text("address");
        var cas = body.Has("cas") ? body.Whole("cas", 0) : (long?)null;
        body.Ignore("enabletagoverride", "createindex", "modifyindex", "status", "node", "datacenter", "connections", "expiresat", "locality");
        body.Refuse("kind", "connect", "proxy", "taggedaddresses", "namespace", "partition", "socketpath");
        var specs = checks.Select((check, i) => ReadCheck(check, id, checks.Count == 1 ? $"service:{id}" : $"service:{id}:{i + 1}", isConsul)).ToImmutableArray();
        var spec = new ServiceSpec
        {
            Id = id, Name = name, Address = given.Length > 0 ? given : AddressOf(from), Port = (int)Math.Clamp(body.Whole("port", 0), -1, 70_000),
            Tags = body.Texts("tags"), Meta = body.Map("meta"), TtlMs = body.Milliseconds("ttl", ttlMs),
            WeightPassing = (int)Math.Clamp(weights?.Whole("passing", 1) ?? 1, -1, 70_000), WeightWarning = (int)Math.Clamp(weights?.Whole("warning", 1) ?? 1, -1, 70_000),
            Checks = specs, Node = config.Self.Name, DataCenter = config.DataCenter,
        };
        if (name.Length == 0) return (null, null, "name is missing: the name of the service");
        return body.End(weights is null ? checks : [.. checks, weights]) is { } problem ? (null, null, problem) : (spec, cas, null);
    }

    /// <summary>One check.</summary>
    public static CheckSpec ReadCheck(JsonFields check, string instance, string idOtherwise, bool isConsul)
    {
        var id = check.Text("id", check.Text("checkid", idOtherwise));
        if (id.Length == 0) id = idOtherwise;
        var (http, tcp, mysql, ttl) = (check.Text("http"), check.Text("tcp"), check.Text("mysql"), check.Milliseconds("ttl", 0));
        var kind = http.Length > 0 ? CheckKind.Http : tcp.Length > 0 ? CheckKind.Tcp : mysql.Length > 0 ? CheckKind.MySql : CheckKind.Ttl;
        var status = check.Text("status");
        var interval = check.Milliseconds("interval", 10_000);
        check.Ignore("serviceid", "type", "output", "lastcheck", "expiresat", "failuresbeforewarning", "definition", "node", "servicename", "servicetags", "createindex", "modifyindex", "outputmaxsize");
        check.Refuse("script", "args", "dockercontainerid", "shell", "grpc", "grpcusetls", "aliasservice", "aliasnode", "tlsskipverify", "tlsservername", "udp", "osservice", "h2ping", "body", "disableredirects", "tcpusetls", "namespace", "partition");
        var name = check.Text("name");
        return new()
        {
            Id = id, Name = name.Length > 0 ? name : $"Service '{instance}' check", Kind = kind, Target = kind switch { CheckKind.Http => http, CheckKind.Tcp => tcp, CheckKind.MySql => mysql, _ => "" },
            Method = check.Text("method"), Headers = check.Has("headers") ? check.Map("headers", takesLists: true) : check.Map("header", takesLists: true),
            IntervalMs = interval, TimeoutMs = check.Milliseconds("timeout", Math.Min(interval, 10_000)), TtlMs = ttl,
            DeregisterAfterMs = check.Milliseconds("deregistercriticalserviceafter", 0), Notes = check.Text("notes"),
            SuccessBeforePassing = (int)Math.Clamp(Math.Max(1, check.Whole("successbeforepassing", 1)), 1, 1_000),
            FailuresBeforeCritical = (int)Math.Clamp(Math.Max(1, check.Whole("failuresbeforecritical", 1)), 1, 1_000),
            InitialStatus = StatusOf(status) ?? (kind == CheckKind.Ttl && !isConsul ? CheckStatus.Passing : CheckStatus.Critical),
        };
    }

    /// <summary>The words of Consul for what a check is; null: it is none of them.</summary>
    public static CheckStatus? StatusOf(string word) => word switch
    {
        "passing" or "pass" => CheckStatus.Passing,
        "warning" or "warn" => CheckStatus.Warning,
        "critical" or "fail" => CheckStatus.Critical,
        _ => null,
    };

    /// <summary>An agent of Consul runs beside the service and gives it its own address; here the service is where the request comes from,
    /// or, when that is this machine, where this node is.</summary>
    private string AddressOf(HttpRequest? from)
    {
        var remote = from?.HttpContext.Connection.RemoteIpAddress;
        if (remote is { IsIPv4MappedToIPv6: true }) remote = remote.MapToIPv4();
        return remote is null || IPAddress.IsLoopback(remote) ? (config.PeerAdvertise ?? config.PeerBind).Host : remote.ToString();
    }
}
