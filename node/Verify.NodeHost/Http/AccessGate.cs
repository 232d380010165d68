using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Security;

namespace Verify.NodeHost.Http;

/// <summary>Stands before every endpoint: who asks, and may he? Everything that is not GET or HEAD (but for what is
/// marked with <see cref="ReadsOnly"/>), and every endpoint marked with <see cref="NeedsWrite"/>, needs the write role.</summary>
internal sealed class AccessGate(AccessSettings settings, RefusedSources? refused)
{
    private readonly Credential _credential = new(settings);

    public void Use(WebApplication app) => app.Use(CheckAsync);

    private async Task CheckAsync(HttpContext context, RequestDelegate next)
    {
        var request = context.Request;
        var isLook = HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method);
        if (isLook && settings.ExemptPaths.Contains(request.Path.Value, StringComparer.Ordinal) && !Writes(context, isLook))
        {
            await next(context);
            return;
        }

        if (_credential.RoleOf(request) is not { } role)
        {
            Note(context, "it does not say who it is, or is not known");
            context.Response.Headers.WWWAuthenticate = _credential.Challenge;
            await Results.Json(new { error = "unauthorized", message = "say who you are", outcome = "not done" }, statusCode: 401).ExecuteAsync(context);
            return;
        }

        if (Writes(context, isLook) && (role != Role.Write || settings.IsReadOnly))
        {
            var why = settings.IsReadOnly ? "this node's HTTP listener is read-only" : "this needs the right to write";
            Note(context, why);
            await Forbidden(request, why).ExecuteAsync(context);
            return;
        }

        await next(context);
    }

    private static bool Writes(HttpContext context, bool isLook)
    {
        var marks = context.GetEndpoint()?.Metadata;
        return marks?.GetMetadata<NeedsWrite>() is not null || (!isLook && marks?.GetMetadata<ReadsOnly>() is null);
    }

    /// <summary>orchestrator says 500 with Code ERROR; elsewhere it is 403.</summary>
    private static IResult Forbidden(HttpRequest request, string why) => request.Path.StartsWithSegments("/api", StringComparison.Ordinal)
        ? Answer.Error("Unauthorized")
        : Results.Json(new { error = "forbidden", message = why, outcome = "not done" }, statusCode: 403);

    private void Note(HttpContext context, string why) =>
        refused?.Note("http", "unauthorized", $"{context.Connection.RemoteIpAddress}", $"{context.Request.Method} {context.Request.Path}: {why}");
}
