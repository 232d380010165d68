using System.Diagnostics.Metrics;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Verify.Node.Api;
using Verify.Node.Telemetry;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.History;
using Verify.NodeHost.Seam;
using Verify.Raft;

namespace Verify.NodeHost.Tests;

/// <summary>What people find in the history store, and what happens when it cannot be written.</summary>
public sealed class HistoryStoreTests
{
    private string _directory = null!;
    private ServiceProvider _services = null!;
    private RecordedLogs _logs = null!;
    private ManualTime _time = null!;
    private HostEvents _next = null!;
    private ScriptedNode _node = null!;
    private string File => Path.Combine(_directory, "history", "history.db");

    [SetUp]
    public void Start()
    {
        _directory = Directory.CreateTempSubdirectory("verify-history-").FullName;
        _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        (_logs, _time, _next) = (new(), new(), new(path: null));
        var membership = Membership.OfVoters([new("n1"), new("n2")]).With(new("n2"), new("10.0.0.2:7000", "west", "10.0.0.2:3000", "z2"));
        _node = new()
        {
            Answers =
            {
                [typeof(ApiRequest.Recoveries)] = new ApiReply.RecoveryList([new(4, "main", new("db1", 3306), "DeadMaster", new("db2", 3306), IsOpen: false, IsSuccessful: true, ["fence: done", "promote: done"])]),
                [typeof(ApiRequest.ClusterStatus)] = new ApiReply.Cluster(new(new RaftStatus(
                    new("n1"), RaftRole.Leader, new(3), null, new NodeId("n1"), default, default, default, default, HasLease: true, IsInQuorum: true, []) { Membership = membership, MembershipIndex = new(7) })),
            },
        };
    }

    [TearDown]
    public void Stop()
    {
        _next.Dispose();
        _services.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Test]
    public async Task Recoveries_members_roles_and_audit_can_be_asked_for_in_SQL()
    {
        await using var store = Store(isRequired: true);
        store.Emit(new NodeEvent.RoleChanged("n1", "Leader", 3, "n1"));
        store.Emit(new NodeEvent.Applied("n1", 1, 3, 0));
        store.Emit(new NodeEvent.Verdict("n1", "main", "db1:3306", "DeadMaster", "3 of 3"));
        await store.WriteOnceAsync(_node);
        await store.WriteOnceAsync(_node);
        Assert.That(Rows("SELECT node, role, term, leader FROM role_change"), Is.EqualTo(new[] { "n1|Leader|3|n1" }));
        Assert.That(Rows("SELECT audit_type, cluster FROM audit ORDER BY audit_id"), Is.EqualTo(new[] { "RoleChanged|", "Verdict|main" }), "once each; entries of the log are no history");
        Assert.That(Rows("SELECT recovery_id, failed, successor, is_successful, steps FROM recovery"), Is.EqualTo(new[] { """4|db1:3306|db2:3306|1|["fence: done","promote: done"]""" }));
        Assert.That(Rows("SELECT node_id, state, address, zone, membership_index FROM member ORDER BY node_id"), Is.EqualTo(new[] { "n1|Voter|n1||7", "n2|Voter|10.0.0.2:7000|z2|7" }));
    }

    [Test]
    public async Task A_file_that_was_deleted_is_made_anew_and_filled_from_the_node()
    {
        await using var store = Store(isRequired: true);
        await store.WriteOnceAsync(_node);
        foreach (var file in Directory.EnumerateFiles(Path.GetDirectoryName(File)!)) System.IO.File.Delete(file);
        _time.Advance(TimeSpan.FromSeconds(1));
        await store.WriteOnceAsync(_node);
        Assert.That(Rows("SELECT count(*) FROM recovery"), Is.EqualTo(new[] { "1" }));
        Assert.That(Rows("SELECT count(*) FROM member"), Is.EqualTo(new[] { "2" }));
        Assert.That(store.FailingFor, Is.EqualTo(TimeSpan.Zero));
    }

    [Test]
    public async Task A_store_that_stays_away_is_given_up_after_its_time_and_not_before_and_loses_nothing_when_it_returns()
    {
        await System.IO.File.WriteAllTextAsync(Path.Combine(_directory, "history"), "in the way");
        await using var store = Store(isRequired: true);
        store.Emit(new NodeEvent.DiskFull("n1", Full: true));
        await store.WriteOnceAsync(_node);
        _time.Advance(TimeSpan.FromSeconds(29));
        await store.WriteOnceAsync(_node);
        Assert.That(store.GivenUp.IsCompleted, Is.False);
        Assert.That(_logs.Lines.Count(l => l.Contains("cannot be written", StringComparison.Ordinal)), Is.EqualTo(1), "said once");

        System.IO.File.Delete(Path.Combine(_directory, "history"));
        await store.WriteOnceAsync(_node);
        Assert.That(Rows("SELECT audit_type FROM audit"), Is.EqualTo(new[] { "DiskFull" }));
        Assert.That(store.FailingFor, Is.EqualTo(TimeSpan.Zero));

        foreach (var file in Directory.EnumerateFiles(Path.Combine(_directory, "history"))) System.IO.File.Delete(file);
        Directory.Delete(Path.Combine(_directory, "history"));
        await System.IO.File.WriteAllTextAsync(Path.Combine(_directory, "history"), "in the way again");
        await store.WriteOnceAsync(_node);
        _time.Advance(TimeSpan.FromSeconds(31));
        await store.WriteOnceAsync(_node);
        Assert.That(await store.GivenUp, Does.Contain("could not be written for 31 s").And.Contain("HistoryStoreRequired"));
    }

    [Test]
    public async Task A_store_that_is_not_required_is_tried_for_ever()
    {
        await System.IO.File.WriteAllTextAsync(Path.Combine(_directory, "history"), "in the way");
        await using var store = Store(isRequired: false);
        for (var i = 0; i < 5; i++)
        {
            await store.WriteOnceAsync(_node);
            _time.Advance(TimeSpan.FromHours(1));
        }

        Assert.That(store.GivenUp.IsCompleted, Is.False);
    }

    private HistoryStore Store(bool isRequired) =>
        new(new HistorySettings(File, TimeSpan.FromSeconds(30), isRequired), _next, _logs, _time, _services.GetRequiredService<IMeterFactory>());

    private List<string> Rows(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={File};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // The texts stand in this file.
        command.CommandText = sql;
#pragma warning restore CA2100
        using var reader = command.ExecuteReader();
        var rows = new List<string>();
        while (reader.Read()) rows.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => reader.GetValue(i))));
        return rows;
    }
}
