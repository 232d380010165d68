using System.Globalization;
using System.Text.Json;
using Verify.Client.Http;

namespace Verify.Client;

/// <summary>The throttler: may an application write to a store now, and who is throttled. What changes something may be sent again: doing it
/// twice is doing it once (a ttl counts from the last time).</summary>
public sealed class ThrottleClient
{
    private readonly NodeGroup _group;

    internal ThrottleClient(NodeGroup group) => _group = group;

    /// <summary>May this application write to the store now? Everything but 200 means: wait.</summary>
    /// <exception cref="VerifyClientException">Nobody answered, which means: wait.</exception>
    public async Task<ThrottleAnswer> CheckAsync(string app, string store, ThrottleQuestion question = default, CancellationToken cancel = default)
    {
        var word = (question.Threshold is not null, question.IfExists) switch
        {
            (false, false) => "check",
            (false, true) => "check-if-exists",
            (true, false) => "check-read",
            _ => "check-read-if-exists",
        };
        var threshold = question.Threshold is { } over ? string.Create(CultureInfo.InvariantCulture, $"/{over}") : "";
        var answer = await LookAsync($"/{word}/{Escape(app)}/mysql/{Escape(store)}{threshold}{(question.IsLowPriority ? "?p=low" : "")}", cancel);
        using var body = JsonDocument.Parse(answer.Text.Length > 0 ? answer.Text : "{}");
        var root = body.RootElement;
        return new(answer.Status, DoubleOf(root, "Value"), DoubleOf(root, "Threshold"), root.Text("Message"));
    }

    /// <summary>Checks of this application are refused.</summary>
    /// <param name="store">Only for this store; empty: for all.</param>
    /// <param name="ttl">Whole minutes; null: it stays throttled until <see cref="UnthrottleAsync"/>.</param>
    /// <param name="ratio">The part of the checks that is refused, 0 to 1; null: all.</param>
    /// <exception cref="VerifyClientException">Not done, or not known.</exception>
    public Task ThrottleAsync(string app, string store = "", TimeSpan? ttl = null, double? ratio = null, CancellationToken cancel = default) => ChangeAsync(
        $"/throttle-app/{Escape(app)}{Minutes(ttl)}{(ratio is { } part ? string.Create(CultureInfo.InvariantCulture, $"/ratio/{part}") : "")}{OfStore(store)}", cancel);

    /// <exception cref="VerifyClientException">Not done, or not known.</exception>
    public Task UnthrottleAsync(string app, string store = "", CancellationToken cancel = default) => ChangeAsync($"/unthrottle-app/{Escape(app)}{OfStore(store)}", cancel);

    /// <summary>A host's lag counts for nothing for so long.</summary>
    /// <exception cref="VerifyClientException">Not done, or not known.</exception>
    public Task SkipHostAsync(string host, TimeSpan? ttl = null, CancellationToken cancel = default) => ChangeAsync($"/skip-host/{Escape(host)}{Minutes(ttl)}", cancel);

    /// <exception cref="VerifyClientException">Not done, or not known.</exception>
    public Task RecoverHostAsync(string host, CancellationToken cancel = default) => ChangeAsync($"/recover-host/{Escape(host)}", cancel);

    /// <summary>As the node words it: { "app": { "ExpireAt", "Ratio" } }.</summary>
    /// <exception cref="VerifyClientException">No result.</exception>
    public Task<JsonElement> AppsAsync(CancellationToken cancel = default) => ListAsync("/throttled-apps", cancel);

    /// <summary>{ "host": until }.</summary>
    /// <exception cref="VerifyClientException">No result.</exception>
    public Task<JsonElement> HostsAsync(CancellationToken cancel = default) => ListAsync("/skipped-hosts", cancel);

    /// <summary>{ "mysql/store": "0.250000" }, or "error: …".</summary>
    /// <exception cref="VerifyClientException">No result.</exception>
    public Task<JsonElement> MetricsAsync(CancellationToken cancel = default) => ListAsync("/aggregated-metrics", cancel);

    private async Task ChangeAsync(string path, CancellationToken cancel)
    {
        var answer = await LookAsync(path, cancel);
        if (answer.Status == 200) return;
        using var body = JsonDocument.Parse(answer.Text.Length > 0 ? answer.Text : "{}");
        var message = body.RootElement.Text("Message");
        throw new RefusedException(answer.Status, message.Length > 0 ? message : $"status {answer.Status}");
    }

    private async Task<JsonElement> ListAsync(string path, CancellationToken cancel)
    {
        var answer = await LookAsync(path, cancel);
        if (answer.Status != 200) throw new RefusedException(answer.Status, $"status {answer.Status}");
        using var body = JsonDocument.Parse(answer.Text);
        return body.RootElement.Clone();
    }

    private Task<Attempt.Answered> LookAsync(string path, CancellationToken cancel) =>
        _group.AskAsync(new(HttpMethod.Get, path, Destination.Leader, IsRepeatable: true) { TakesEveryStatus = true }, cancel);

    private static string Escape(string text) => Uri.EscapeDataString(text);
    private static string OfStore(string store) => store.Length > 0 ? $"?store_name={Escape(store)}" : "";
    private static string Minutes(TimeSpan? ttl) => ttl is { } time ? string.Create(CultureInfo.InvariantCulture, $"/ttl/{(long)Math.Ceiling(time.TotalMinutes)}") : "";
    private static double DoubleOf(JsonElement root, string name) => root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : 0;
}

/// <summary>How a check is meant.</summary>
/// <param name="Threshold">In the place of the store's own; null: that one.</param>
/// <param name="IsLowPriority">Refused while normal checks are.</param>
/// <param name="IfExists">A store that is not there is no reason to wait.</param>
public readonly record struct ThrottleQuestion(double? Threshold, bool IsLowPriority, bool IfExists);

/// <summary>The answer to a check.</summary>
/// <param name="Status">200: go on; 404: no such store; 417: the application is throttled; 429: too far behind, or a reason; 500: not known.</param>
public sealed record ThrottleAnswer(int Status, double Value, double Threshold, string Message)
{
    public bool MayWrite => Status == 200;
}
