namespace Verify.MySql;

/// <summary>What the harness's own clients send; here, because the simulated server and the real fleet must agree on them.
/// The application's user has no right that a read-only server would not bind.</summary>
public static class WorkloadStatements
{
    public static readonly SqlText CreateSchema = SqlText.Of($"CREATE DATABASE IF NOT EXISTS app");

    public static readonly SqlText CreateTable =
        SqlText.Of($"CREATE TABLE IF NOT EXISTS app.writes (id VARCHAR(64) PRIMARY KEY, client INT NOT NULL)");

    public static readonly SqlText ReadIds = SqlText.Of($"SELECT id FROM app.writes ORDER BY id");

    public static SqlText Insert(string id, int client) =>
        SqlText.Of($"INSERT INTO app.writes (id, client) VALUES ({new SqlLiteral(id)}, {client})");
}
