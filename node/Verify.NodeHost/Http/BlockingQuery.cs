using System.Globalization;
using Microsoft.AspNetCore.Http;
using Verify.Node.Api;
using Verify.NodeHost.Configuration;

namespace Verify.NodeHost.Http;

/// <summary>Reads that wait until something has changed (Consul HTTP API, "Blocking queries": ?index= and ?wait=). An answer always shows the
/// state as it is then; that an index is too old to know what changed since costs one answer without a change and hides none.</summary>
internal sealed class BlockingQuery(INodeApi node)
{
    private static readonly TimeSpan WaitOtherwise = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan WaitMax = TimeSpan.FromMinutes(10);

    /// <param name="Index">Answer when something has changed behind this; 0: at once.</param>
    public readonly record struct Asked(long Index, TimeSpan Wait);

    /// <summary>False: ?index or ?wait is there and cannot be read.</summary>
    public static bool TryRead(HttpRequest request, out Asked asked)
    {
        asked = default;
        var query = request.Query;
        var wait = WaitOtherwise;
        var index = 0L;
        if (query.TryGetValue("index", out var at) && !long.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out index)) return false;
        if (query.TryGetValue("wait", out var text) && !GoDuration.TryParse(text.ToString(), out wait)) return false;
        asked = new(index, wait > WaitMax ? WaitMax : wait);
        return true;
    }

    public static IResult Unreadable => KonsulKvApi.Bad("index must be the X-Consul-Index of an earlier answer, wait a duration such as 30s or 5m (at most 10m)");

    /// <param name="read">What to read: <see cref="ApiRequest.KvGet"/> or <see cref="ApiRequest.KvList"/>.</param>
    /// <returns>The answer, and the index to ask on with; null: the index that the answer itself has.</returns>
    public async Task<(ApiReply Reply, long? Index)> ReadAsync(ApiRequest read, Asked asked, CancellationToken aborted)
    {
        var (key, isPrefix) = read is ApiRequest.KvList(var prefix, _) ? (prefix, true) : (((ApiRequest.KvGet)read).Key, false);
        var began = TimeProvider.System.GetTimestamp();
        var reply = await node.AskAsync(read);
        if (asked.Index == 0 || IsNews(reply, asked.Index)) return (reply, null);
        // A key that has not changed since then was not deleted either; of what is not there only the changes behind the index tell.
        var after = reply is ApiReply.Value value ? Math.Max(asked.Index, value.AppliedIndex) : asked.Index;
        while (true)
        {
            aborted.ThrowIfCancellationRequested();
            var left = asked.Wait - TimeProvider.System.GetElapsedTime(began);
            if (left <= TimeSpan.Zero) return (reply, asked.Index);
            switch (await node.AskAsync(new ApiRequest.KvWatch(key, isPrefix, after, left)))
            {
                case ApiReply.Changes { Items.Count: 0 } quiet:
                    after = quiet.UpTo;
                    break;
                case ApiReply.Changes or ApiReply.Gone:
                    reply = await node.AskAsync(read);
                    if (reply is not ApiReply.Value unchanged || IsNews(reply, asked.Index)) return (reply, IndexOf(reply));
                    after = unchanged.AppliedIndex;
                    break;
                case var refusal:
                    return (refusal, null);
            }
        }
    }

    private static bool IsNews(ApiReply reply, long index) => reply switch
    {
        ApiReply.Value value => value.Pair.ModifyIndex > index,
        ApiReply.Values values => values.Pairs.Any(pair => pair.ModifyIndex > index),
        ApiReply.NotFound => false,
        _ => true,
    };

    private static long? IndexOf(ApiReply reply) => reply switch
    {
        ApiReply.Value value => value.Pair.ModifyIndex,
        ApiReply.Values values => values.AppliedIndex,
        ApiReply.NotFound missing => missing.AppliedIndex,
        _ => null,
    };
}
