using System.Diagnostics;
using System.Globalization;
using Verify.Node.State;
using Verify.Node.State.Throttle;
using Verify.Node.Throttle;

namespace Verify.Node.Api;

/// <summary>What clients ask about throttling, on the loop.</summary>
internal sealed class ThrottleRequests(ApiParts parts, LeaderClock clock, Action<Command, Question> enter)
{
    private const int NameCharsMax = 255;
    private static readonly TimeSpan TtlMax = TimeSpan.FromDays(3650);

    /// <summary>Why the request cannot be done; null when it can.</summary>
    public static string? Objection(ApiRequest request) => request switch
    {
        ApiRequest.ThrottleApp r => Name(r.App, "an application") ?? (r.Store.Length > 0 ? Name(r.Store, "a store") : null) ?? Ttl(r.Ttl)
            ?? (r.Ratio is { } ratio && !(ratio >= 0 && ratio <= 1) ? string.Create(CultureInfo.InvariantCulture, $"ratio must be from 0 to 1; got {ratio}") : null),
        ApiRequest.UnthrottleApp r => Name(r.App, "an application") ?? (r.Store.Length > 0 ? Name(r.Store, "a store") : null),
        ApiRequest.SkipHost r => Name(r.Host, "a host") ?? Ttl(r.Ttl),
        ApiRequest.RecoverHost r => Name(r.Host, "a host"),
        _ => null,
    };

    public static bool Takes(ApiRequest request) => ThrottleApiCodec.Knows(request);

    /// <summary>As leader.</summary>
    public void Lead(ApiRequest request, Question question)
    {
        switch (request)
        {
            case ApiRequest.ThrottleCheck(var app, var type, var store, var flags):
                question.Answer(new ApiReply.Checked(parts.Throttle.Board.Check(app, type, store, flags), parts.Throttle.Board.AgeOf(store)));
                break;
            case ApiRequest.ThrottleView when parts.Throttle.Board.Leads:
                question.Answer(Here());
                break;
            case ApiRequest.ThrottleView:
                question.Answer(new ApiReply.NoLeader(parts.RetryAfter));
                break;
            case var _ when parts.Throttle.Backend is { } backend:
                backend.Ask(CommandOf(request), question.Answer);
                break;
            case var _ when !parts.LeadsSettled:
                // A leader that has not applied what came before it cannot say what time it is for the group.
                question.Answer(new ApiReply.NoLeader(parts.RetryAfter));
                break;
            default:
                enter(new Command.Throttle(CommandOf(request), clock.Now), question);
                break;
        }
    }

    public ApiReply.Throttling Here()
    {
        var time = parts.State.Time;
        var backend = parts.Throttle.Backend?.Desk;
        var throttle = backend?.Throttled ?? parts.State.Throttle;
        var now = parts.Pulse.Now;
        DateTimeOffset WallAt(long ms) => backend is null ? time.WallAt(ms) : DateTimeOffset.FromUnixTimeMilliseconds(ms);
        return new(new(
            [.. throttle.Apps.Select(a => new ThrottledAppView(a.App, a.Store, a.Ratio, a.ExpiresAtMs is { } at ? WallAt(at) : null))],
            [.. throttle.Hosts.Select(h => new SkippedHostView(h.Host, WallAt(h.ExpiresAtMs)))],
            [.. parts.Throttle.Views.Select(v => Figures(v, now))]));
    }

    /// <summary>Who leads, as the backend said last.</summary>
    public ApiReply Leadership()
    {
        if (parts.Throttle.Backend is not { } backend) return new ApiReply.Refused("this node has no backend: Raft says who leads");
        var now = parts.Pulse.Now;
        return new ApiReply.ThrottleLeadership(backend.Desk.Leader(now), parts.Throttle.Board.Leads, backend.Problem ?? "");
    }

    private StoreFigures Figures(StoreView view, TimeSpan now)
    {
        var verdict = view.Verdict;
        var answer = verdict.Fixed ?? (now >= verdict.HoldsUntil ? verdict.Stale(parts.Throttle.Settings.SampleAgeMax)
            : verdict.Value <= verdict.Threshold ? verdict.Ok(verdict.Threshold) : verdict.Lag(verdict.Threshold));
        return new(
            view.Name, verdict.Value, verdict.Threshold, answer.Status, answer.Reason == CheckReason.Lag ? "" : answer.Message, now - view.HealthyAt,
            [.. verdict.Hosts.Select(h => new StoreHostFigure(h.Host, h.Value, h.Problem, h.Ignored))]);
    }

    private static ThrottleCommand CommandOf(ApiRequest request) => request switch
    {
        ApiRequest.ThrottleApp r => new ThrottleCommand.ThrottleApp(
            r.App, r.Store, (long?)r.Ttl?.TotalMilliseconds, r.Ratio is { } ratio ? (int)Math.Round(ratio * ThrottleCommandCodec.RatioWhole) : null),
        ApiRequest.UnthrottleApp r => new ThrottleCommand.UnthrottleApp(r.App, r.Store),
        ApiRequest.SkipHost r => new ThrottleCommand.SkipHost(r.Host, (long)r.Ttl.TotalMilliseconds),
        ApiRequest.RecoverHost r => new ThrottleCommand.RecoverHost(r.Host),
        _ => throw new UnreachableException(),
    };

    private static string? Name(string name, string what) =>
        name.Length is 0 or > NameCharsMax || name.Any(c => c is '/' || char.IsControl(c)) ? $"{what} has a name of 1 to {NameCharsMax} characters without '/'" : null;

    private static string? Ttl(TimeSpan? ttl) => ttl is { } time && (time <= TimeSpan.Zero || time > TtlMax) ? $"a ttl is longer than nothing and at most {TtlMax.TotalMinutes:0} minutes" : null;
}
