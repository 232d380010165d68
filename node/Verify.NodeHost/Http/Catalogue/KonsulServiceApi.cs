using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.State.Catalogue;

namespace Verify.NodeHost.Http.Catalogue;

/// <summary>Services as Konsul has them: /register, /deregister/:name, /heartbeat/:name, /services, /batch/services. Every node takes every
/// request; what is for the leader goes there. A name may have several instances; the id is the name where none is given, so that a
/// client that knows one entry per name keeps to one.</summary>
internal sealed class KonsulServiceApi(INodeApi node, ServiceBody bodies, CatalogueReads reads)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPut("/register", RegisterAsync).WithMetadata(NeedsWrite.Mark);
        routes.MapDelete("/deregister/{name}", (string name, HttpRequest request) => DeregisterAsync(name, request)).WithMetadata(NeedsWrite.Mark);
        routes.MapPut("/heartbeat/{name}", (string name, HttpRequest request) => HeartbeatAsync(name, request)).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/services/", ListAsync);
        routes.MapGet("/services/query/tags", (HttpRequest request) => QueryAsync(request, takesTags: true, metaPrefix: null));
        routes.MapGet("/services/query/metadata", (HttpRequest request) => QueryAsync(request, takesTags: false, metaPrefix: ""));
        routes.MapGet("/services/query", (HttpRequest request) => QueryAsync(request, takesTags: true, metaPrefix: "meta."));
        routes.MapGet("/services/{name}", (string name, HttpRequest request) => GetAsync(name, request));
        routes.MapPost("/batch/services/get", BatchGetAsync).WithMetadata(ReadsOnly.Mark);
        routes.MapPost("/batch/services/register", BatchRegisterAsync).WithMetadata(NeedsWrite.Mark);
        routes.MapPost("/batch/services/deregister", BatchDeregisterAsync).WithMetadata(NeedsWrite.Mark);
    }

    private async Task<IResult> RegisterAsync(HttpRequest request)
    {
        var (body, problem) = await JsonFields.ReadObjectAsync(request);
        if (body is null) return Bad(problem!);
        var (spec, cas, wrong) = bodies.Read(body, isConsul: false, request);
        if (spec is null) return Bad(wrong!);
        if (!KonsulKvApi.TryReadId(request, out var id)) return Bad("X-Verify-Sequence must be a whole number above 0, together with X-Verify-Session");
        return await node.AskAsync(new ApiRequest.RegisterService(spec, cas, id)) switch
        {
            ApiReply.Done(var index) => Results.Json(new { message = "service registered", service = Told(spec), modify_index = index }),
            var other => Refusal(other, $"no service {spec.Name}"),
        };
    }

    private static object Told(ServiceSpec spec) => new { id = spec.Id, name = spec.Name, address = spec.Address, port = spec.Port, tags = spec.Tags, meta = spec.Meta };

    private async Task<IResult> DeregisterAsync(string name, HttpRequest request)
    {
        long? cas = null;
        if (request.Query["cas"].ToString() is { Length: > 0 } text)
        {
            if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var expected)) return Bad($"cas must be a modify_index, not '{text}'");
            cas = expected;
        }

        if (!KonsulKvApi.TryReadId(request, out var id)) return Bad("X-Verify-Sequence must be a whole number above 0, together with X-Verify-Session");
        var instance = IdOf(request);
        return await node.AskAsync(new ApiRequest.DeregisterService(instance is null ? name : null, instance, cas, id)) switch
        {
            ApiReply.Done(var index) => Results.Json(new { message = "service deregistered", name, modify_index = index }),
            var other => Refusal(other, $"no service {name}"),
        };
    }

    private async Task<IResult> HeartbeatAsync(string name, HttpRequest request)
    {
        long? connections = null;
        if (request.Query["connections"].ToString() is { Length: > 0 } text)
        {
            if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return Bad($"connections must be a whole number, not '{text}'");
            connections = number;
        }

        return await node.AskAsync(new ApiRequest.ServiceHeartbeat(name, IdOf(request), connections)) switch
        {
            ApiReply.Done => Results.Json(new { message = "heartbeat updated", service = name }),
            var other => Refusal(other, $"no service {name}: register it again"),
        };
    }

    private async Task<IResult> ListAsync(HttpRequest request)
    {
        var (found, refusal) = await reads.AskAsync(new(), request);
        if (found is null) return refusal!;
        return Results.Json(ClusterApi.IsTrue(request.Query["metadata"]) ? found.Instances.Select(i => ServiceShapes.WithMetadata(i, found)) : found.Instances.Select(ServiceShapes.Konsul));
    }

    /// <summary>One object, as Konsul gives it: of the best instance, which is the one whose id is the name if all are alike. All of them stand
    /// in "instances" where there are more.</summary>
    private async Task<IResult> GetAsync(string name, HttpRequest request)
    {
        var (found, refusal) = await reads.AskAsync(new() { Name = name, InstanceId = IdOf(request) }, request);
        if (found is null) return refusal!;
        if (found.Instances.Count == 0) return NotFound($"no service {name}");
        var best = found.Instances.OrderBy(static i => i.Status).ThenBy(i => i.Id == name ? 0 : 1).ThenBy(static i => i.Id, StringComparer.Ordinal).First();
        if (ClusterApi.IsTrue(request.Query["metadata"])) return Results.Json(ServiceShapes.WithMetadata(best, found));
        var shape = ServiceShapes.Konsul(best);
        if (found.Instances.Count > 1) shape["instances"] = found.Instances.Select(ServiceShapes.Konsul);
        return Results.Json(shape);
    }

    private async Task<IResult> QueryAsync(HttpRequest request, bool takesTags, string? metaPrefix)
    {
        var (query, problem) = QueryOf(request, takesTags, metaPrefix);
        if (query is null) return Bad(problem!);
        var (found, refusal) = await reads.AskAsync(query, request);
        return found is null ? refusal! : Results.Json(new
        {
            count = found.Instances.Count,
            services = found.Instances.Select(ServiceShapes.Konsul),
            query = EchoOf(query, takesTags, metaPrefix),
        });
    }

    /// <summary>?tags=a&amp;tags=b (or "a,b"), and meta: with the prefix, or (empty prefix) every word that means nothing else.</summary>
    public static (ServiceQuery? Query, string? Problem) QueryOf(HttpRequest request, bool takesTags, string? metaPrefix)
    {
        string[] words = ["dc", "index", "wait", "stale", "lease", "consistent", "passing", "strategy", "filter", "pretty", "token"];
        var tags = takesTags ? request.Query["tags"].Concat(request.Query["tag"]).SelectMany(static t => (t ?? "").Split(',')).Where(static t => t.Length > 0).Distinct(StringComparer.Ordinal).ToArray() : [];
        var meta = metaPrefix is null ? [] : request.Query
            .Where(pair => pair.Key.StartsWith(metaPrefix, StringComparison.Ordinal) && pair.Key.Length > metaPrefix.Length && !words.Contains(pair.Key, StringComparer.Ordinal))
            .Where(pair => metaPrefix.Length > 0 || pair.Key is not ("tags" or "tag"))
            .Select(pair => KeyValuePair.Create(pair.Key[metaPrefix.Length..], pair.Value.ToString())).ToArray();
        if (tags.Length == 0 && meta.Length == 0)
            return (null, takesTags ? metaPrefix is null ? "tags is missing: ?tags=a&tags=b" : "tags or meta are missing: ?tags=a&meta.key=value" : "the metadata is missing: ?key=value");
        return (new() { Tags = tags, Meta = meta, AtWorst = ClusterApi.IsTrue(request.Query["passing"]) ? CheckStatus.Passing : null }, null);
    }

    public static object EchoOf(ServiceQuery query, bool takesTags, string? metaPrefix)
    {
        var meta = new SortedDictionary<string, string>(query.Meta.ToDictionary(static m => m.Key, static m => m.Value, StringComparer.Ordinal), StringComparer.Ordinal);
        return metaPrefix is null ? new { tags = query.Tags } : takesTags ? new { tags = query.Tags, metadata = meta } : new { metadata = meta };
    }

    private async Task<IResult> BatchGetAsync(HttpRequest request)
    {
        var (names, problem) = await NamesAsync(request);
        if (problem is not null) return Bad(problem);
        var (all, refusal) = await reads.AskAsync(new(), request);
        if (all is null) return refusal!;
        var found = new SortedDictionary<string, object>(StringComparer.Ordinal);
        foreach (var name in names)
        {
            var instances = all.Instances.Where(i => i.Name == name).OrderBy(static i => i.Status).ThenBy(i => i.Id == name ? 0 : 1).ToArray();
            if (instances.Length > 0) found[name] = ServiceShapes.Konsul(instances[0]);
        }

        return Results.Json(new { found, not_found = names.Where(name => !found.ContainsKey(name)) });
    }

    /// <summary>All of them in one entry of the log, or none.</summary>
    private async Task<IResult> BatchRegisterAsync(HttpRequest request)
    {
        var (body, problem) = await JsonFields.ReadObjectAsync(request);
        if (body is null) return Bad(problem!);
        var specs = new List<ServiceSpec>();
        foreach (var (service, i) in body.Objects("services").Select(static (s, i) => (s, i)))
        {
            var (spec, cas, wrong) = bodies.Read(service, isConsul: false, request);
            if (spec is null || cas is not null) return Bad($"services[{i}]: {wrong ?? "cas is not built for a batch"}");
            specs.Add(spec);
        }

        if (body.End() is { } other) return Bad(other);
        if (specs.Count == 0) return Bad("services is missing: a list of registrations");
        return await node.AskAsync(new ApiRequest.ImportServices(specs, Replaces: false, Id: null)) switch
        {
            ApiReply.Done(var index) => Results.Json(new { message = "batch register completed", registered = specs.Select(static s => s.Name), count = specs.Count, modify_index = index }),
            var refused => Refusal(refused, "no such service"),
        };
    }

    private async Task<IResult> BatchDeregisterAsync(HttpRequest request)
    {
        var (names, problem) = await NamesAsync(request);
        if (problem is not null) return Bad(problem);
        var (gone, missing) = (new List<string>(), new List<string>());
        foreach (var name in names)
        {
            switch (await node.AskAsync(new ApiRequest.DeregisterService(name, null, null, null)))
            {
                case ApiReply.Done:
                    gone.Add(name);
                    break;
                case ApiReply.NotFound:
                    missing.Add(name);
                    break;
                case var refused when gone.Count == 0:
                    return Refusal(refused, "no such service");
                case var refused:
                    return Results.Json(new { error = "not finished", message = $"{name}: {refused.GetType().Name}", deregistered = gone, not_found = missing, outcome = "partly done" }, statusCode: 503);
            }
        }

        return Results.Json(new { message = "batch deregister completed", deregistered = gone, not_found = missing, count = gone.Count });
    }

    private static async Task<(IReadOnlyList<string> Names, string? Problem)> NamesAsync(HttpRequest request)
    {
        var (body, problem) = await JsonFields.ReadObjectAsync(request);
        if (body is null) return ([], problem);
        var names = body.Texts("names");
        return body.End() is { } wrong ? ([], wrong) : names.Length == 0 ? ([], "names is missing: a list of services") : (names, null);
    }

    public static string? IdOf(HttpRequest request) => request.Query["id"].ToString() is { Length: > 0 } id ? id : null;

    public static IResult Bad(string message) => Results.Json(new { error = "bad request", message, outcome = "not done" }, statusCode: message.Contains("too large", StringComparison.Ordinal) ? 413 : 400);

    public static IResult NotFound(string message) => Results.Json(new { error = "not found", message }, statusCode: 404);

    public static IResult Refusal(ApiReply reply, string missing) => reply switch
    {
        ApiReply.NotFound => NotFound(missing),
        ApiReply.CasConflict(var index) => Results.Json(new { error = "CAS conflict", message = "the service has another modify_index", modify_index = index, outcome = "not done" }, statusCode: 409),
        _ => KonsulKvApi.Refusal(reply),
    };
}
