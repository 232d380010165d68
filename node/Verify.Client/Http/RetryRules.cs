using System.Text.Json;

namespace Verify.Client.Http;

/// <summary>What follows from one attempt.</summary>
internal abstract record Verdict
{
    private Verdict() { }

    /// <summary>This is the result.</summary>
    public sealed record Final(Attempt.Answered Answer) : Verdict;

    /// <summary>The node named another address; nothing was done yet.</summary>
    public sealed record Follow(Uri To) : Verdict;

    /// <summary>Again, at the same node (it asked for patience) or at the next one. <paramref name="Wait"/>: what the node asked for.</summary>
    public sealed record Again(bool AtNext, TimeSpan? Wait, string Why) : Verdict;

    /// <summary>No use in going on.</summary>
    public sealed record Stop(VerifyClientException Because) : Verdict;
}

/// <summary>Decides about one request, attempt by attempt: what is a result, what may be sent again, and what is no longer certain. The
/// dangerous mistake is to report a refusal of the second attempt although the first one may have taken effect: once an attempt is
/// uncertain, only a result ends the request, or the word "unknown".</summary>
internal sealed class RetryRules(NodeRequest request)
{
    private const int RedirectsMax = 5;
    private int _redirects;
    private string _last = "it was not asked yet";
    private bool _anyAnswered;
    private (int Status, string Why)? _refusal;

    /// <summary>Whether some attempt may have taken effect without our knowing.</summary>
    public bool IsUncertain { get; private set; }

    public Verdict Judge(Attempt attempt, Uri at)
    {
        switch (attempt)
        {
            case Attempt.NotSent(var why):
                _last = $"{at.Authority}: {why}";
                return new Verdict.Again(AtNext: true, null, _last);
            case Attempt.Broken(var why):
                return Uncertain($"{at.Authority}: {why}", wait: null);
            case Attempt.Answered answer:
                _anyAnswered = true;
                return OfAnswer(answer, at);
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>The time is over.</summary>
    public VerifyClientException GiveUp(TimeSpan after)
    {
        var text = $"after {after.TotalSeconds:0.0} s; last: {_last}";
        if (IsUncertain) return Unknown($"the outcome is not known {text}");
        if (_refusal is var (status, why)) return new RefusedException(status, why);
        return _anyAnswered ? new NoLeaderException($"no node took the request {text}") : new NoNodeReachableException($"no node could be reached {text}");
    }

    private Verdict OfAnswer(Attempt.Answered answer, Uri at)
    {
        var why = $"{at.Authority}: {Reason(answer)}";
        switch (answer.Status)
        {
            case >= 200 and < 300:
            case not (301 or 302 or 307 or 308 or 401 or 403 or 503) when request.TakesEveryStatus && answer.RetryAfter is null:
            case 404 when request.TakesNotFound:
            case 409 when request.TakesConflict:
                return new Verdict.Final(answer);
            case 301 or 302 or 307 or 308 when answer.Location is { } to && ++_redirects <= RedirectsMax:
                return new Verdict.Follow(to);
            case 301 or 302 or 307 or 308 or 503:
                _last = why;
                return new Verdict.Again(AtNext: true, answer.RetryAfter, why);
            case 408 or 429:
                _last = why;
                if (answer.Status == 429) _refusal = (answer.Status, Reason(answer)); // Nothing was done, and this is why.
                return new Verdict.Again(AtNext: false, answer.RetryAfter, why);
            case 507:
                // Its disk is full; it gives leadership away, or space returns. Nothing was done.
                _last = why;
                _refusal = (answer.Status, Reason(answer));
                return new Verdict.Again(AtNext: true, answer.RetryAfter, why);
            case 500 when IsOrchestratorsRefusal(answer):
                return new Verdict.Stop(new RefusedException(answer.Status, Reason(answer)));
            case >= 500 and not 501:
                return Uncertain(why, answer.RetryAfter);
            default:
                if (IsUncertain) return new Verdict.Stop(Unknown($"an earlier attempt may have taken effect, and now {why}"));
                return new Verdict.Stop(new RefusedException(answer.Status, Reason(answer)));
        }
    }

    /// <summary>orchestrator refuses with 500 and { "Code": "ERROR" }: an answer, and no failure of the node.</summary>
    private static bool IsOrchestratorsRefusal(Attempt.Answered answer) =>
        answer.Text.StartsWith('{') && answer.Text.Contains("\"Code\":\"ERROR\"", StringComparison.Ordinal);

    private Verdict Uncertain(string why, TimeSpan? wait)
    {
        _last = why;
        if (request.Method == HttpMethod.Get && request.IsRepeatable) return new Verdict.Again(AtNext: true, wait, why);
        IsUncertain = true;
        return request.IsRepeatable ? new Verdict.Again(AtNext: true, wait, why) : new Verdict.Stop(Unknown($"the outcome is not known: {why}"));
    }

    private OutcomeUnknownException Unknown(string message) => new(message, request.Id is null ? null : new UnknownWrite(request));

    /// <summary>Konsul's { error, message } or orchestrator's { Code, Message }; otherwise the status and the start of the text.</summary>
    private static string Reason(Attempt.Answered answer)
    {
        const int shown = 200;
        try
        {
            using var body = JsonDocument.Parse(answer.Text);
            if (body.RootElement.ValueKind == JsonValueKind.Object)
            {
                foreach (var name in new[] { "message", "Message", "error" })
                {
                    if (body.RootElement.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String && text.GetString() is { Length: > 0 } said)
                        return said;
                }
            }
        }
        catch (JsonException)
        {
            // Not ours: the text itself is shown.
        }

        return $"status {answer.Status}{(answer.Text.Length > 0 ? $" {answer.Text[..Math.Min(shown, answer.Text.Length)]}" : "")}";
    }
}
