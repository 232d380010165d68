using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.Loop;
using Endpoint = Verify.Node.Seam.Endpoint;
using Verify.Raft;
using Verify.NodeHost.Configuration;

namespace Verify.NodeHost.Http;

/// <summary>Management of the group over HTTP: Konsul's /cluster endpoints with its shapes, ADR-0011's where Konsul left a gap. Every node
/// takes every request: what is for the leader goes there over the peer link. A client that would rather go there itself says
/// ?redirect=true or "Prefer: redirect" and gets 307 with a Location it can follow (RFC 9110 §15.4.8), as it does when the node cannot
/// forward but knows where the leader's HTTP listener is.</summary>
internal sealed class ClusterApi(INodeApi node, NodeConfig config, ClusterSettings settings)
{
    private const int TokenSecretBytes = 24;
    private static readonly TimeSpan TokenValidForMax = TimeSpan.FromDays(30);

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/cluster/status", async () => await ViewAsync(view => Results.Json(ClusterShapes.Status(view, config))));
        routes.MapGet("/cluster/leader", async () => await ViewAsync(Leader));
        routes.MapGet("/cluster/peers", async () => await ViewAsync(view => Results.Json(ClusterShapes.Peers(view, config))));
        routes.MapGet("/cluster/config", async () => await ViewAsync(view => Results.Json(ClusterShapes.Config(view, config, settings))));
        routes.MapGet("/cluster/stats", async () => await ViewAsync(view => Results.Json(ClusterShapes.Stats(view))));
        routes.MapGet("/cluster/health", (HttpRequest request) => AtLeaderAsync(request, new ApiRequest.ClusterHealth(),
            reply => reply is ApiReply.Health(var view) ? Results.Json(ClusterShapes.Health(view)) : null));
        routes.MapPost("/cluster/join", JoinAsync).WithMetadata(NeedsWrite.Mark);
        routes.MapDelete("/cluster/leave/{id}", LeaveAsync).WithMetadata(NeedsWrite.Mark);
        routes.MapPost("/cluster/snapshot", SnapshotAsync).WithMetadata(NeedsWrite.Mark);
        routes.MapPost("/cluster/transfer", TransferAsync).WithMetadata(NeedsWrite.Mark);
        routes.MapPost("/cluster/token", TokenAsync).WithMetadata(NeedsWrite.Mark);
    }

    private async Task<IResult> ViewAsync(Func<ClusterView, IResult> show) => await node.AskAsync(new ApiRequest.ClusterStatus()) switch
    {
        ApiReply.Cluster(var view) => show(view),
        var other => Refusal(other),
    };

    private static IResult Leader(ClusterView view) => view.Raft.Leader is not { } leader
        ? new Answer.WithRetry(Results.Json(new { error = "no leader", message = "no leader is known at the moment; try again" }, statusCode: 503), TimeSpan.FromSeconds(1))
        : Results.Json(new
        {
            leader_id = leader.Name,
            leader_addr = ClusterShapes.AddressOf(view.LeaderContact, leader),
            leader_api = view.LeaderContact.ApiAddress ?? "",
            is_self = leader == view.Raft.Self,
        });

    private async Task<IResult> JoinAsync(HttpRequest request)
    {
        var (body, problem) = await JsonBody.ReadAsync(request, mayBeEmpty: false, "node_id", "address", "token", "replaces", "learner", "zone", "datacenter", "api_address");
        if (body is null) return Bad(problem!);
        if (body.Text("node_id") is not { Length: > 0 } id) return Bad("node_id is missing: the name of the node that joins");
        if (body.Text("address") is not { Length: > 0 } address) return Bad("address is missing: host:port of its peer listener");
        if (!Endpoint.TryParse(address, null, out _)) return Bad($"address must be host:port, not '{address}'");
        if (body.Text("api_address") is { Length: > 0 } api && !Endpoint.TryParse(api, null, out _)) return Bad($"api_address must be host:port, not '{api}'");
        if (body.Problem is { } wrong) return Bad(wrong);
        var contact = new Contact(address, body.Text("datacenter") ?? "", body.Text("api_address") ?? "", body.Text("zone") ?? "");
        var replaces = body.Text("replaces") is { Length: > 0 } old ? new NodeId(old) : (NodeId?)null;
        var join = new ApiRequest.ClusterJoin(new(id), contact, body.Bool("learner"), replaces, body.Text("token") is { Length: > 0 } token ? token : null);
        if (body.Problem is { } alsoWrong) return Bad(alsoWrong);
        if (join.Token is null && IsStranger(request)) return NotFromElsewhere();
        return await AtLeaderAsync(request, join, reply => reply is ApiReply.Done(var index) ? Results.Json(new
        {
            status = "ok",
            message = join.StaysLearner ? "the node is in as a learner and stays one" : "the node is in as a learner; it becomes a voter when it has caught up and is stable",
            node_id = id,
            address,
            index,
        }) : null);
    }

    private Task<IResult> LeaveAsync(string id, HttpRequest request)
    {
        var force = IsTrue(request.Query["force"]);
        return AtLeaderAsync(request, new ApiRequest.ClusterLeave(new(id), force), reply => reply is ApiReply.Done(var index)
            ? Results.Json(new { status = "ok", message = "the node has left the group", node_id = id, index }) : null);
    }

    private async Task<IResult> SnapshotAsync() => await node.AskAsync(new ApiRequest.TakeSnapshot()) switch
    {
        ApiReply.SnapshotMade(var last, var bytes, var took) => Results.Json(new
        {
            status = "ok",
            message = "snapshot made on this node",
            node_id = config.Self.Name,
            last_index = last.Index.Value,
            last_term = last.Term.Value,
            bytes,
            took_ms = took.TotalMilliseconds,
        }),
        var other => Refusal(other),
    };

    private async Task<IResult> TransferAsync(HttpRequest request)
    {
        var (body, problem) = await JsonBody.ReadAsync(request, mayBeEmpty: true, "to");
        if (body is null) return Bad(problem!);
        var to = body.Text("to") is { Length: > 0 } name ? new NodeId(name) : (NodeId?)null;
        if (body.Problem is { } wrong) return Bad(wrong);
        return await AtLeaderAsync(request, new ApiRequest.TransferLeadership(to), reply => reply is ApiReply.Done
            ? Results.Json(new { status = "ok", message = to is null ? "leadership is handed to the voter that is best caught up" : $"leadership is handed to {to}", to = to?.Name ?? "" })
            : null);
    }

    /// <summary>Draws a join token. Its secret is shown this once; the group keeps only its hash.</summary>
    private async Task<IResult> TokenAsync(HttpRequest request)
    {
        if (IsStranger(request)) return NotFromElsewhere();
        var (body, problem) = await JsonBody.ReadAsync(request, mayBeEmpty: true, "valid_for");
        if (body is null) return Bad(problem!);
        var text = body.Text("valid_for") ?? "1h";
        if (body.Problem is { } wrong) return Bad(wrong);
        if (!Configuration.GoDuration.TryParse(text, out var validFor) || validFor <= TimeSpan.Zero || validFor > TokenValidForMax)
        {
            return Bad($"valid_for must be a time like \"30m\" or \"24h\", at most {TokenValidForMax.TotalHours:0}h, not '{text}'");
        }

        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6));
        var secret = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(TokenSecretBytes));
        var hash = SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(secret));
        return await AtLeaderAsync(request, new ApiRequest.CreateJoinToken(id, hash, validFor), reply => reply is ApiReply.Done ? Results.Json(new
        {
            status = "ok",
            message = "shown once: give it to one node as RaftJoinToken (or KONSUL_RAFT_JOIN_TOKEN)",
            token = $"{id}.{secret}",
            token_id = id,
            valid_for_seconds = (long)validFor.TotalSeconds,
        }) : null);
    }

    /// <summary>Nobody was asked who he is, and the request comes from another machine, or by way of a proxy that says so. Who is let into the group gets
    /// every entry of its log and a vote: that is not for whoever reaches the port.</summary>
    private bool IsStranger(HttpRequest request)
    {
        if (settings.AdmitsAnybody) return false;
        if (request.Headers.ContainsKey("X-Forwarded-For") || request.Headers.ContainsKey("Forwarded")) return true;
        var connection = request.HttpContext.Connection;
        if (connection.RemoteIpAddress is not { } from) return false;
        return !IPAddress.IsLoopback(from.IsIPv4MappedToIPv6 ? from.MapToIPv4() : from) && !from.Equals(connection.LocalIpAddress);
    }

    private static IResult NotFromElsewhere() => Results.Json(new
    {
        error = "forbidden",
        message = "with no AuthenticationMethod nobody is let into the group from another machine: ask on a node's own machine, send a join token with the join, set AuthenticationMethod, or (whoever reaches the port may then join) RaftJoinWithoutAuthentication",
        outcome = "not done",
    }, statusCode: 403);

    /// <summary>Asks the leader, wherever it is; or sends the client there.</summary>
    private async Task<IResult> AtLeaderAsync(HttpRequest request, ApiRequest ask, Func<ApiReply, IResult?> show)
    {
        if (WantsRedirect(request) && await RedirectAsync(request) is { } wanted) return wanted;
        var reply = await node.AskAsync(ask);
        if (reply is ApiReply.NoLeader && await RedirectAsync(request) is { } instead) return instead;
        return show(reply) ?? Refusal(reply);
    }

    private static bool WantsRedirect(HttpRequest request) => IsTrue(request.Query["redirect"])
        || request.Headers["Prefer"].Any(p => p is not null && p.Split(',', ';').Any(w => w.Trim().Equals("redirect", StringComparison.OrdinalIgnoreCase)));

    /// <summary>307 to the leader; null when this node leads, or does not know where the leader's HTTP listener is.</summary>
    private async ValueTask<IResult?> RedirectAsync(HttpRequest request)
    {
        if (await node.AskAsync(new ApiRequest.ClusterStatus()) is not ApiReply.Cluster(var view)) return null;
        if (view.Raft.Leader is not { } leader || leader == view.Raft.Self || string.IsNullOrEmpty(view.LeaderContact.ApiAddress)) return null;
        return new ToLeader($"{settings.Scheme}://{view.LeaderContact.ApiAddress}{request.PathBase}{request.Path.ToUriComponent()}{request.QueryString.ToUriComponent()}", new
        {
            error = "not leader",
            message = $"{leader} leads; ask there",
            leader_id = leader.Name,
            leader_addr = ClusterShapes.AddressOf(view.LeaderContact, leader),
            leader_api = view.LeaderContact.ApiAddress,
        });
    }

    internal static bool IsTrue(string? value) => value is "" or "1" || string.Equals(value, "true", StringComparison.OrdinalIgnoreCase);

    internal static bool IsTrue(Microsoft.Extensions.Primitives.StringValues value) => value.Count > 0 && IsTrue(value.ToString());

    private static IResult Bad(string message) => Results.Json(new { error = "bad request", message }, statusCode: 400);

    internal static IResult Refusal(ApiReply reply) => reply switch
    {
        ApiReply.NoLeader(var retry) => new Answer.WithRetry(
            Results.Json(new { error = "no leader", message = "no leader is known at the moment; nothing has been done, try again", outcome = "not done" }, statusCode: 503), retry),
        ApiReply.Overloaded(var why, var retry) => new Answer.WithRetry(Results.Json(new { error = "overloaded", message = why, outcome = "not done" }, statusCode: 429), retry),
        ApiReply.Unknown(var why) => Results.Json(
            new { error = "outcome unknown", message = $"{why}; it may still happen: look at /cluster/status before trying again", outcome = "unknown" }, statusCode: 504),
        ApiReply.Refused(var why) => Results.Json(new { error = "refused", message = why, outcome = "not done" }, statusCode: RefusedStatus(why)),
        ApiReply.NotFound => Results.Json(new { error = "not found", message = "no such member", outcome = "not done" }, statusCode: 404),
        _ => Results.Json(new { error = "unexpected answer", message = reply.GetType().Name }, statusCode: 500),
    };

    /// <summary>403 for a join token that does not hold; otherwise as for every refusal.</summary>
    private static int RefusedStatus(string why) => why.Contains("token", StringComparison.OrdinalIgnoreCase) ? 403 : Answer.StatusOf(why);

    private sealed class ToLeader(string location, object body) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.Headers.Location = location;
            return Results.Json(body, statusCode: 307).ExecuteAsync(httpContext);
        }
    }
}

/// <summary>What the host adds to the node's own answers about the group.</summary>
/// <param name="Scheme">http or https: how the nodes' HTTP listeners are reached.</param>
/// <param name="PeerTls">Links between nodes are encrypted and both ends proved.</param>
/// <param name="NodeName">For people; the node id where none is given.</param>
/// <param name="DataKey">The id of the key that seals what is written; empty: none.</param>
/// <param name="AdmitsAnybody">Joins and join tokens are taken from everywhere: clients prove who they are, or the settings say that they need not.</param>
internal sealed record ClusterSettings(string Scheme, bool PeerTls, string NodeName, Func<string> DataKey, bool AdmitsAnybody);

/// <summary>Marks an endpoint that changes something: it needs the write role whatever its method.</summary>
internal sealed class NeedsWrite
{
    public static readonly NeedsWrite Mark = new();
}

/// <summary>Marks an endpoint that only reads although its method is POST: a list of names is too long for a path.</summary>
internal sealed class ReadsOnly
{
    public static readonly ReadsOnly Mark = new();
}

/// <summary>A JSON object in a request's body, read by key; the first wrong value is remembered.</summary>
internal sealed class JsonBody
{
    private const int BytesMax = 64 * 1024;
    private readonly JsonElement _root;

    private JsonBody(JsonElement root) => _root = root;

    public string? Problem { get; private set; }

    public static async Task<(JsonBody? Body, string? Problem)> ReadAsync(HttpRequest request, bool mayBeEmpty, params string[] known)
    {
        var buffer = new byte[BytesMax + 1];
        var length = await request.Body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, request.HttpContext.RequestAborted);
        if (length > BytesMax) return (null, $"the body is longer than {BytesMax} bytes");
        if (length == 0) return mayBeEmpty ? (new(default), null) : (null, $"a JSON object is expected with {string.Join(", ", known)}");
        JsonElement root;
        try
        {
            using var document = JsonDocument.Parse(buffer.AsMemory(0, length));
            JsonTexts.Check(document.RootElement);
            root = document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            return (null, $"the body is not JSON: {e.Message}");
        }

        if (root.ValueKind != JsonValueKind.Object) return (null, $"the body must be a JSON object with {string.Join(", ", known)}");
        foreach (var property in root.EnumerateObject())
        {
            if (!known.Contains(property.Name, StringComparer.Ordinal)) return (null, $"{property.Name} is not known here; known are {string.Join(", ", known)}");
        }

        return (new(root), null);
    }

    public string? Text(string key)
    {
        if (_root.ValueKind != JsonValueKind.Object || !_root.TryGetProperty(key, out var value) || value.ValueKind == JsonValueKind.Null) return null;
        if (value.ValueKind == JsonValueKind.String) return value.GetString();
        Problem ??= $"{key} must be a text";
        return null;
    }

    public bool Bool(string key)
    {
        if (_root.ValueKind != JsonValueKind.Object || !_root.TryGetProperty(key, out var value)) return false;
        if (value.ValueKind is JsonValueKind.True or JsonValueKind.False) return value.GetBoolean();
        Problem ??= $"{key} must be true or false";
        return false;
    }
}
