using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.NodeHost.Http.Catalogue;

namespace Verify.NodeHost.Http;

/// <summary>All keys and services of one moment as lines of JSON, and back: for the way from a single node to a group, and for copies that
/// people can read. An export that was cut off is refused before the first write.</summary>
internal sealed class ExportApi(INodeApi node, NodeConfig config, ServiceBody bodies)
{
    private const long BodyBytesMax = 2L << 30;
    private readonly ExportFormat _format = new(node, config, bodies);
    private readonly StateImport _import = new(node, config);

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/cluster/export", ExportAsync);
        routes.MapPost("/cluster/import", ImportAsync).WithMetadata(NeedsWrite.Mark);
    }

    private async Task ExportAsync(HttpContext context)
    {
        var consistency = ReadOptions.ConsistencyOf(context.Request, ReadConsistency.Consistent);
        var reply = await node.AskAsync(new ApiRequest.ExportState(null, consistency));
        if (reply is not ApiReply.Exported page)
        {
            await ClusterApi.Refusal(reply).ExecuteAsync(context);
            return;
        }

        context.Response.ContentType = "application/x-ndjson";
        context.Response.Headers.ContentDisposition = $"attachment; filename=\"{config.ClusterId}-{page.AppliedIndex}.ndjson\"";
        if (await _format.WriteAsync(page, context.Response.Body, context.RequestAborted) is not null) context.Abort();
    }

    private async Task<IResult> ImportAsync(HttpRequest request)
    {
        if (ModeOf(request.Query["mode"].ToString(), ImportMode.Create) is not { } mode) return KonsulServiceApi.Bad($"mode must be create, overwrite or replace, not '{request.Query["mode"]}'");
        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = BodyBytesMax;
        var (content, problem) = await _format.ReadAsync(request.Body, request.HttpContext.RequestAborted);
        return content is null ? KonsulServiceApi.Bad(problem!) : await _import.WriteAsync(content, mode);
    }

    public static ImportMode? ModeOf(string word, ImportMode otherwise) => word switch
    {
        "" => otherwise,
        "create" => ImportMode.Create,
        "overwrite" => ImportMode.Overwrite,
        "replace" => ImportMode.Replace,
        _ => null,
    };
}
