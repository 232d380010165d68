using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Verify.NodeHost.Tests;

/// <summary>Services as Consul's usual clients and consul-template ask for them, against a real node.</summary>
public sealed class ConsulCatalogueTests
{
    private LiveHost _host = null!;

    [SetUp]
    public async Task Start() => _host = await LiveHost.StartAsync();

    [TearDown]
    public async Task Stop() => await _host.DisposeAsync();

    [Test]
    public async Task A_registration_of_an_agents_client_is_seen_in_every_view()
    {
        await _host.PutAsync("/v1/agent/service/register", """
            { "ID": "redis1", "Name": "redis", "Tags": ["primary", "v1"], "Address": "10.0.0.5", "Port": 8000, "Meta": { "redis_version": "4.0" }, "EnableTagOverride": false,
              "Check": { "CheckID": "redis-alive", "TTL": "10s", "DeregisterCriticalServiceAfter": "90m" }, "Weights": { "Passing": 10, "Warning": 1 } }
            """);
        var health = (await _host.GetAsync("/v1/health/service/redis"))[0];
        Assert.That(health.GetProperty("Service").GetProperty("ID").GetString(), Is.EqualTo("redis1"));
        Assert.That(health.GetProperty("Service").GetProperty("Weights").GetProperty("Passing").GetInt32(), Is.EqualTo(10));
        Assert.That((health.GetProperty("Node").GetProperty("Datacenter").GetString(), health.GetProperty("Node").GetProperty("Address").GetString()), Is.EqualTo(("east", "127.0.0.1")));
        Assert.That((health.GetProperty("Checks")[0].GetProperty("CheckID").GetString(), health.GetProperty("Checks")[0].GetProperty("Status").GetString()), Is.EqualTo(("redis-alive", "critical")), "critical until it says otherwise");
        Assert.That((await _host.GetAsync("/v1/health/service/redis?passing")).GetArrayLength(), Is.Zero);
        await _host.PutAsync("/v1/agent/check/pass/redis-alive?note=all%20well");
        Assert.That((await _host.GetAsync("/v1/health/service/redis?passing=1&tag=primary"))[0].GetProperty("Checks")[0].GetProperty("Output").GetString(), Is.EqualTo("all well"));
        Assert.That((await _host.GetAsync("/v1/health/service/redis?tag=none")).GetArrayLength(), Is.Zero);
        Assert.That((await _host.GetAsync("/v1/health/service/redis?dc=west")).GetArrayLength(), Is.Zero);
        var listed = (await _host.GetAsync("/v1/catalog/service/redis?dc=east"))[0];
        Assert.That((listed.GetProperty("ServiceID").GetString(), listed.GetProperty("ServiceAddress").GetString(), listed.GetProperty("ServicePort").GetInt32(), listed.GetProperty("ServiceTags").ToString()),
            Is.EqualTo(("redis1", "10.0.0.5", 8000, """["primary","v1"]""")));
        Assert.That((await _host.GetAsync("/v1/catalog/services")).ToString(), Is.EqualTo("""{"redis":["primary","v1"]}"""));
        Assert.That((await _host.GetAsync("/v1/catalog/datacenters")).ToString(), Is.EqualTo("""["east"]"""));
        var node = (await _host.GetAsync("/v1/catalog/nodes"))[0].GetProperty("Node").GetString();
        Assert.That((await _host.GetAsync($"/v1/catalog/node/{node}")).GetProperty("Services").GetProperty("redis1").GetProperty("Service").GetString(), Is.EqualTo("redis"));
        Assert.That((await _host.GetAsync($"/v1/health/node/{node}")).GetArrayLength(), Is.EqualTo(1));
        Assert.That((await _host.GetAsync("/v1/agent/services")).GetProperty("redis1").GetProperty("Port").GetInt32(), Is.EqualTo(8000));
        Assert.That((await _host.GetAsync("/v1/agent/service/redis1")).GetProperty("Meta").GetProperty("redis_version").GetString(), Is.EqualTo("4.0"));
        Assert.That((await _host.GetAsync("/v1/agent/checks")).GetProperty("redis-alive").GetProperty("ServiceName").GetString(), Is.EqualTo("redis"));
        Assert.That((await _host.GetAsync("/v1/agent/self")).GetProperty("Config").GetProperty("NodeName").GetString(), Is.EqualTo(node));
        Assert.That((await _host.GetAsync("/v1/status/peers")).GetArrayLength(), Is.EqualTo(1));
        await _host.PutAsync("/v1/agent/check/warn/redis-alive");
        Assert.That((await _host.GetAsync("/v1/health/state/warning")).GetArrayLength(), Is.EqualTo(1));
        await _host.PutAsync("/v1/agent/check/update/redis-alive", """{ "Status": "critical", "Output": "gone" }""");
        Assert.That((await _host.GetAsync("/v1/health/checks/redis"))[0].GetProperty("Output").GetString(), Is.EqualTo("gone"));
        await _host.PutAsync("/v1/agent/service/deregister/redis1");
        Assert.That((await _host.GetAsync("/v1/catalog/services")).ToString(), Is.EqualTo("{}"));
        await StatusAsync(HttpMethod.Put, "/v1/agent/service/deregister/redis1", 404, "Unknown service ID");
        await StatusAsync(HttpMethod.Put, "/v1/agent/check/pass/redis-alive", 404, "Unknown check ID");
    }

    [Test]
    public async Task What_has_no_agent_is_refused_with_the_way_to_register_it()
    {
        await StatusAsync(HttpMethod.Put, "/v1/catalog/register", 400, "use /v1/agent/service/register");
        await StatusAsync(HttpMethod.Put, "/v1/catalog/deregister", 400, "use /v1/agent/service/deregister");
    }

    [Test]
    public async Task A_blocking_query_comes_back_with_the_change_and_not_with_a_heartbeat()
    {
        await _host.PutAsync("/v1/agent/service/register", """{ "Name": "web", "Port": 1, "Address": "h", "Check": { "CheckID": "c", "TTL": "10s", "Status": "passing" } }""");
        var (_, _, first) = await _host.SendAsync(HttpMethod.Get, "/v1/health/service/web?passing=1");
        var index = first.Headers.GetValues("X-Consul-Index").Single();
        var waits = _host.SendAsync(HttpMethod.Get, $"/v1/health/service/web?passing=1&index={index}&wait=60s");
        for (var i = 0; i < 3; i++) await _host.PutAsync("/v1/agent/check/pass/c");
        await _host.PutAsync("/v1/agent/service/register", """{ "Name": "other", "Port": 1, "Address": "h" }""");
        await Task.Delay(300);
        Assert.That(waits.IsCompleted, Is.False);
        await _host.PutAsync("/v1/agent/check/fail/c");
        var (_, body, answer) = await waits.WaitAsync(TimeSpan.FromSeconds(5));
        Assert.That(body.GetArrayLength(), Is.Zero);
        Assert.That(Number(answer.Headers.GetValues("X-Consul-Index").Single()), Is.GreaterThan(Number(index)));
        var began = TimeProvider.System.GetTimestamp();
        await _host.GetAsync($"/v1/catalog/services?index=1000000&wait=300ms");
        Assert.That(TimeProvider.System.GetElapsedTime(began).TotalMilliseconds, Is.InRange(295, 3000));
        await StatusAsync(HttpMethod.Get, "/v1/catalog/services?index=x", 400, "X-Consul-Index");
        await StatusAsync(HttpMethod.Get, "/v1/health/service/web?filter=Node==a", 400, "filter");
    }

    [Test]
    public async Task Maintenance_takes_an_instance_out_and_back_in()
    {
        await _host.PutAsync("/v1/agent/service/register", """{ "Name": "web", "Port": 1, "Address": "h" }""");
        await _host.PutAsync("/v1/agent/service/maintenance/web?enable=true&reason=disk");
        var check = (await _host.GetAsync("/v1/health/service/web"))[0].GetProperty("Checks")[0];
        Assert.That((check.GetProperty("CheckID").GetString(), check.GetProperty("Status").GetString(), check.GetProperty("Notes").GetString()), Is.EqualTo(("_service_maintenance:web", "critical", "disk")));
        // Registering again does not end it.
        await _host.PutAsync("/v1/agent/service/register", """{ "Name": "web", "Port": 1, "Address": "h" }""");
        Assert.That((await _host.GetAsync("/v1/health/service/web?passing")).GetArrayLength(), Is.Zero);
        await _host.PutAsync("/v1/agent/service/maintenance/web?enable=false");
        await _host.PutAsync("/v1/agent/service/maintenance/web?enable=false");
        Assert.That((await _host.GetAsync("/v1/health/service/web?passing")).GetArrayLength(), Is.EqualTo(1));
        await StatusAsync(HttpMethod.Put, "/v1/agent/service/maintenance/none?enable=true", 404);
    }

    [Test]
    public async Task Checks_are_added_to_a_service_and_taken_away()
    {
        await _host.PutAsync("/v1/agent/service/register", """{ "Name": "web", "Port": 1, "Address": "h" }""");
        await _host.PutAsync("/v1/agent/check/register", """{ "ID": "mem", "Name": "memory", "ServiceID": "web", "TTL": "15s" }""");
        Assert.That((await _host.GetAsync("/v1/health/service/web?passing")).GetArrayLength(), Is.Zero);
        await _host.PutAsync("/v1/agent/check/deregister/mem");
        Assert.That((await _host.GetAsync("/v1/health/service/web?passing")).GetArrayLength(), Is.EqualTo(1));
        await StatusAsync(HttpMethod.Put, "/v1/agent/check/register", 400, "ServiceID is missing", """{ "Name": "node", "TTL": "15s" }""");
        await StatusAsync(HttpMethod.Put, "/v1/agent/service/register", 400, "args is not built here", """{ "Name": "web", "Check": { "Args": ["sh"], "Interval": "1s" } }""");
    }

    [Test]
    public async Task A_node_runs_real_checks_over_TCP_and_HTTP()
    {
        using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var nobody = FreePort.Next();
        await _host.PutAsync("/v1/agent/service/register", $$"""{ "Name": "up", "Port": {{port}}, "Address": "127.0.0.1", "Check": { "TCP": "127.0.0.1:{{port}}", "Interval": "200ms" } }""");
        await _host.PutAsync("/v1/agent/service/register", $$"""{ "Name": "down", "Port": {{nobody}}, "Address": "127.0.0.1", "Check": { "HTTP": "http://127.0.0.1:{{nobody}}/", "Interval": "200ms", "Status": "passing" } }""");
        await Until.AsyncOf("the one to pass", async () => (await _host.GetAsync("/v1/health/service/up?passing")).GetArrayLength() == 1 ? "yes" : null);
        var output = await Until.AsyncOf("the other to be critical", async () => (await _host.GetAsync("/v1/health/state/critical")) is { } checks && checks.GetArrayLength() == 1 ? checks[0].GetProperty("Output").GetString() : null);
        Assert.That(output, Does.Contain("refused"));
    }

    private async Task StatusAsync(HttpMethod method, string path, int status, string words = "", string? body = null)
    {
        var (was, found, _) = await _host.SendAsync(method, path, body);
        Assert.That(((int)was, found.ToString()), Is.EqualTo((status, found.ToString())), $"{method} {path}");
        Assert.That(found.ToString(), Does.Contain(words));
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
