using System.Diagnostics;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Verify.NodeHost.Tests;

/// <summary>DnsListen, DnsDomains and DnsTTLSeconds of a verify-node process, and what its access rules leave for those who ask by DNS; with the real dig.</summary>
[NonParallelizable]
public sealed class DnsProcessTests
{
    private readonly HttpClient _http = new();
    private string _directory = null!;

    [SetUp]
    public async Task Begin()
    {
        await LiveProgram.RequireAsync("/usr/bin/dig", "bind9-dnsutils");
        _directory = Directory.CreateTempSubdirectory("verify-dns-").FullName;
    }

    [TearDown]
    public void RemoveDirectory() => Directory.Delete(_directory, recursive: true);

    [OneTimeTearDown]
    public void Close() => _http.Dispose();

    [Test]
    public async Task A_process_answers_for_the_domains_it_was_given_over_UDP_and_TCP_and_for_no_other()
    {
        var (dns, http) = (FreePort.Next(), $"127.0.0.1:{FreePort.Next()}");
        await using var node = await StartAsync(http, new(StringComparer.Ordinal) { ["DnsListen"] = $"127.0.0.1:{dns}", ["DnsDomains"] = new[] { "corp.test", "consul" }, ["DnsTTLSeconds"] = 7 });
        await RegisterAsync(http, "web", "10.0.0.1", token: "");
        foreach (var domain in new[] { "corp.test", "consul" })
        {
            Assert.That(await Dig.AskAsync(dns, $"web.service.{domain} A +short"), Is.EqualTo("10.0.0.1"), node.Output);
            Assert.That(await Dig.AskAsync(dns, $"web.service.{domain} A +short +tcp"), Is.EqualTo("10.0.0.1"));
        }

        Assert.That(await Dig.AskAsync(dns, "web.service.corp.test SRV"), Does.Match(@"web\.service\.corp\.test\.\s+7\s+IN\s+SRV\s+1 1 80 0a000001\.addr\.corp\.test\."));
        foreach (var other in new[] { "web.service.verify", "web.service.test", "example.org" }) Assert.That(await Dig.AskAsync(dns, $"{other} A"), Does.Contain("status: REFUSED"), other);
        Assert.That(node.Output, Does.Contain("corp.test, consul"), "the log says for what");
    }

    [Test]
    public async Task Where_there_are_access_rules_DNS_tells_what_the_anonymous_token_may_read_and_nothing_else()
    {
        var (dns, http) = (FreePort.Next(), $"127.0.0.1:{FreePort.Next()}");
        await using var node = await StartAsync(http, new(StringComparer.Ordinal) { ["DnsListen"] = $"127.0.0.1:{dns}", ["AclEnabled"] = true });
        var root = (await PutAsync(http, "/acl/bootstrap", null, "")).GetProperty("secret").GetString()!;
        foreach (var (name, address) in new[] { ("web", "10.0.0.1"), ("billing", "10.0.0.2") }) await RegisterAsync(http, name, address, root);
        foreach (var name in new[] { "web", "billing" }) Assert.That(await Dig.AskAsync(dns, $"{name}.service.consul A"), Does.Contain("status: REFUSED"), name);

        await PutAsync(http, "/acl/policies/public", """{ "service": [{ "name": "web", "capabilities": ["read"] }] }""", root);
        await PutAsync(http, "/acl/tokens/anonymous", """{ "policies": ["public"] }""", root);
        Assert.That(await Dig.AskAsync(dns, "web.service.consul A +short"), Is.EqualTo("10.0.0.1"), node.Output);
        Assert.That(await Dig.AskAsync(dns, "billing.service.consul A"), Does.Contain("status: REFUSED").And.Not.Contain("10.0.0.2"));
    }

    private async Task<NodeProcess> StartAsync(string http, SortedDictionary<string, object> settings)
    {
        var file = Path.Combine(_directory, "node.json");
        (settings["RaftDataDir"], settings["RaftBind"], settings["ListenAddress"]) = (Path.Combine(_directory, "data"), $"127.0.0.1:{FreePort.Next()}", http);
        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(settings));
        var node = NodeProcess.Start(["--config", file]);
        await Until.AsyncOf("a node that is ready", async () => (await _http.GetAsync($"http://{http}/health/ready")).IsSuccessStatusCode ? "yes" : null);
        return node;
    }

    private Task<JsonElement> RegisterAsync(string http, string name, string address, string token) =>
        PutAsync(http, "/register", $$"""{ "name": "{{name}}", "address": "{{address}}", "port": 80, "ttl": "10m" }""", token);

    private async Task<JsonElement> PutAsync(string http, string path, string? body, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, $"http://{http}{path}") { Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json") };
        if (token.Length > 0) request.Headers.Add("X-Consul-Token", token);
        using var answer = await _http.SendAsync(request);
        Assert.That((int)answer.StatusCode, Is.EqualTo(200), $"{path}: {await answer.Content.ReadAsStringAsync()}");
        return await answer.Content.ReadFromJsonAsync<JsonElement>();
    }
}

/// <summary>The real dig.</summary>
internal static class Dig
{
    /// <summary>What it prints; with +short in an order of its own, because an answer has none.</summary>
    public static async Task<string> AskAsync(int port, string words)
    {
        using var dig = Process.Start(new ProcessStartInfo("dig", $"@127.0.0.1 -p {port} +time=5 +tries=2 {words}") { RedirectStandardOutput = true, UseShellExecute = false })!;
        var text = await dig.StandardOutput.ReadToEndAsync();
        await dig.WaitForExitAsync();
        Assert.That(dig.ExitCode, Is.Zero, text);
        return words.Contains("+short", StringComparison.Ordinal) ? string.Join('\n', text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)) : text;
    }
}
