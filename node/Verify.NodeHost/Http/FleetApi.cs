using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.State.Fleet;
using Verify.Node.Topology;

namespace Verify.NodeHost.Http;

/// <summary>orchestrator's routes about clusters and servers: to find, forget, name, tag and show them. Reads are answered by the node that is
/// asked from what it sees; changes go to the leader.</summary>
internal sealed class FleetApi(INodeApi node)
{
    private static readonly TimeSpan DiscoverPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan DiscoverPause = TimeSpan.FromMilliseconds(100);

    public void Map(IEndpointRouteBuilder routes)
    {
        MapClusters(routes);
        MapInstances(routes);
        new TagApi(node).Map(routes);
    }

    private void MapClusters(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/api/clusters", () => ShowAsync(static v => v.Clusters.Select(FleetShapes.NameOf)));
        routes.MapGet("/api/clusters-info", () => ShowAsync(static v => v.Clusters.Select(c => FleetShapes.Cluster(c, v.State))));
        routes.MapGet("/api/cluster/{hint}", (string hint) => ClusterAsync(hint, Instances));
        routes.MapGet("/api/cluster/alias/{hint}", (string hint) => ClusterAsync(hint, Instances));
        routes.MapGet("/api/cluster/instance/{host}/{port:int}", (string host, int port) => ClusterAsync($"{host}:{port}", Instances));
        routes.MapGet("/api/cluster-info/{hint}", (string hint) => ClusterAsync(hint, static (v, c) => FleetShapes.Cluster(c, v.State)));
        routes.MapGet("/api/cluster-info/alias/{hint}", (string hint) => ClusterAsync(hint, static (v, c) => FleetShapes.Cluster(c, v.State)));
        routes.MapGet("/api/masters", () => ShowAsync(static v => v.Clusters.SelectMany(c => Masters(v, c))));
        routes.MapGet("/api/master/{hint}", (string hint) => ClusterAsync(hint, static (v, c) => Masters(v, c).FirstOrDefault()));
        foreach (var (path, form) in (ReadOnlySpan<(string, Func<FleetView, ClusterPicture, string>)>)
            [("topology", static (_, c) => Topology(c)), ("topology-tabulated", static (_, c) => Tabulated(c)), ("topology-tags", TopologyTags)])
        {
            routes.MapGet($"/api/{path}/{{hint}}", (string hint) => TreeAsync(hint, form));
            routes.MapGet($"/api/{path}/{{host}}/{{port:int}}", (string host, int port) => TreeAsync($"{host}:{port}", form));
        }

        routes.MapGet("/api/set-cluster-alias/{hint}", (string hint, string? alias) => ChangeClusterAsync(hint, name => new FleetCommand.SetAlias(name, alias ?? ""), $"alias of {hint} is {alias}")).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/api/forget-cluster/{hint}", (string hint) => ChangeClusterAsync(hint, static name => new FleetCommand.ForgetCluster(name), $"{hint} is forgotten")).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/api/manage-cluster/{hint}", (string hint) => ChangeClusterAsync(hint, static name => new FleetCommand.Manage(name, IsManaged: true), $"{hint} is managed from now on: its primary is guarded and recovered")).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/api/release-cluster/{hint}", (string hint) => ChangeClusterAsync(hint, static name => new FleetCommand.Manage(name, IsManaged: false), $"{hint} is only looked at from now on")).WithMetadata(NeedsWrite.Mark);
    }

    private void MapInstances(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/api/instance/{host}/{port:int}", (string host, int port) => InstanceAsync(new(host, port)));
        foreach (var word in (ReadOnlySpan<string>)["replicas", "slaves"])
        {
            routes.MapGet($"/api/instance-{word}/{{host}}/{{port:int}}", (string host, int port) => ShowAsync(v =>
                v.Clusters.SelectMany(c => c.Instances.Where(i => i.Source == new InstanceKey(host, port)).Select(i => FleetShapes.Instance(c, i, v.State)))));
        }

        routes.MapGet("/api/all-instances", () => ShowAsync(static v => All(v, static (_, _) => true)));
        routes.MapGet("/api/bulk-instances", () => ShowAsync(static v => v.Clusters.SelectMany(static c => c.Instances).Select(static i => AnalysisApi.Key(i.Key))));
        routes.MapGet("/api/search/{text}", (string text) => ShowAsync(v => All(v, (c, i) => Matches(v, c, i, text))));
        routes.MapGet("/api/search", (string? s) => ShowAsync(v => All(v, (c, i) => Matches(v, c, i, s ?? ""))));
        routes.MapGet("/api/problems", () => ShowAsync(static v => All(v, static (c, i) => FleetShapes.ProblemsOf(c, i).Count > 0)));
        routes.MapGet("/api/problems/{hint}", (string hint) => ClusterAsync(hint, static (v, c) =>
            c.Instances.Where(i => FleetShapes.ProblemsOf(c, i).Count > 0).Select(i => FleetShapes.Instance(c, i, v.State))));
        foreach (var path in (ReadOnlySpan<string>)["discover", "refresh"])
            routes.MapGet($"/api/{path}/{{host}}/{{port:int}}", (string host, int port) => DiscoverAsync(new(host, port), waits: true)).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/api/async-discover/{host}/{port:int}", (string host, int port) => DiscoverAsync(new(host, port), waits: false)).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/api/forget/{host}/{port:int}", (string host, int port) => ChangeAsync(
            new FleetCommand.Forget(new(host, port), 0, default), $"{host}:{port} is forgotten")).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/api/resolve/{host}/{port:int}", (string host, int port) => ShowAsync(v => AnalysisApi.Key(v.State.NameOf(new(host, port)))));
        routes.MapGet("/api/hostname-resolve-cache", () => ShowAsync(static v => v.State.Names.Select(static n => new { hostname = n.Key.ToString(), resolved = n.Value.ToString() })));
        routes.MapGet("/api/register-hostname-unresolve/{host}/{port:int}/{name}", (string host, int port, string name) => ChangeAsync(
            new FleetCommand.Unresolve(new(host, port), name), $"replicas are to be told {name} for {host}:{port}")).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/api/deregister-hostname-unresolve/{host}/{port:int}", (string host, int port) => ChangeAsync(
            new FleetCommand.Unresolve(new(host, port), ""), $"{host}:{port} has no virtual name")).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/api/register-hostname-resolve/{host}/{port:int}/{toHost}/{toPort:int}", (string host, int port, string toHost, int toPort) => ChangeAsync(
            new FleetCommand.Resolve(new(host, port), new(toHost, toPort)), $"{host}:{port} is known as {toHost}:{toPort}")).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/api/deregister-hostname-resolve/{host}/{port:int}", (string host, int port) => ChangeAsync(
            new FleetCommand.Resolve(new(host, port), null), $"{host}:{port} is a name of its own")).WithMetadata(NeedsWrite.Mark);
    }

    private async ValueTask<FleetView?> ViewAsync() => await node.AskAsync(new ApiRequest.Fleet()) is ApiReply.Fleet(var view) ? view : null;

    private async Task<IResult> ShowAsync(Func<FleetView, object?> shape) =>
        await ViewAsync() is { } view ? Results.Json(shape(view)) : Answer.Error("the node is stopping");

    private async Task<IResult> ClusterAsync(string hint, Func<FleetView, ClusterPicture, object?> shape)
    {
        if (await ViewAsync() is not { } view) return Answer.Error("the node is stopping");
        return Find(view, hint) is { } cluster ? Results.Json(shape(view, cluster)) : NoCluster(hint);
    }

    private Task<IResult> TreeAsync(string hint, Func<FleetView, ClusterPicture, string> form) => ShowTreeAsync(hint, form);

    private async Task<IResult> ShowTreeAsync(string hint, Func<FleetView, ClusterPicture, string> form)
    {
        if (await ViewAsync() is not { } view) return Answer.Error("the node is stopping");
        return Find(view, hint) is { } cluster ? Answer.Ok("Topology for cluster " + FleetShapes.NameOf(cluster), form(view, cluster)) : NoCluster(hint);
    }

    private async Task<IResult> InstanceAsync(InstanceKey key)
    {
        if (await ViewAsync() is not { } view) return Answer.Error("the node is stopping");
        key = view.State.NameOf(key);
        foreach (var cluster in view.Clusters)
            if (cluster.Instances.FirstOrDefault(i => i.Key == key) is { } instance) return Results.Json(FleetShapes.Instance(cluster, instance, view.State));
        return Answer.Error($"Cannot read instance: {key}: it is not known; /api/discover/{key.Host}/{key.Port} makes it known");
    }

    /// <summary>Names the server to the leader, and waits a little for it to be found.</summary>
    private async Task<IResult> DiscoverAsync(InstanceKey key, bool waits)
    {
        if (await node.AskAsync(new ApiRequest.FleetChange(new FleetCommand.Seed(key))) is not ApiReply.Done and var refusal) return Answer.Of(refusal);
        for (var left = waits ? DiscoverPatience : TimeSpan.Zero; left > TimeSpan.Zero; left -= DiscoverPause)
        {
            if (await ViewAsync() is { } view)
            {
                var known = view.State.NameOf(key);
                foreach (var cluster in view.Clusters)
                {
                    if (cluster.Instances.FirstOrDefault(i => i.Key == known) is { SeenMsAgo: >= 0 } instance)
                        return Answer.Ok($"Instance discovered: {known}", FleetShapes.Instance(cluster, instance, view.State));
                }
            }

            await Task.Delay(DiscoverPause);
        }

        return Answer.Ok(waits ? $"{key} is a seed from now on, but has not answered yet" : $"Asynchronous discovery initiated for Instance: {key}", null);
    }

    private async Task<IResult> ChangeClusterAsync(string hint, Func<string, FleetCommand> command, string done)
    {
        if (await ViewAsync() is not { } view) return Answer.Error("the node is stopping");
        return Find(view, hint) is { } cluster ? await ChangeAsync(command(cluster.Alias), done) : NoCluster(hint);
    }

    private Task<IResult> ChangeAsync(FleetCommand command, string done) => ChangeAsync(node, command, done);

    internal static async Task<IResult> ChangeAsync(INodeApi node, FleetCommand command, string done) => await node.AskAsync(new ApiRequest.FleetChange(command)) switch
    {
        ApiReply.Done => Answer.Ok(done, null),
        ApiReply.NotFound => Answer.Error("there is nothing of that name", status: 404),
        var other => Answer.Of(other),
    };

    private static IResult NoCluster(string hint) => Answer.Error($"No cluster found for '{hint}': give an alias, a primary or any of its servers as host:port");

    internal static ClusterPicture? Find(FleetView view, string hint) => view.Clusters.FirstOrDefault(c =>
        c.Alias == hint || view.State.AliasOf(c.Alias) == hint || FleetShapes.NameOf(c) == hint || c.Instances.Any(i => i.Key.ToString() == hint));

    private static object Instances(FleetView view, ClusterPicture cluster) => cluster.Instances.Select(i => FleetShapes.Instance(cluster, i, view.State));

    private static IEnumerable<object> All(FleetView view, Func<ClusterPicture, InstancePicture, bool> which) =>
        view.Clusters.SelectMany(c => c.Instances.Where(i => which(c, i)).Select(i => FleetShapes.Instance(c, i, view.State)));

    private static IEnumerable<object> Masters(FleetView view, ClusterPicture c) =>
        c.Instances.Where(i => i.Key == (c.Primary ?? FleetShapes.TopOf(c))).Select(i => FleetShapes.Instance(c, i, view.State));

    private static bool Matches(FleetView view, ClusterPicture c, InstancePicture i, string text) =>
        ((ReadOnlySpan<string>)[i.Key.ToString(), i.Version, i.ServerUuid, c.Alias, view.State.AliasOf(c.Alias), i.DataCenter]).ToArray()
            .Any(t => t.Contains(text, StringComparison.OrdinalIgnoreCase));

    /// <summary>host:port [lag,state,version,rw,format,flags], as orchestrator -c topology.</summary>
    private static string Topology(ClusterPicture c)
    {
        var lines = FleetShapes.Tree(c).Select(static l => ($"{l.Branch}{l.Instance.Key}", Facts: string.Join(',', FleetShapes.Columns(l.Instance)))).ToArray();
        var width = lines.Length == 0 ? 0 : lines.Max(static l => l.Item1.Length);
        return string.Join('\n', lines.Select(l => $"{l.Item1.PadRight(width)} [{l.Facts}]"));
    }

    private static string Tabulated(ClusterPicture c) =>
        string.Join('\n', FleetShapes.Tree(c).Select(static l => $"{l.Branch}{l.Instance.Key}|{string.Join('|', FleetShapes.Columns(l.Instance))}"));

    private static string TopologyTags(FleetView view, ClusterPicture c) => string.Join('\n', FleetShapes.Tree(c).Select(l =>
        $"{l.Branch}{l.Instance.Key} [{string.Join(',', view.State.TagsOf(l.Instance.Key).Select(static t => t.Value.Length > 0 ? $"{t.Key}={t.Value}" : t.Key))}]"));
}
