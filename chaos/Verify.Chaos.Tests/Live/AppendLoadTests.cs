using System.Net;
using System.Text.Json;
using Verify.Chaos.Live.Groups;
using Verify.Client;
using Verify.Fleet.Network;

namespace Verify.Chaos.Tests.Live;

/// <summary>The load that goes with rolling upgrades and restarts, and its judge, before groups that are broken on purpose.</summary>
public sealed class AppendLoadTests
{
    private const int WritesEnough = 80;
    private static readonly TimeSpan WriteForMax = TimeSpan.FromSeconds(30);

    [Test]
    public async Task A_group_that_keeps_and_dedups_writes_whose_answers_are_lost_gives_no_trouble()
    {
        var outcome = await PlayAsync(Fault.None);
        Assert.That((outcome.Troubles, outcome.Lost, outcome.Failed), Is.EqualTo((Array.Empty<string>(), 0, 0)));
        Assert.That(outcome.Writes, Is.GreaterThan(20));
    }

    [Test]
    public async Task A_write_that_is_sent_again_and_applied_again_is_told_as_doubled_by_appends_and_by_counters()
    {
        var outcome = await PlayAsync(Fault.AppliesAgain);
        Assert.That(outcome.Troubles, Has.Some.Contains("applied twice").And.Some.Contains("append-"));
        Assert.That(outcome.Troubles, Has.Some.Contains("count-").And.Some.Contains("lost or applied twice"));
    }

    [Test]
    public async Task Acknowledged_writes_that_are_gone_are_told_as_lost_by_appends_and_by_counters()
    {
        var outcome = await PlayAsync(Fault.LosesWrites);
        Assert.That(outcome.Lost, Is.Positive);
        Assert.That(outcome.Troubles, Has.Some.Contains("acknowledged write(s) are not there"));
        Assert.That(outcome.Troubles, Has.Some.Contains("count-"));
    }

    [Test]
    public async Task A_key_that_nobody_was_told_of_is_told_too()
    {
        var outcome = await PlayAsync(Fault.InventsKeys);
        Assert.That(outcome.Troubles, Has.Some.Contains("key(s) are there that nobody was told of"));
    }

    private static async Task<LoadOutcome> PlayAsync(Fault fault)
    {
        using var until = new CancellationTokenSource(WriteForMax);
        using var group = new BrokenGroup(fault, enough: until.Cancel);
        using var client = new VerifyClient(new() { Endpoints = [group.Uri], PauseMin = TimeSpan.FromMilliseconds(1), PauseMax = TimeSpan.FromMilliseconds(5) });
        var load = new AppendLoad(client, writers: 4);
        await load.RunAsync(until.Token);
        var outcome = await load.JudgeAsync(CancellationToken.None);
        foreach (var trouble in outcome.Troubles.Take(5)) await TestContext.Out.WriteLineAsync(trouble);
        return outcome;
    }

    /// <summary>What is wrong with the group.</summary>
    private enum Fault
    {
        None,

        /// <summary>It knows no sessions: a write that is sent again is done again (planted bug M23).</summary>
        AppliesAgain,
        LosesWrites,
        InventsKeys,
    }

    /// <summary>One node's KV over HTTP, as much of it as the load asks for. Every seventh write is done and answered with "outcome unknown".</summary>
    private sealed class BrokenGroup : IDisposable
    {
        private const int UnknownEvery = 7;
        private const int LoseEvery = 10;
        private readonly Fault _fault;
        private readonly Action _enough;
        private readonly HttpListener _listener = new();
        private readonly Task _serving;
        private readonly SortedDictionary<string, (string Value, long Index)> _pairs = new(StringComparer.Ordinal);
        private readonly SortedDictionary<string, (int Status, long Index)> _answered = new(StringComparer.Ordinal);
        private long _index;
        private int _writes;

        public BrokenGroup(Fault fault, Action enough)
        {
            (_fault, _enough) = (fault, enough);
            Uri = new($"http://127.0.0.1:{FreePorts.Next(IPAddress.Loopback)}/");
            _listener.Prefixes.Add(Uri.ToString());
            _listener.Start();
            _serving = ServeAsync();
        }

        public Uri Uri { get; }

        public void Dispose()
        {
            _listener.Stop();
            _serving.Wait(TimeSpan.FromSeconds(5));
            _listener.Close();
        }

        private async Task ServeAsync()
        {
            while (_listener.IsListening)
            {
                try
                {
                    Answer(await _listener.GetContextAsync());
                }
                catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or IOException)
                {
                    continue; // Stopped, or the client has gone.
                }
            }
        }

        private void Answer(HttpListenerContext context)
        {
            var path = context.Request.Url!.AbsolutePath;
            if (!path.StartsWith("/kv/", StringComparison.Ordinal)) Reply(context, 503, new { error = "no leader", message = "ask here" });
            else if (context.Request.HttpMethod == "PUT") Write(context, Uri.UnescapeDataString(path["/kv/".Length..]));
            else if (path == "/kv/") Reply(context, 200, new { keys = _pairs.Keys.Where(k => k.StartsWith(context.Request.QueryString["prefix"]!, StringComparison.Ordinal)), applied_index = _index });
            else if (_pairs.TryGetValue(Uri.UnescapeDataString(path["/kv/".Length..]), out var pair))
                Reply(context, 200, new { key = path, value = pair.Value, modify_index = pair.Index, create_index = 1, flags = 0, applied_index = _index });
            else Reply(context, 404, new { error = "not found", message = "no such key", applied_index = _index });
        }

        private void Write(HttpListenerContext context, string key)
        {
            using var body = JsonDocument.Parse(context.Request.InputStream);
            var id = $"{context.Request.Headers["X-Verify-Session"]}/{context.Request.Headers["X-Verify-Sequence"]}";
            var isNew = !_answered.TryGetValue(id, out var answer);
            if (isNew || _fault == Fault.AppliesAgain)
                _answered[id] = answer = Apply(key, body.RootElement.GetProperty("value").GetString()!, body.RootElement.TryGetProperty("cas", out var cas) ? cas.GetInt64() : null);
            if (isNew && ++_writes == WritesEnough) _enough();
            if (isNew && _writes % UnknownEvery == 0) Reply(context, 504, new { error = "outcome unknown", message = "the leader changed" });
            else Reply(context, answer.Status, new { message = "", modify_index = answer.Index });
        }

        private (int Status, long Index) Apply(string key, string value, long? expected)
        {
            var there = _pairs.TryGetValue(key, out var pair) ? pair.Index : 0;
            if (expected is { } index && index != there) return (409, there);
            _index++;
            if (_fault != Fault.LosesWrites || _index % LoseEvery != 0) _pairs[key] = (value, _index);
            if (_fault == Fault.InventsKeys && key.StartsWith("append-", StringComparison.Ordinal)) _pairs[$"{key}-again"] = (value, _index);
            return (200, _index);
        }

        private static void Reply(HttpListenerContext context, int status, object body)
        {
            context.Response.StatusCode = status;
            context.Response.Close(JsonSerializer.SerializeToUtf8Bytes(body), willBlock: false);
        }
    }
}
