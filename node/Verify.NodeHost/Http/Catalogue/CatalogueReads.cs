using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.NodeHost.Configuration;
using Verify.Raft;

namespace Verify.NodeHost.Http.Catalogue;

/// <summary>Reads of the catalogue as both interfaces need them: with the freshness that is asked for, and, with ?index and ?wait, not
/// before something has changed (Consul HTTP API, "Blocking Queries").</summary>
internal sealed class CatalogueReads(INodeApi node, NodeConfig config)
{
    private static readonly TimeSpan WaitOtherwise = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan WaitMax = TimeSpan.FromMinutes(10);

    /// <summary>The instances, and the headers that go with them; or why there is no answer.</summary>
    public async Task<(ApiReply.Services? Found, IResult? Refusal)> AskAsync(ServiceQuery query, HttpRequest request, ReadConsistency otherwise = ReadConsistency.Lease)
    {
        if (request.Query["dc"].ToString() is { Length: > 0 } dc) query = query with { DataCenter = dc };
        if (!TryReadWait(request, out var after, out var wait, out var problem)) return (null, KonsulServiceApi.Bad(problem));
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            var reply = await node.AskAsync(new ApiRequest.QueryServices(query, ReadOptions.ConsistencyOf(request, otherwise)));
            if (reply is not ApiReply.Services found) return (null, KonsulKvApi.Refusal(reply));
            var left = wait - Stopwatch.GetElapsedTime(began);
            if (after <= 0 || found.Index > after || left <= TimeSpan.Zero || request.HttpContext.RequestAborted.IsCancellationRequested)
            {
                ReadOptions.Stamp(request.HttpContext.Response, found.Index, found.Age);
                return (found, null);
            }

            reply = await node.AskAsync(new ApiRequest.AwaitServices(query.Name, after, left));
            if (reply is not (ApiReply.Done or ApiReply.Unknown)) return (null, KonsulKvApi.Refusal(reply));
        }
    }

    /// <summary>The members of the group, sorted by name.</summary>
    public async Task<IReadOnlyList<NodePicture>> NodesAsync()
    {
        if (await node.AskAsync(new ApiRequest.ClusterStatus()) is not ApiReply.Cluster(var view)) return [];
        var members = view.Raft.Membership;
        return [.. members.All.OrderBy(static member => member.Name, StringComparer.Ordinal).Select(member => Picture(member, members))];
    }

    public NodePicture NodeOf(string name, IReadOnlyList<NodePicture> nodes) =>
        nodes.FirstOrDefault(n => n.Node == name) ?? NodePicture.Of(name, Contact.Unknown, config.DataCenter);

    private NodePicture Picture(NodeId member, Membership members)
    {
        var contact = members.ContactOf(member);
        var configured = config.Members.FirstOrDefault(m => m.Id == member);
        if (contact.Address is not { Length: > 0 } && configured is not null) contact = new(configured.Endpoint.ToString(), configured.DataCenter, "", "");
        return NodePicture.Of(member.Name, contact, configured?.DataCenter ?? config.DataCenter);
    }

    private static bool TryReadWait(HttpRequest request, out long after, out TimeSpan wait, out string problem)
    {
        (after, wait, problem) = (0, WaitOtherwise, "");
        if (request.Query.TryGetValue("filter", out var filter) && filter.ToString().Length > 0)
        {
            problem = "?filter is not built here: use ?tag, ?passing, or the shapes of /services/query";
            return false;
        }

        if (request.Query["index"].ToString() is { Length: > 0 } index && !long.TryParse(index, NumberStyles.None, CultureInfo.InvariantCulture, out after))
        {
            problem = $"index must be the X-Consul-Index of an earlier answer, not '{index}'";
            return false;
        }

        if (request.Query["wait"].ToString() is not { Length: > 0 } text) return true;
        if (!GoDuration.TryParse(text, out wait))
        {
            problem = $"wait must be a time like \"30s\" or \"5m\", not '{text}'";
            return false;
        }

        if (wait > WaitMax) wait = WaitMax;
        return true;
    }
}
