using System.Text.Json;

namespace Verify.Client.Http;

/// <summary>Asks the group: finds the leader, follows, waits and sends again as <see cref="RetryRules"/> allow, until there is a result
/// or the time is over.</summary>
internal sealed class NodeGroup(ClientOptions options) : IDisposable
{
    /// <summary>How long one node may take for one answer.</summary>
    public TimeSpan AttemptTimeout => options.AttemptTimeout;

    /// <summary>A write is not sent again under its id later than this. The nodes remember a session for two minutes after its last write; what is sent
    /// after half of that has the other half to arrive and be applied. Later, a repetition could be applied a second time.</summary>
    internal static readonly TimeSpan SameIdMax = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan SearchPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan SearchTimeout = TimeSpan.FromSeconds(1);

    /// <summary>With less time than this left, nothing is sent again: it would only make a certain outcome uncertain.</summary>
    private static readonly TimeSpan LastAttemptMin = TimeSpan.FromMilliseconds(50);
    private readonly EndpointRing _ring = new(options.Endpoints);
    private readonly NodeExchange _exchange = new(options);
    private long _searchedAt = long.MinValue;

    public Uri? Leader => _ring.Leader;

    /// <exception cref="VerifyClientException">There is no result; says why and what to do.</exception>
    public async Task<Attempt.Answered> AskAsync(NodeRequest request, CancellationToken cancel)
    {
        var start = options.Time.GetTimestamp();
        if (request.Id is not null && request.SentAt is null) request = request with { SentAt = start };
        var rules = new RetryRules(request);
        Uri? named = null;
        for (var failures = 0; ;)
        {
            var left = options.Deadline - options.Time.GetElapsedTime(start);
            if (LeftOf(request) is var leftOfId && leftOfId < left) left = leftOfId;
            if (left <= (failures == 0 ? TimeSpan.Zero : LastAttemptMin)) throw rules.GiveUp(options.Time.GetElapsedTime(start));
            if (named is null && request.Destination == Destination.Leader && _ring.Leader is null) await SearchAsync(left < SearchTimeout ? left : SearchTimeout, cancel);
            var at = named ?? _ring.Next(request.Destination);
            named = null;
            Attempt attempt;
            try
            {
                attempt = await _exchange.SendAsync(request, at, left < options.AttemptTimeout ? left : options.AttemptTimeout, cancel);
            }
            catch (OperationCanceledException) when (request.Id is not null)
            {
                throw new OutcomeUnknownException("the caller's time ran out while the write was on its way", new UnknownWrite(request));
            }

            switch (rules.Judge(attempt, at))
            {
                case Verdict.Final(var answer):
                    return answer;
                case Verdict.Follow(var to):
                    if (_ring.Believe(to, at)) named = _ring.Leader;
                    else _ring.Avoid(at);
                    continue;
                case Verdict.Again(var atNext, var wait, _):
                    if (atNext) _ring.Avoid(at);
                    failures++;
                    await PauseAsync(failures, wait, left, rules, request, cancel);
                    continue;
                case Verdict.Stop(var because):
                    throw because;
            }
        }
    }

    /// <summary>For how long the request may still be sent.</summary>
    public TimeSpan LeftOf(NodeRequest request) => request.SentAt is { } sent ? SameIdMax - options.Time.GetElapsedTime(sent) : TimeSpan.MaxValue;

    /// <summary>Asks this very node, once; for what concerns a node and not the group.</summary>
    public Task<Attempt> AskAtAsync(Uri endpoint, NodeRequest request, CancellationToken cancel) =>
        _exchange.SendAsync(request, endpoint, options.AttemptTimeout, cancel);

    public void Dispose() => _exchange.Dispose();

    /// <summary>While some nodes have not been asked yet, the next one is asked soon; what a node asked for in patience counts from
    /// the second round on.</summary>
    private async Task PauseAsync(int failures, TimeSpan? asked, TimeSpan left, RetryRules rules, NodeRequest request, CancellationToken cancel)
    {
        var doubled = options.PauseMin * Math.Pow(2, Math.Min(10, (failures - 1) / _ring.Count));
        var own = doubled < options.PauseMax ? doubled : options.PauseMax;
        var pause = own * (0.5 + (Random.Shared.NextDouble() / 2));
        if (asked is { } wanted && wanted > pause && failures >= _ring.Count) pause = wanted;
        if (pause > left) pause = left;
        try
        {
            await Task.Delay(pause, options.Time, cancel);
        }
        catch (OperationCanceledException) when (rules.IsUncertain && request.Id is not null)
        {
            throw new OutcomeUnknownException("the caller's time ran out before the outcome of the write was known", new UnknownWrite(request));
        }
    }

    /// <summary>One look at who leads, at most once in a while: without it every node still knows the way.</summary>
    private async Task SearchAsync(TimeSpan timeout, CancellationToken cancel)
    {
        var now = options.Time.GetTimestamp();
        var last = Interlocked.Read(ref _searchedAt);
        if (last != long.MinValue && options.Time.GetElapsedTime(last, now) < SearchPause) return;
        if (Interlocked.CompareExchange(ref _searchedAt, now, last) != last) return;
        var at = _ring.Next(Destination.Leader);
        var attempt = await _exchange.SendAsync(new(HttpMethod.Get, "/cluster/leader", Destination.Any, IsRepeatable: true), at, timeout, cancel);
        if (attempt is Attempt.Answered { Status: 200 } answer)
        {
            if (LeaderIn(answer.Text, at) is { } leader) _ring.Believe(leader, at);
        }
        else if (attempt is not Attempt.Answered)
        {
            _ring.Avoid(at);
        }
    }

    private static Uri? LeaderIn(string text, Uri toldBy)
    {
        try
        {
            using var body = JsonDocument.Parse(text);
            if (body.RootElement.ValueKind != JsonValueKind.Object) return null;
            if (body.RootElement.TryGetProperty("is_self", out var self) && self.ValueKind == JsonValueKind.True) return toldBy;
            return body.RootElement.TryGetProperty("leader_api", out var at) && at.ValueKind == JsonValueKind.String && at.GetString() is { Length: > 0 } address
                && Uri.TryCreate(address.Contains("://", StringComparison.Ordinal) ? address : $"{toldBy.Scheme}://{address}/", UriKind.Absolute, out var uri) ? uri : null;
        }
        catch (JsonException)
        {
            return null; // An older node, or none of ours: the ring goes on without.
        }
    }
}
