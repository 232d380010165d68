namespace Verify.NodeHost.Tests;

/// <summary>A service's check of the kind "mysql": the node logs in with its own login and asks the server what it is.</summary>
public sealed class MySqlCheckTests
{
    private LiveHost _host = null!;
    private MiniMySql _server = null!;

    [SetUp]
    public async Task Start()
    {
        _host = await LiveHost.StartAsync("""
            "MySQLTopologyUser": "verify", "MySQLTopologyPassword": "v"
            """);
        _server = Server("0");
    }

    [TearDown]
    public async Task Stop()
    {
        await _host.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Test]
    public async Task A_server_that_answers_passes_with_what_it_is_and_is_critical_once_it_is_gone()
    {
        await using var replica = Server("1");
        await RegisterAsync("primary", _server.Address);
        await RegisterAsync("replica", replica.Address);
        Assert.That(await OutputAsync("primary", "passing"), Is.EqualTo($"{_server.Address}: MySQL 8.4.0, writable"));
        Assert.That(await OutputAsync("replica", "passing"), Is.EqualTo($"{replica.Address}: MySQL 8.4.0, read-only"));
        Assert.That(_server.Asked.First(), Does.StartWith("SELECT @@global.server_uuid"));
        var address = _server.Address;
        await _server.DisposeAsync();
        Assert.That(await OutputAsync("primary", "critical"), Is.EqualTo($"{address}: connection refused"));
    }

    [Test]
    public async Task A_server_that_takes_the_question_and_never_answers_is_critical_at_the_end_of_the_time()
    {
        _server.IsSilent = true;
        await RegisterAsync("silent", _server.Address);
        Assert.That(await OutputAsync("silent", "critical"), Does.Contain("no answer within"));
        _server.IsSilent = false;
        Assert.That(await OutputAsync("silent", "passing"), Does.EndWith("writable"), "the next look is over a session of its own");
    }

    [Test]
    public async Task A_server_that_does_not_let_the_node_in_is_critical_and_says_whom_it_refused()
    {
        _server.User = "somebody-else";
        await RegisterAsync("shut", _server.Address);
        Assert.That(await OutputAsync("shut", "critical"), Does.Contain("1045").And.Contain("Access denied for user 'verify'"));
        Assert.That(_server.Asked, Is.Empty);
    }

    [Test]
    public async Task A_server_that_answers_something_else_is_critical()
    {
        _server.Table = null;
        await RegisterAsync("odd", _server.Address);
        Assert.That(await OutputAsync("odd", "critical"), Does.Contain("server facts"));
    }

    private static MiniMySql Server(string readOnly) => new()
    {
        User = "verify",
        Table = ("@@global.server_uuid", ["server_uuid", "server_id", "read_only", "super_read_only", "gtid_executed", "log_bin"],
            [["11111111-1111-1111-1111-111111111111", "1", readOnly, readOnly, "", "1"]]),
    };

    private async Task RegisterAsync(string name, string target) => await
        _host.PutAsync("/register", $$"""{ "name": "{{name}}", "address": "a", "port": 3306, "checks": [{ "id": "{{name}}", "name": "{{name}}", "mysql": "{{target}}", "interval": "1s", "timeout": "500ms" }] }""");

    /// <summary>What the check says once it has this status because it was run: before its first run it is critical and says nothing.</summary>
    private Task<string> OutputAsync(string name, string status) => Until.AsyncOf($"{name} is {status}", async () =>
    {
        var check = (await _host.GetAsync($"/health/service/{name}")).EnumerateArray().Single();
        return check.GetProperty("status").GetString() == status && check.TryGetProperty("output", out var output) && output.GetString() is { Length: > 0 } text ? text : null;
    });
}
