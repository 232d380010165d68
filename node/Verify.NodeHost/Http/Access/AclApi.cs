using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.State.Access;
using Verify.NodeHost.Http.Catalogue;

namespace Verify.NodeHost.Http.Access;

/// <summary>Policies and tokens: Konsul's /acl/policies and /acl/test with its policy documents, tokens beside them, and Consul's bootstrap.
/// A secret is shown once, when it is made; the group keeps its hash.</summary>
internal sealed class AclApi(INodeApi node, AclSettings settings)
{
    private const int SecretBytes = 24;

    public void Map(IEndpointRouteBuilder routes)
    {
        foreach (var method in new[] { "PUT", "POST" })
        {
            routes.MapMethods("/acl/bootstrap", [method], () => BootstrapAsync(static (id, secret) => new { message = "keep the secret: it is not shown again", accessor_id = id, secret })).WithMetadata(NeedsWrite.Mark);
            routes.MapMethods("/acl/policies", [method], (HttpRequest request) => PutPolicyAsync(null, request)).WithMetadata(NeedsWrite.Mark);
            routes.MapMethods("/acl/policies/{name}", [method], (string name, HttpRequest request) => PutPolicyAsync(name, request)).WithMetadata(NeedsWrite.Mark);
            routes.MapMethods("/acl/tokens", [method], (HttpRequest request) => PutTokenAsync(null, request)).WithMetadata(NeedsWrite.Mark);
            routes.MapMethods("/acl/tokens/{accessor}", [method], (string accessor, HttpRequest request) => PutTokenAsync(accessor, request)).WithMetadata(NeedsWrite.Mark);
        }

        routes.MapPut("/v1/acl/bootstrap", () => BootstrapAsync(static (id, secret) => new { ID = secret, AccessorID = id, SecretID = secret, Description = "Bootstrap Token (Global Management)", Policies = new[] { new { Name = "global-management" } }, Local = false })).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/acl/policies", () => ListAsync(static (policies, _) => Results.Json(new { policies = policies.Select(static p => p.Name), count = policies.Count })));
        routes.MapGet("/acl/policies/{name}", (string name) => ListAsync((policies, _) => policies.FirstOrDefault(p => p.Name == name) is { } policy ? Results.Json(PolicyDocument.Shape(policy)) : KonsulServiceApi.NotFound($"no policy {name}")));
        routes.MapDelete("/acl/policies/{name}", (string name) => DeleteAsync(new AccessCommand.DeletePolicy(name), $"no policy {name}")).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/acl/tokens", () => ListAsync(static (_, tokens) => Results.Json(new { tokens = tokens.Select(ShapeOf), count = tokens.Count })));
        routes.MapDelete("/acl/tokens/{accessor}", (string accessor) => DeleteAsync(new AccessCommand.DeleteToken(accessor), $"no token {accessor}")).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/acl/token/self", (HttpContext context) => Results.Json(new { accessor_id = AclGate.Of(context).Who, management = AclGate.Of(context).IsManagement, enabled = settings.IsEnabled }));
        routes.MapPost("/acl/test", TestAsync).WithMetadata(NeedsWrite.Mark);
    }

    private async Task<IResult> BootstrapAsync(Func<string, string, object> shape)
    {
        var (id, secret) = ("bootstrap-" + Drawn(6), Drawn(SecretBytes));
        return await node.AskAsync(new ApiRequest.ChangeAccess(new AccessCommand.PutToken(new(id, HashOf(secret), "Bootstrap Token (Global Management)", [], IsManagement: true), IsFirst: true))) switch
        {
            ApiReply.Done => Results.Json(shape(id, secret)),
            ApiReply.CasConflict => Results.Json(new { error = "permission denied", message = "ACL bootstrap no longer allowed: there is a management token", outcome = "not done" }, statusCode: 403),
            var other => KonsulKvApi.Refusal(other),
        };
    }

    private async Task<IResult> PutPolicyAsync(string? name, HttpRequest request)
    {
        var (body, problem) = await JsonFields.ReadObjectAsync(request);
        if (body is null) return KonsulServiceApi.Bad(problem!);
        var (policy, wrong) = PolicyDocument.Read(body, name);
        if (policy is null) return KonsulServiceApi.Bad(wrong!);
        return await node.AskAsync(new ApiRequest.ChangeAccess(new AccessCommand.PutPolicy(policy))) switch
        {
            ApiReply.Done(var index) => Results.Json(new { message = "policy stored", name = policy.Name, modify_index = index }),
            var other => KonsulKvApi.Refusal(other),
        };
    }

    /// <summary>Without an accessor a token is made, and its secret shown; with one its policies are changed, and the secret stays. The token
    /// "anonymous" has no secret: it is for everybody who shows none.</summary>
    private async Task<IResult> PutTokenAsync(string? accessor, HttpRequest request)
    {
        var (body, problem) = await JsonFields.ReadObjectAsync(request);
        if (body is null) return KonsulServiceApi.Bad(problem!);
        var (description, policies, isManagement) = (body.Text("description"), body.Texts("policies"), body.Flag("management"));
        var id = accessor ?? body.Text("accessorid", "token-" + Drawn(9));
        if (body.End() is { } wrong) return KonsulServiceApi.Bad(wrong);
        if (await node.AskAsync(new ApiRequest.ListAccess()) is not ApiReply.AccessRules(var known, var tokens)) return KonsulServiceApi.Bad("the rules cannot be read; try again");
        if (policies.FirstOrDefault(p => known.All(policy => policy.Name != p)) is { } missing) return KonsulServiceApi.Bad($"there is no policy {missing}: make it first with PUT /acl/policies/{missing}");
        if (id == AccessToken.Anonymous && isManagement) return KonsulServiceApi.Bad("the anonymous token cannot have every right");
        var isNew = id != AccessToken.Anonymous && tokens.All(token => token.AccessorId != id);
        var secret = isNew ? Drawn(SecretBytes) : "";
        var token = new AccessToken(id, isNew ? HashOf(secret) : default, description, policies, isManagement);
        return await node.AskAsync(new ApiRequest.ChangeAccess(new AccessCommand.PutToken(token, IsFirst: false))) switch
        {
            ApiReply.Done(var index) when isNew => Results.Json(new { message = "keep the secret: it is not shown again", accessor_id = id, secret, policies, modify_index = index }),
            ApiReply.Done(var index) => Results.Json(new { message = "token changed", accessor_id = id, policies, modify_index = index }),
            var other => KonsulKvApi.Refusal(other),
        };
    }

    private async Task<IResult> ListAsync(Func<IReadOnlyList<AccessPolicy>, IReadOnlyList<AccessToken>, IResult> show) => await node.AskAsync(new ApiRequest.ListAccess()) switch
    {
        ApiReply.AccessRules(var policies, var tokens) => show(policies, tokens),
        var other => KonsulKvApi.Refusal(other),
    };

    private async Task<IResult> DeleteAsync(AccessCommand command, string missing) => await node.AskAsync(new ApiRequest.ChangeAccess(command)) switch
    {
        ApiReply.Done(var index) => Results.Json(new { message = "deleted", modify_index = index }),
        var other => KonsulServiceApi.Refusal(other, missing),
    };

    /// <summary>Would these policies allow it? Changes nothing.</summary>
    private async Task<IResult> TestAsync(HttpRequest request)
    {
        var (body, problem) = await JsonFields.ReadObjectAsync(request);
        if (body is null) return KonsulServiceApi.Bad(problem!);
        var (names, resource, path, capability) = (body.Texts("policies"), body.Text("resource"), body.Text("path"), body.Text("capability"));
        if (body.End() is { } wrong) return KonsulServiceApi.Bad(wrong);
        if (PolicyDocument.AreaOf(resource) is not { } area) return KonsulServiceApi.Bad($"resource must be kv, service, session, backup or admin, not '{resource}'");
        if (PolicyDocument.LevelOf(capability) is not { } level) return KonsulServiceApi.Bad($"'{capability}' is no capability");
        return await ListAsync((policies, _) =>
        {
            var judgement = new AccessJudgement([.. policies.Where(p => names.Contains(p.Name, StringComparer.Ordinal)).SelectMany(static p => p.Rules)], IsManagement: false, settings.AllowsByDefault, "");
            return Results.Json(new { allowed = judgement.May(area, path, level), resource, path, capability });
        });
    }

    private static object ShapeOf(AccessToken token) => new { accessor_id = token.AccessorId, description = token.Description, policies = token.Policies, management = token.IsManagement, create_index = token.CreateIndex, modify_index = token.ModifyIndex };

    private static string Drawn(int bytes) => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(bytes));

    private static byte[] HashOf(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));
}

/// <summary>A policy as Konsul's documents write it: lists of paths with capabilities for kv, service, session, backup and admin. A path that
/// ends with * is about everything that begins so.</summary>
internal static class PolicyDocument
{
    private static readonly (string Key, AccessArea Area)[] Areas =
        [("kv", AccessArea.Key), ("service", AccessArea.Service), ("session", AccessArea.Session), ("backup", AccessArea.Operator), ("admin", AccessArea.Operator)];

    public static AccessArea? AreaOf(string word) => Areas.Where(a => a.Key == word).Select(static a => (AccessArea?)a.Area).FirstOrDefault();

    public static AccessLevel? LevelOf(string word) => word switch
    {
        "deny" => AccessLevel.Deny,
        "read" or "list" or "export" => AccessLevel.Read,
        "write" or "delete" or "register" or "deregister" or "create" or "restore" or "import" or "admin" => AccessLevel.Write,
        _ => null,
    };

    public static (AccessPolicy? Policy, string? Problem) Read(JsonFields body, string? name)
    {
        var (given, description) = (body.Text("name"), body.Text("description"));
        if (name is not null && given.Length > 0 && given != name) return (null, $"the path says {name} and the body {given}");
        var rules = ImmutableArray.CreateBuilder<AccessRule>();
        var parts = new List<JsonFields>();
        foreach (var (key, area) in Areas)
        {
            foreach (var rule in body.Objects(key))
            {
                parts.Add(rule);
                var path = rule.Text("path", rule.Text("name", area is AccessArea.Operator or AccessArea.Session ? "*" : ""));
                if (path.Length == 0) return (null, $"{key}: a rule without a path (\"app/*\", or \"*\" for all)");
                var levels = rule.Texts("capabilities").Select(word => (Word: word, Level: LevelOf(word))).ToArray();
                if (levels.Length == 0) return (null, $"{key} {path}: capabilities are missing (read, write, list, delete, deny, …)");
                if (levels.FirstOrDefault(static l => l.Level is null).Word is { } unknown) return (null, $"{key} {path}: '{unknown}' is no capability");
                var level = levels.Any(static l => l.Level == AccessLevel.Deny) ? AccessLevel.Deny : levels.Max(static l => l.Level!.Value);
                rules.Add(new(area, path.TrimEnd('*'), path.EndsWith('*'), level));
            }
        }

        body.Ignore("health");
        if (body.End(parts) is { } problem) return (null, problem);
        var called = name ?? given;
        return called.Length == 0 ? (null, "name is missing: the name of the policy") : (new(called, description, rules.ToImmutable()), null);
    }

    public static object Shape(AccessPolicy policy)
    {
        object[] Of(AccessArea area) => [.. policy.Rules.Where(rule => rule.Area == area).Select(static rule => new { path = rule.Name + (rule.IsPrefix ? "*" : ""), capabilities = new[] { rule.Level.ToString().ToLowerInvariant() } })];
        return new { name = policy.Name, description = policy.Description, kv = Of(AccessArea.Key), service = Of(AccessArea.Service), session = Of(AccessArea.Session), admin = Of(AccessArea.Operator), modify_index = policy.ModifyIndex };
    }
}
