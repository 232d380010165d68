using System.Globalization;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.State.Kv;

namespace Verify.NodeHost.Http;

/// <summary>GET /watch/:key and Konsul's /kv/watch/:key on any node: by long poll (?index=, ?wait=), as server-sent events (Accept: text/event-stream), or by
/// WebSocket. Each change carries the index of the log; whoever comes back with the last one that he saw (?index=, or Last-Event-ID) misses
/// nothing. What is too old is answered with 410, or the event "gone": list again, and watch on from there.</summary>
internal sealed class WatchApi(INodeApi node)
{
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);
    private readonly RenderedChanges _events = new(static (change, isLast) => Encoding.UTF8.GetBytes($"{EventSink.IdOf(isLast ? change.Index : null)}event: kv-change\ndata: {JsonSerializer.Serialize(ShapeOf(change, isLast))}\n\n"));
    private readonly RenderedChanges _messages = new(static (change, isLast) => JsonSerializer.SerializeToUtf8Bytes(ShapeOf(change, isLast)));

    public void Map(IEndpointRouteBuilder routes)
    {
        foreach (var path in (ReadOnlySpan<string>)["/watch/{**key}", "/kv/watch/{**key}"])
            routes.MapGet(path, (string? key, HttpContext context) => WatchAsync(key ?? "", context));
    }

    private async Task WatchAsync(string key, HttpContext context)
    {
        var request = context.Request;
        if (!BlockingQuery.TryRead(request, out var asked) || !TryResume(request, asked, out var after))
        {
            await BlockingQuery.Unreadable.ExecuteAsync(context);
            return;
        }

        var pattern = new WatchPattern(key, request.Query.ContainsKey("recurse") || request.Query.ContainsKey("prefix"));
        if (context.WebSockets.IsWebSocketRequest)
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            using var closed = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
            var listening = UntilClosedAsync(socket, closed);
            await StreamAsync(pattern, after, new SocketSink(socket, _messages), closed.Token);
            await closed.CancelAsync();
            await listening;
        }
        else if (request.Headers.Accept.ToString().Contains("text/event-stream", StringComparison.OrdinalIgnoreCase))
        {
            context.Response.ContentType = "text/event-stream";
            context.Response.Headers.CacheControl = "no-cache";
            context.Response.Headers["X-Accel-Buffering"] = "no";
            await context.Response.Body.FlushAsync(context.RequestAborted);
            await StreamAsync(pattern, after, new EventSink(context.Response, _events), context.RequestAborted);
        }
        else await (await PollAsync(pattern, after, request.Query.ContainsKey("wait") ? asked.Wait : Longest, context)).ExecuteAsync(context);
    }

    /// <summary>Whoever watches has nothing to say but that he goes.</summary>
    private static async Task UntilClosedAsync(WebSocket socket, CancellationTokenSource closed)
    {
        try
        {
            var ignored = new byte[256];
            while ((await socket.ReceiveAsync(ignored, closed.Token)).MessageType != WebSocketMessageType.Close)
            {
            }

            await closed.CancelAsync();
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException or IOException)
        {
            await closed.CancelAsync();
        }
    }

    /// <summary>A browser that lost its event stream says by itself which event it saw last (HTML Living Standard, "Server-sent events").</summary>
    private static bool TryResume(HttpRequest request, BlockingQuery.Asked asked, out long? after)
    {
        after = request.Query.ContainsKey("index") ? asked.Index : null;
        var last = request.Headers["Last-Event-ID"].ToString();
        if (last.Length == 0) return true;
        if (!long.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out var index)) return false;
        after = index;
        return true;
    }

    private async Task<IResult> PollAsync(WatchPattern pattern, long? from, TimeSpan wait, HttpContext context)
    {
        if (from is not { } after) return KonsulKvApi.Bad("say from where on: ?index= with the applied_index of a list, or the index of the last answer; or ask for text/event-stream, or by WebSocket");
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            context.RequestAborted.ThrowIfCancellationRequested();
            var left = wait - TimeProvider.System.GetElapsedTime(began);
            var reply = await node.AskAsync(new ApiRequest.KvWatch(pattern.Prefix, pattern.IsPrefix, after, left > TimeSpan.Zero ? left : TimeSpan.Zero));
            if (reply is ApiReply.Gone gone) return Results.Json(GoneShape(gone), statusCode: 410);
            if (reply is not ApiReply.Changes changes) return KonsulKvApi.Refusal(reply);
            after = changes.UpTo;
            var items = changes.Items.Where(change => pattern.Takes(change.Key)).Select(change => ShapeOf(change, isLast: true)).ToArray();
            if (items.Length == 0 && left > TimeSpan.Zero) continue;
            ReadOptions.Stamp(context.Response, after, TimeSpan.Zero);
            return Results.Json(new { index = after, changes = items });
        }
    }

    /// <summary>Without an index: first what is there, then every change.</summary>
    private async Task StreamAsync(WatchPattern pattern, long? from, ISink sink, CancellationToken aborted)
    {
        try
        {
            var quietSince = TimeProvider.System.GetTimestamp();
            var after = from ?? await BeginAsync(pattern, sink, aborted);
            while (!aborted.IsCancellationRequested && after is { } index)
            {
                var reply = await node.AskAsync(new ApiRequest.KvWatch(pattern.Prefix, pattern.IsPrefix, index, Longest));
                if (reply is not ApiReply.Changes changes)
                {
                    await sink.EndAsync(reply is ApiReply.Gone gone ? "gone" : "error", reply is ApiReply.Gone lost ? GoneShape(lost) : new { error = reply.GetType().Name, message = "ask again with the last index" }, aborted);
                    return;
                }

                var items = changes.Items.Where(change => pattern.Takes(change.Key)).ToArray();
                for (var at = 0; at < items.Length; at++)
                {
                    var isLast = at == items.Length - 1 || items[at + 1].Index != items[at].Index;
                    await sink.SendAsync(items[at], isLast, aborted);
                }

                after = changes.UpTo;
                if (items.Length == 0 && TimeProvider.System.GetElapsedTime(quietSince) < Quiet) continue;
                quietSince = TimeProvider.System.GetTimestamp();
                if (items.Length == 0) await sink.KeepAliveAsync(changes.UpTo, aborted);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException or IOException)
        {
            // Whoever watched has left.
        }
    }

    private async Task<long?> BeginAsync(WatchPattern pattern, ISink sink, CancellationToken aborted)
    {
        var reply = await node.AskAsync(new ApiRequest.KvList(pattern.Prefix, ReadConsistency.Stale));
        if (reply is not ApiReply.Values values)
        {
            await sink.EndAsync("error", new { error = reply.GetType().Name, message = "the state could not be read; ask again" }, aborted);
            return null;
        }

        foreach (var pair in values.Pairs.Where(pair => pattern.Takes(pair.Key)))
            await sink.SendAsync(new(pair.ModifyIndex, pair.Key, pair), isLast: false, aborted);
        await sink.KeepAliveAsync(values.AppliedIndex, aborted);
        return values.AppliedIndex;
    }

    private static object GoneShape(ApiReply.Gone gone) => new
    {
        error = "gone", message = $"changes up to index {gone.Oldest} are no longer kept one by one: list again, and watch on from the index of that answer",
        oldest_index = gone.Oldest, applied_index = gone.AppliedIndex,
    };

    private static Dictionary<string, object?> ShapeOf(KvChange change, bool isLast)
    {
        var shape = change.Pair is { } pair ? KvBody.Shape(pair) : new(StringComparer.Ordinal) { ["key"] = change.Key };
        (shape["type"], shape["index"], shape["complete"]) = (change.Pair is null ? "delete" : "set", change.Index, isLast);
        shape["timestamp"] = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        return shape;
    }

    /// <summary>Where a stream of changes goes.</summary>
    private interface ISink
    {
        /// <param name="isLast">Of its entry: its index is the one to come back with.</param>
        Task SendAsync(KvChange change, bool isLast, CancellationToken aborted);

        Task KeepAliveAsync(long index, CancellationToken aborted);

        Task EndAsync(string kind, object shape, CancellationToken aborted);
    }

    private sealed class EventSink(HttpResponse response, RenderedChanges rendered) : ISink
    {
        public Task SendAsync(KvChange change, bool isLast, CancellationToken aborted) => WriteAsync(rendered.Of(change, isLast), aborted);

        public Task KeepAliveAsync(long index, CancellationToken aborted) => WriteAsync(Encoding.UTF8.GetBytes($"{IdOf(index)}: keep-alive\n\n"), aborted);

        public Task EndAsync(string kind, object shape, CancellationToken aborted) => WriteAsync(Encoding.UTF8.GetBytes($"event: {kind}\ndata: {JsonSerializer.Serialize(shape)}\n\n"), aborted);

        private async Task WriteAsync(byte[] bytes, CancellationToken aborted)
        {
            await response.BodyWriter.WriteAsync(bytes, aborted);
        }

        public static string IdOf(long? id) => id is { } index ? string.Create(CultureInfo.InvariantCulture, $"id: {index}\n") : "";
    }

    private sealed class SocketSink(WebSocket socket, RenderedChanges rendered) : ISink
    {
        public Task SendAsync(KvChange change, bool isLast, CancellationToken aborted) => WriteAsync(rendered.Of(change, isLast), aborted);

        public Task KeepAliveAsync(long index, CancellationToken aborted) => WriteAsync(new { type = "index", index }, aborted);

        public async Task EndAsync(string kind, object shape, CancellationToken aborted)
        {
            await WriteAsync(new { type = kind, detail = shape }, aborted);
            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, kind, aborted);
        }

        private ValueTask WriteOnceAsync(ReadOnlyMemory<byte> bytes, CancellationToken aborted) => socket.SendAsync(bytes, WebSocketMessageType.Text, endOfMessage: true, aborted);

        private Task WriteAsync(object shape, CancellationToken aborted) => WriteAsync(JsonSerializer.SerializeToUtf8Bytes(shape), aborted);

        private async Task WriteAsync(byte[] bytes, CancellationToken aborted)
        {
            if (socket.State != WebSocketState.Open) throw new OperationCanceledException("the socket was closed");
            await WriteOnceAsync(bytes, aborted);
        }
    }
}
