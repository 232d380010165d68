using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Verify.Chaos.Bench;
using Verify.Client;

namespace Verify.Chaos.Live.Groups;

/// <summary>Clients that write all the time while something is done to the group, and a judge that knows of each write whether it had to
/// happen exactly once. Half of them append: a key of its own for each write, which must not exist before, so that a write that was applied
/// twice meets itself. The other half count: each write expects the modify_index of the one before, so that a lost or doubled write breaks
/// the chain. The keys are private to each writer, so nobody else can explain a conflict.</summary>
internal sealed class AppendLoad(VerifyClient client, int writers)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(3);

    /// <summary>Each load has keys of its own: what an earlier one left must not look like a doubled write.</summary>
    private readonly string _appends = $"append-{Guid.NewGuid():n}/";
    private readonly string _counts = $"count-{Guid.NewGuid():n}/";
    private readonly ConcurrentQueue<string> _appended = new();
    private readonly ConcurrentQueue<string> _troubles = new();
    private readonly ConcurrentQueue<double> _latenciesMs = new();
    private readonly (long Value, long ModifyIndex)[] _counters = new (long, long)[writers];
    private int _failed;

    /// <summary>Writes until it is cancelled; the writes that are on their way then are brought to their end.</summary>
    public Task RunAsync(CancellationToken until) => Task.WhenAll(Enumerable.Range(0, writers).Select(i => i % 2 == 0 ? AppendAsync(i, until) : CountAsync(i, until)));

    /// <summary>Reads everything back.</summary>
    public async Task<LoadOutcome> JudgeAsync(CancellationToken cancel)
    {
        var there = new HashSet<string>((await client.Kv.ListAsync(_appends, cancel)).Keys, StringComparer.Ordinal);
        var lost = _appended.Where(k => !there.Contains(k)).Order(StringComparer.Ordinal).ToList();
        var known = new HashSet<string>(_appended, StringComparer.Ordinal);
        var strange = there.Where(k => !known.Contains(k)).Order(StringComparer.Ordinal).ToList();
        var troubles = new List<string>(_troubles);
        if (lost.Count > 0) troubles.Add($"{lost.Count} acknowledged write(s) are not there, first {lost[0]}");
        if (strange.Count > 0) troubles.Add($"{strange.Count} key(s) are there that nobody was told of, first {strange[0]}");
        for (var i = 1; i < writers; i += 2)
        {
            var read = (await client.Kv.GetAsync(Counter(i), Freshness.Consistent, cancel)).Pair;
            var (value, index) = _counters[i];
            if ((read?.Value ?? "0", read?.ModifyIndex ?? 0) != (value.ToString(CultureInfo.InvariantCulture), index))
                troubles.Add($"{Counter(i)} is {read?.Value ?? "absent"} (modify_index {read?.ModifyIndex}), acknowledged was {value} ({index})");
        }

        return new(_latenciesMs.Count, _failed, lost.Count, troubles, _latenciesMs.IsEmpty ? null : Spread.Of(_latenciesMs));
    }

    private async Task AppendAsync(int writer, CancellationToken until)
    {
        for (var n = 1; !until.IsCancellationRequested; n++)
        {
            var key = string.Create(CultureInfo.InvariantCulture, $"{_appends}{writer}/{n:000000}");
            switch (await WriteAsync(key, "x", expectedIndex: 0))
            {
                case KvWrite.Written:
                    _appended.Enqueue(key);
                    break;
                case KvWrite.Conflict(var at):
                    _troubles.Enqueue($"{key} was there already (modify_index {at}) when it was written for the first time: applied twice");
                    _appended.Enqueue(key);
                    break;
            }

            await PauseAsync(until);
        }
    }

    private async Task CountAsync(int writer, CancellationToken until)
    {
        while (!until.IsCancellationRequested)
        {
            var (value, index) = _counters[writer];
            switch (await WriteAsync(Counter(writer), (value + 1).ToString(CultureInfo.InvariantCulture), index))
            {
                case KvWrite.Written(var at):
                    _counters[writer] = (value + 1, at);
                    break;
                case KvWrite.Conflict(var at):
                    _troubles.Enqueue($"{Counter(writer)} has modify_index {at} where {index} was acknowledged: lost or applied twice");
                    return;
            }

            await PauseAsync(until);
        }
    }

    /// <summary>Null: it failed, which is noted.</summary>
    private async Task<KvWrite?> WriteAsync(string key, string value, long expectedIndex)
    {
        var start = Stopwatch.GetTimestamp();
        try
        {
            var result = await client.Kv.PutAsync(key, value, expectedIndex);
            _latenciesMs.Enqueue(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            return result;
        }
        catch (OutcomeUnknownException unknown) when (unknown.Write is { } write)
        {
            Failed(key, unknown);
            try
            {
                return await client.Kv.ResolveAsync(write);
            }
            catch (VerifyClientException still)
            {
                _troubles.Enqueue($"{key}: {still.Message}");
                return null;
            }
        }
        catch (VerifyClientException failed)
        {
            Failed(key, failed);
            return null;
        }
    }

    private void Failed(string key, VerifyClientException why)
    {
        if (Interlocked.Increment(ref _failed) <= 5) _troubles.Enqueue($"{key} failed: {why.Message}");
    }

    private static async Task PauseAsync(CancellationToken until)
    {
        try
        {
            await Task.Delay(Pause, until);
        }
        catch (OperationCanceledException)
        {
            return; // The loop sees it.
        }
    }

    private string Counter(int writer) => $"{_counts}{writer}";
}

/// <summary>What came of a load.</summary>
/// <param name="Writes">Acknowledged.</param>
/// <param name="Failed">Ended without a result, with all that the client tried again.</param>
/// <param name="Troubles">Lost, doubled, failed: with their keys; empty when all is well.</param>
internal sealed record LoadOutcome(int Writes, int Failed, int Lost, IReadOnlyList<string> Troubles, Spread? LatencyMs)
{
    public override string ToString() => LatencyMs is null ? $"{Writes} writes" : string.Create(CultureInfo.InvariantCulture,
        $"{Writes} writes, {Failed} failed, {Lost} lost; p50 {LatencyMs.Median:0.0} ms, p99 {LatencyMs.P99:0.0} ms, longest {LatencyMs.Max:0} ms");
}
