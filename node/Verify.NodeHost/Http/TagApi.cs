using System.Collections.Immutable;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.State.Fleet;
using Verify.Node.Topology;

namespace Verify.NodeHost.Http;

/// <summary>Tags on servers, in orchestrator's words: name, name=value, ~name (has it not), a comma between several that must all fit.</summary>
internal sealed class TagApi(INodeApi node)
{
    /// <summary>One condition of a selection.</summary>
    private readonly record struct Wanted(string Name, string? Value, bool IsNegated)
    {
        public bool Fits(ImmutableSortedDictionary<string, string> tags) =>
            (tags.TryGetValue(Name, out var value) && (Value is null || value == Value)) != IsNegated;

        public static Wanted Of(string text)
        {
            var isNegated = text.StartsWith('~') || text.StartsWith('!');
            var parts = (isNegated ? text[1..] : text).Split('=', 2);
            return new(parts[0].Trim(), parts.Length > 1 ? parts[1] : null, isNegated);
        }
    }

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/api/tags/{host}/{port:int}", (string host, int port) => ShowAsync(s => s.TagsOf(new(host, port)).Select(TextOf)));
        routes.MapGet("/api/tag-value/{host}/{port:int}", (string host, int port, string? tag) => ValueAsync(new(host, port), tag ?? ""));
        routes.MapGet("/api/tag-value/{host}/{port:int}/{name}", (string host, int port, string name) => ValueAsync(new(host, port), name));
        routes.MapGet("/api/tag/{host}/{port:int}", (string host, int port, string? tag) => TagAsync(new(host, port), Wanted.Of(tag ?? ""))).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/api/tag/{host}/{port:int}/{name}/{value}", (string host, int port, string name, string value) => TagAsync(new(host, port), new(name, value, false))).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/api/untag/{host}/{port:int}", (string host, int port, string? tag) => UntagAsync(new(host, port), Wanted.Of(tag ?? ""))).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/api/untag/{host}/{port:int}/{name}", (string host, int port, string name) => UntagAsync(new(host, port), new(name, null, false))).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/api/untag-all", (string? tag) => UntagAllAsync(Wanted.Of(tag ?? ""))).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/api/untag-all/{name}/{value}", (string name, string value) => UntagAllAsync(new(name, value, false))).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/api/tagged", TaggedAsync);
    }

    private async ValueTask<FleetView?> ViewAsync() => await node.AskAsync(new ApiRequest.Fleet()) is ApiReply.Fleet(var view) ? view : null;

    private async Task<IResult> ShowAsync(Func<FleetState, object> shape) =>
        await ViewAsync() is { } view ? Results.Json(shape(view.State)) : Answer.Error("the node is stopping");

    private static string TextOf(KeyValuePair<string, string> tag) => tag.Value.Length > 0 ? $"{tag.Key}={tag.Value}" : tag.Key;

    private async Task<IResult> ValueAsync(InstanceKey key, string name)
    {
        if (await ViewAsync() is not { } view) return Answer.Error("the node is stopping");
        return view.State.TagsOf(key).TryGetValue(Wanted.Of(name).Name, out var value) ? Results.Json(value) : Answer.Error($"tag {name} not found for {key}");
    }

    private Task<IResult> TagAsync(InstanceKey key, Wanted tag) => FleetApi.ChangeAsync(node, new FleetCommand.Tag(key, tag.Name, tag.Value ?? ""), $"{tag.Name} tagged on {key}");

    private Task<IResult> UntagAsync(InstanceKey key, Wanted tag) => tag.Name.Length == 0
        ? Task.FromResult(Answer.Error("name the tag: ?tag=name", status: 400))
        : FleetApi.ChangeAsync(node, new FleetCommand.Untag(key, tag.Name), $"{tag.Name} untagged on {key}");

    private async Task<IResult> UntagAllAsync(Wanted tag)
    {
        if (tag.Name.Length == 0) return Answer.Error("name the tag: ?tag=name or ?tag=name=value", status: 400);
        if (await ViewAsync() is not { } view) return Answer.Error("the node is stopping");
        var untagged = new List<object>();
        foreach (var (key, tags) in view.State.Tags)
        {
            if (!tag.Fits(tags)) continue;
            if (await node.AskAsync(new ApiRequest.FleetChange(new FleetCommand.Untag(key, tag.Name))) is not (ApiReply.Done or ApiReply.NotFound) and var refusal) return Answer.Of(refusal);
            untagged.Add(AnalysisApi.Key(key));
        }

        return Answer.Ok($"{tag.Name} removed from {untagged.Count} instances", untagged);
    }

    private async Task<IResult> TaggedAsync(string? tag)
    {
        if (string.IsNullOrWhiteSpace(tag)) return Answer.Error("say which: ?tag=name, name=value or ~name, several with a comma between", status: 400);
        if (await ViewAsync() is not { } view) return Answer.Error("the node is stopping");
        var wanted = tag.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Wanted.Of).ToArray();
        return Results.Json(view.Clusters.SelectMany(static c => c.Instances).Where(i => wanted.All(w => w.Fits(view.State.TagsOf(i.Key)))).Select(static i => AnalysisApi.Key(i.Key)));
    }
}
