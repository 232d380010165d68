using System.Text;
using Microsoft.AspNetCore.Http;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.State.Catalogue;
using Verify.NodeHost.Http.Catalogue;

namespace Verify.NodeHost.Http;

/// <summary>What becomes of what is there already.</summary>
internal enum ImportMode
{
    /// <summary>Stays as it is.</summary>
    Create,

    /// <summary>Gets the value of the export.</summary>
    Overwrite,

    /// <summary>As <see cref="Overwrite"/>, and what is not in the export is removed.</summary>
    Replace,
}

/// <summary>Writes an export into the group: keys in batches, each of which is written whole or not at all, then all services in one entry
/// of the log (so long as they are no more than one entry takes). A small import, of at most one batch of keys, is thus two entries. Importing the same again
/// is safe.</summary>
internal sealed class StateImport(INodeApi node, NodeConfig config)
{
    private const int ServicesAtOnceMax = 2_000;

    public async Task<IResult> WriteAsync(ExportFormat.Content content, ImportMode mode)
    {
        var (imported, skipped) = (0L, 0L);
        var pairs = content.Pairs;
        if (mode == ImportMode.Replace)
        {
            if (await node.AskAsync(new ApiRequest.KvList("", ReadConsistency.Consistent)) is not ApiReply.Values(var there, _)) return ClusterApi.Refusal(new ApiReply.NoLeader(TimeSpan.FromSeconds(1)));
            var kept = pairs.Select(static pair => pair.Key).ToHashSet(StringComparer.Ordinal);
            pairs = [.. there.Where(pair => !kept.Contains(pair.Key)).Select(static pair => new KvWrite(pair.Key, null, 0, null)), .. pairs];
        }

        foreach (var batch in Batches(pairs))
        {
            var writes = batch;
            while (true)
            {
                var reply = writes.Count == 0 ? new ApiReply.Done(0) : await node.AskAsync(new ApiRequest.ImportKv(
                    [.. writes.Select(w => w with { ExpectedIndex = mode == ImportMode.Create ? 0 : null })], Id: null));
                if (reply is ApiReply.Done)
                {
                    imported += writes.Count(static write => write.Value is not null);
                    break;
                }

                if (reply is not ApiReply.CasConflict || mode != ImportMode.Create) return Unfinished(reply, imported, skipped);
                // All or nothing: leave out what is there already, and once more. What comes into being meanwhile is found next time round.
                var (missing, found) = await SplitAsync(writes);
                if (found == 0) return Results.Json(new { error = "conflict", message = "keys come and go while they are imported; stop the writers", imported, skipped, outcome = "partly done" }, statusCode: 409);
                skipped += found;
                writes = missing;
            }
        }

        return await WriteServicesAsync(content, mode, imported, skipped);
    }

    private async Task<IResult> WriteServicesAsync(ExportFormat.Content content, ImportMode mode, long imported, long skipped)
    {
        var services = content.Services;
        if (mode == ImportMode.Create && services.Count > 0)
        {
            var reply = await node.AskAsync(new ApiRequest.QueryServices(new(), ReadConsistency.Consistent));
            if (reply is not ApiReply.Services found) return Unfinished(reply, imported, skipped);
            var known = found.Instances.Select(static i => i.Id).ToHashSet(StringComparer.Ordinal);
            services = [.. services.Where(service => !known.Contains(service.Id))];
        }

        if (mode == ImportMode.Replace && services.Count > ServicesAtOnceMax)
            return KonsulServiceApi.Bad($"{services.Count} services are more than one entry takes ({ServicesAtOnceMax}): restore with mode=overwrite; the keys have been restored");
        var isReplacing = mode == ImportMode.Replace;
        foreach (var chunk in services.Count == 0 && isReplacing ? [[]] : services.Chunk(ServicesAtOnceMax))
        {
            var reply = await node.AskAsync(new ApiRequest.ImportServices(chunk, isReplacing, Id: null));
            if (reply is not ApiReply.Done) return Unfinished(reply, imported, skipped);
        }

        return Results.Json(new { status = "ok", message = "imported", imported, skipped, pairs = content.Pairs.Count, services = services.Count, services_skipped = content.Services.Count - services.Count });
    }

    private static IResult Unfinished(ApiReply reply, long imported, long skipped) => reply is ApiReply.Overloaded(var why, var retry)
        ? new Answer.WithRetry(Results.Json(new { error = "overloaded", message = $"{why}; send the same import again", imported, skipped, outcome = "partly done" }, statusCode: 429), retry)
        : imported == 0 ? ClusterApi.Refusal(reply)
        : Results.Json(new { error = "not finished", message = $"{reply.GetType().Name}; send the same import again: that is safe", imported, skipped, outcome = "unknown" }, statusCode: 504);

    private async ValueTask<(List<KvWrite> Missing, long There)> SplitAsync(IReadOnlyList<KvWrite> writes)
    {
        var missing = new List<KvWrite>();
        foreach (var write in writes)
        {
            if (await node.AskAsync(new ApiRequest.KvGet(write.Key, ReadConsistency.Consistent)) is not ApiReply.Value) missing.Add(write);
        }

        return (missing, writes.Count - missing.Count);
    }

    private IEnumerable<IReadOnlyList<KvWrite>> Batches(IReadOnlyList<KvWrite> pairs)
    {
        var batch = new List<KvWrite>();
        var bytes = 0L;
        foreach (var pair in pairs)
        {
            var size = Encoding.UTF8.GetByteCount(pair.Key) + (pair.Value?.Length ?? 0) + 64;
            if (batch.Count > 0 && (batch.Count >= config.Limits.BatchWritesMax || bytes + size > config.Limits.BatchBytesMax / 2))
            {
                yield return batch;
                (batch, bytes) = ([], 0);
            }

            batch.Add(pair);
            bytes += size;
        }

        if (batch.Count > 0) yield return batch;
    }
}
