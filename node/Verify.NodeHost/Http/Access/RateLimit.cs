using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Verify.NodeHost.Security;

namespace Verify.NodeHost.Http.Access;

/// <summary>A bucket of tokens for each client, filled at a steady rate on the monotonic clock: who has used it up is told 429 and when to come
/// again. A client is an address, or (where it shows a token) that token.</summary>
internal sealed class RateLimit(RateSettings settings, TimeProvider time, RefusedSources? refused)
{
    private const int ClientsMax = 50_000;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Bucket> _buckets = new(StringComparer.Ordinal);

    public void Use(WebApplication app)
    {
        if (settings.IsEnabled) app.Use(CheckAsync);
    }

    /// <summary>Null: go on. Otherwise the time until there is a token again.</summary>
    public (TimeSpan? Wait, int Left) Take(string client)
    {
        lock (_gate)
        {
            var now = time.GetTimestamp();
            if (!_buckets.TryGetValue(client, out var bucket)) bucket = new(settings.Burst, now);
            var tokens = Math.Min(settings.Burst, bucket.Tokens + (time.GetElapsedTime(bucket.At, now).TotalSeconds * settings.PerSecond));
            var may = tokens >= 1;
            if (_buckets.Count >= ClientsMax && !_buckets.ContainsKey(client)) Tidy(now);
            _buckets[client] = new(may ? tokens - 1 : tokens, now);
            return may ? (null, (int)(tokens - 1)) : (TimeSpan.FromSeconds((1 - tokens) / settings.PerSecond), 0);
        }
    }

    /// <summary>A bucket that is full again is like none.</summary>
    private void Tidy(long now)
    {
        foreach (var (client, bucket) in _buckets.ToArray())
            if (bucket.Tokens + (time.GetElapsedTime(bucket.At, now).TotalSeconds * settings.PerSecond) >= settings.Burst) _buckets.Remove(client);
        if (_buckets.Count >= ClientsMax) _buckets.Clear();
    }

    private async Task CheckAsync(HttpContext context, RequestDelegate next)
    {
        if (settings.ExemptPaths.Contains(context.Request.Path.Value, StringComparer.Ordinal))
        {
            await next(context);
            return;
        }

        var secret = settings.ByToken ? AclGate.SecretOf(context.Request) : "";
        var (wait, left) = Take(secret.Length > 0 ? "token " + Verify.Node.Codec.Fnv1A.Of(System.Text.Encoding.UTF8.GetBytes(secret)).ToString(CultureInfo.InvariantCulture) : $"{context.Connection.RemoteIpAddress}");
        context.Response.Headers["X-RateLimit-Limit"] = settings.Burst.ToString(CultureInfo.InvariantCulture);
        context.Response.Headers["X-RateLimit-Remaining"] = left.ToString(CultureInfo.InvariantCulture);
        if (wait is not { } time)
        {
            await next(context);
            return;
        }

        refused?.Note("http", "rate", $"{context.Connection.RemoteIpAddress}", $"more than {settings.PerSecond} requests a second");
        await new Answer.WithRetry(Results.Json(new { error = "rate limit exceeded", message = $"more than {settings.PerSecond} requests a second; come again later", outcome = "not done" }, statusCode: 429), time).ExecuteAsync(context);
    }

    private readonly record struct Bucket(double Tokens, long At);
}

/// <summary>How many requests one client may make.</summary>
/// <param name="Burst">So many at once.</param>
internal sealed record RateSettings(bool IsEnabled, int PerSecond, int Burst, bool ByToken, IReadOnlyList<string> ExemptPaths)
{
    /// <summary>Throttle checks are counted too, and none of them is answered before HTTP is parsed.</summary>
    public bool CoversChecks { get; init; }
}
