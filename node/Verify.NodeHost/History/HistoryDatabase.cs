using System.Globalization;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Verify.Node.Api;
using Verify.Node.Telemetry;
using Verify.NodeHost.Http;
using Verify.Raft;

namespace Verify.NodeHost.History;

/// <summary>The tables of the history store, and how they are filled. A projection for people and their SQL: the truth is the log. The file
/// can be deleted at any time; recoveries and members come back from the node, the audit begins anew.</summary>
internal sealed class HistoryDatabase : IDisposable
{
    private const int SchemaVersion = 1;
    private const string Schema = """
        PRAGMA journal_mode=WAL;
        PRAGMA synchronous=NORMAL;
        CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS audit (audit_id INTEGER PRIMARY KEY, at TEXT NOT NULL, node TEXT NOT NULL, audit_type TEXT NOT NULL, cluster TEXT NOT NULL, message TEXT NOT NULL);
        CREATE INDEX IF NOT EXISTS audit_at ON audit (at);
        CREATE TABLE IF NOT EXISTS role_change (at TEXT NOT NULL, node TEXT NOT NULL, role TEXT NOT NULL, term INTEGER NOT NULL, leader TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS member (node_id TEXT PRIMARY KEY, state TEXT NOT NULL, address TEXT NOT NULL, api_address TEXT NOT NULL, datacenter TEXT NOT NULL, zone TEXT NOT NULL, membership_index INTEGER NOT NULL, seen_at TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS recovery (cluster TEXT NOT NULL, recovery_id INTEGER NOT NULL, failed TEXT NOT NULL, analysis TEXT NOT NULL, successor TEXT NOT NULL, is_open INTEGER NOT NULL, is_successful INTEGER NOT NULL, steps TEXT NOT NULL, seen_at TEXT NOT NULL, PRIMARY KEY (cluster, recovery_id)) WITHOUT ROWID;
        """;

    private readonly SqliteConnection _connection;

    static HistoryDatabase() => SQLitePCL.Batteries_V2.Init();

    /// <exception cref="SqliteException"/>
    /// <exception cref="IOException"/>
    public HistoryDatabase(string file)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(file)) is { } directory) Directory.CreateDirectory(directory);
        _connection = new(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false, DefaultTimeout = 5 }.ToString());
        try
        {
            _connection.Open();
            Run(Schema);
            Run("INSERT OR REPLACE INTO meta VALUES ('schema', $1)", SchemaVersion.ToString(CultureInfo.InvariantCulture));
        }
        catch
        {
            _connection.Dispose();
            throw;
        }
    }

    /// <summary>All of it or nothing.</summary>
    /// <exception cref="SqliteException"/>
    public void Write(IReadOnlyList<(DateTimeOffset At, NodeEvent What)> events, IReadOnlyList<RecoveryPicture> recoveries, ClusterView? view, DateTimeOffset now)
    {
        using var transaction = _connection.BeginTransaction();
        foreach (var (at, what) in events) Write(at, what);
        foreach (var recovery in recoveries) Write(recovery, now);
        if (view is not null) Write(view, now);
        transaction.Commit();
    }

    public void Purge(DateTimeOffset before)
    {
        Run("DELETE FROM audit WHERE at < $1", Text(before));
        Run("DELETE FROM role_change WHERE at < $1", Text(before));
    }

    public void Dispose() => _connection.Dispose();

    private void Write(DateTimeOffset at, NodeEvent what)
    {
        var type = what.GetType().Name;
        using var fields = JsonSerializer.SerializeToDocument(what, what.GetType());
        var (node, cluster) = (TextOf(fields, "Node"), TextOf(fields, "Cluster"));
        Run("INSERT INTO audit (at, node, audit_type, cluster, message) VALUES ($1, $2, $3, $4, $5)", Text(at), node, type, cluster, fields.RootElement.GetRawText());
        if (what is NodeEvent.RoleChanged role) Run("INSERT INTO role_change VALUES ($1, $2, $3, $4, $5)", Text(at), role.Node, role.Role, role.Term, role.Leader ?? "");
    }

    private void Write(RecoveryPicture recovery, DateTimeOffset now) => Run(
        "INSERT OR REPLACE INTO recovery VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", recovery.Cluster, recovery.Id, recovery.Failed.ToString(), recovery.Analysis,
        recovery.Successor?.ToString() ?? "", recovery.IsOpen ? 1 : 0, recovery.IsSuccessful ? 1 : 0, JsonSerializer.Serialize(recovery.Steps), Text(now));

    private void Write(ClusterView view, DateTimeOffset now)
    {
        var membership = view.Raft.Membership;
        if (membership.IsEmpty) return;
        Run("DELETE FROM member");
        foreach (var id in membership.All)
        {
            var contact = membership.ContactOf(id);
            Run("INSERT INTO member VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", id.Name, ClusterShapes.SuffrageOf(membership, id), ClusterShapes.AddressOf(contact, id),
                contact.ApiAddress ?? "", contact.DataCenter ?? "", contact.Zone ?? "", view.Raft.MembershipIndex.Value, Text(now));
        }
    }

    private void Run(string sql, params object[] values)
    {
        using var command = _connection.CreateCommand();
#pragma warning disable CA2100 // Every text is a constant of this file; values go as parameters.
        command.CommandText = sql;
#pragma warning restore CA2100
        for (var i = 0; i < values.Length; i++) command.Parameters.AddWithValue($"${i + 1}", values[i]);
        command.ExecuteNonQuery();
    }

    private static string TextOf(JsonDocument fields, string name) =>
        fields.RootElement.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    private static string Text(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
