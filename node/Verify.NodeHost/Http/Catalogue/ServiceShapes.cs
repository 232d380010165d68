using Verify.Node.Api;
using Verify.Node.State.Catalogue;
using Verify.Raft;

namespace Verify.NodeHost.Http.Catalogue;

/// <summary>Instances and checks in the words of Konsul (lower case, durations in nanoseconds) and of Consul (capitals, durations as texts).
/// Where Konsul knows one entry per name, an instance has more: id, status, node.</summary>
internal static class ServiceShapes
{
    private const long NanosecondsPerMs = 1_000_000;

    public static string Word(CheckStatus status) => status switch
    {
        CheckStatus.Passing => "passing",
        CheckStatus.Warning => "warning",
        _ => "critical",
    };

    public static string Word(PickStrategy strategy) => strategy switch
    {
        PickStrategy.Random => "random",
        PickStrategy.LeastConnections => "least-connections",
        _ => "round-robin",
    };

    public static PickStrategy? StrategyOf(string word) => word switch
    {
        "round-robin" => PickStrategy.RoundRobin,
        "random" => PickStrategy.Random,
        "least-connections" => PickStrategy.LeastConnections,
        _ => null,
    };

    public static SortedDictionary<string, object?> Konsul(ServiceInstance instance)
    {
        var shape = new SortedDictionary<string, object?>(StringComparer.Ordinal)
        {
            ["name"] = instance.Name, ["address"] = instance.Spec.Address, ["port"] = instance.Spec.Port,
            ["id"] = instance.Id, ["status"] = Word(instance.Status), ["node"] = instance.Spec.Node,
        };
        if (instance.Spec.Tags.Length > 0) shape["tags"] = instance.Spec.Tags;
        if (instance.Spec.Meta.Count > 0) shape["meta"] = instance.Spec.Meta;
        if (instance.Checks.Length > 0) shape["checks"] = instance.Checks.Select(static check => DefinitionOf(check.Spec));
        if (instance.Connections is { } connections) shape["connections"] = connections;
        return shape;
    }

    public static object WithMetadata(ServiceInstance instance, ApiReply.Services answer) => new
    {
        service = Konsul(instance),
        expires_at = instance.ExpiresAtMs > 0 ? WallAt(answer, instance.ExpiresAtMs) : (DateTimeOffset?)null,
        modify_index = instance.ModifyIndex,
        create_index = instance.CreateIndex,
    };

    public static object KonsulCheck(ServiceInstance instance, ServiceCheck check, ApiReply.Services answer) => new
    {
        id = check.Spec.Id,
        name = check.Spec.Name,
        service_id = instance.Id,
        service_name = instance.Name,
        type = Word(check.Spec.Kind),
        status = Word(check.Status),
        output = check.Output,
        node = instance.Spec.Node,
        interval = check.Spec.IntervalMs * NanosecondsPerMs,
        timeout = check.Spec.TimeoutMs * NanosecondsPerMs,
        ttl = check.Spec.TtlMs * NanosecondsPerMs,
        target = check.Spec.Target,
        expires_at = check.DueAtMs > 0 ? WallAt(answer, check.DueAtMs) : (DateTimeOffset?)null,
        modify_index = check.ModifyIndex,
    };

    private static SortedDictionary<string, object?> DefinitionOf(CheckSpec check) => new SortedDictionary<string, object?>(StringComparer.Ordinal)
    {
        ["id"] = check.Id, ["name"] = check.Name, [Word(check.Kind)] = check.Kind == CheckKind.Ttl ? $"{check.TtlMs}ms" : check.Target,
        ["interval"] = $"{check.IntervalMs}ms", ["timeout"] = $"{check.TimeoutMs}ms",
    };

    public static string Word(CheckKind kind) => kind switch
    {
        CheckKind.Http => "http",
        CheckKind.Tcp => "tcp",
        CheckKind.MySql => "mysql",
        CheckKind.Maintenance => "maintenance",
        _ => "ttl",
    };

    public static SortedDictionary<string, object?> AgentService(ServiceInstance instance) => new(StringComparer.Ordinal)
    {
        ["ID"] = instance.Id, ["Service"] = instance.Name, ["Tags"] = instance.Spec.Tags, ["Meta"] = instance.Spec.Meta,
        ["Port"] = instance.Spec.Port, ["Address"] = instance.Spec.Address, ["Datacenter"] = instance.Spec.DataCenter, ["EnableTagOverride"] = false,
        ["Weights"] = new { Passing = instance.Spec.WeightPassing, Warning = instance.Spec.WeightWarning },
        ["CreateIndex"] = instance.CreateIndex, ["ModifyIndex"] = instance.ModifyIndex,
    };

    public static object ConsulCheck(ServiceInstance instance, ServiceCheck check) => new
    {
        instance.Spec.Node,
        CheckID = check.Spec.Id,
        check.Spec.Name,
        Status = Word(check.Status),
        check.Spec.Notes,
        check.Output,
        ServiceID = instance.Id,
        ServiceName = instance.Name,
        ServiceTags = instance.Spec.Tags,
        Type = Word(check.Spec.Kind),
        Interval = $"{check.Spec.IntervalMs}ms",
        Timeout = $"{check.Spec.TimeoutMs}ms",
        ExposedPort = 0,
        Definition = new { },
        CreateIndex = check.DefinedIndex,
        check.ModifyIndex,
    };

    public static object CatalogService(ServiceInstance instance, NodePicture node) => new
    {
        node.ID,
        node.Node,
        node.Address,
        Datacenter = instance.Spec.DataCenter,
        node.TaggedAddresses,
        NodeMeta = node.Meta,
        ServiceKind = "",
        ServiceID = instance.Id,
        ServiceName = instance.Name,
        ServiceTags = instance.Spec.Tags,
        ServiceAddress = instance.Spec.Address,
        ServiceWeights = new { Passing = instance.Spec.WeightPassing, Warning = instance.Spec.WeightWarning },
        ServiceMeta = instance.Spec.Meta,
        ServicePort = instance.Spec.Port,
        ServiceEnableTagOverride = false,
        instance.CreateIndex,
        instance.ModifyIndex,
    };

    public static object HealthEntry(ServiceInstance instance, NodePicture node) => new
    {
        Node = node,
        Service = AgentService(instance),
        Checks = instance.Checks.Select(check => ConsulCheck(instance, check)),
    };

    private static DateTimeOffset WallAt(ApiReply.Services answer, long atMs) =>
        DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(answer.WallMs + atMs - answer.NowMs, 0, 253_402_300_799_999));
}

/// <summary>A node as Consul's catalogue shows it.</summary>
internal sealed record NodePicture(string ID, string Node, string Address, string Datacenter, SortedDictionary<string, string> TaggedAddresses, SortedDictionary<string, string> Meta)
{
    public long CreateIndex { get; init; } = 1;
    public long ModifyIndex { get; init; } = 1;

    public static NodePicture Of(string name, Contact contact, string dataCenterOtherwise)
    {
        var address = contact.Address ?? name;
        var colon = address.LastIndexOf(':');
        var host = (colon > 0 ? address[..colon] : address).Trim('[', ']');
        var hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(name)));
        return new(
            $"{hash[..8]}-{hash[8..12]}-{hash[12..16]}-{hash[16..20]}-{hash[20..32]}", name, host,
            contact.DataCenter is { Length: > 0 } dc ? dc : dataCenterOtherwise,
            new(StringComparer.Ordinal) { ["lan"] = host, ["wan"] = host }, new(StringComparer.Ordinal));
    }
}
