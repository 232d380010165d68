namespace Verify.MySql;

/// <summary>The one row of a MySQL backend in which nodes that only throttle agree on who leads, and keep what is throttled.</summary>
/// <param name="Schema">Must be there already.</param>
/// <param name="Domain">Which nodes belong together; several groups may share a table.</param>
public readonly record struct BackendRow(string Schema, string Domain)
{
    internal SqlName SchemaName => new(Schema);
    internal SqlLiteral Key => new(Domain);
}

public abstract partial record Statement
{
    /// <summary>The table; harmless where it is there already.</summary>
    public sealed record MakeBackendTable(BackendRow Row) : Statement
    {
        public override SqlText Sql(Flavor flavor) => SqlText.Of(
            $"CREATE TABLE IF NOT EXISTS {Row.SchemaName}.verify_throttler (domain VARCHAR(128) NOT NULL PRIMARY KEY, holder VARCHAR(64) NOT NULL, address VARCHAR(255) NOT NULL, token BIGINT NOT NULL, ends_us BIGINT NOT NULL, changes BIGINT NOT NULL, content MEDIUMTEXT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4");
    }

    /// <summary>The row, over from the start; harmless where it is there already.</summary>
    public sealed record MakeBackendRow(BackendRow Row) : Statement
    {
        public override SqlText Sql(Flavor flavor) => SqlText.Of(
            $"INSERT IGNORE INTO {Row.SchemaName}.verify_throttler (domain, holder, address, token, ends_us, changes, content) VALUES ({Row.Key}, '', '', 0, 0, 0, '')");
    }

    /// <summary>Prolongs the holder's own lease, or takes over one that is over by the server's clock; every time somebody begins to hold it the
    /// token grows. One row is affected when the lease is the holder's now. The token comes first: assignments are made from left to right
    /// (MySQL 8.4 manual, 15.2.17), and it needs the holder and the end as they were.</summary>
    public sealed record HoldBackend(BackendRow Row, string Holder, string Address, long TermUs) : Statement
    {
        public override SqlText Sql(Flavor flavor) => SqlText.Of(
            $"UPDATE {Row.SchemaName}.verify_throttler SET token = IF(holder = {new SqlLiteral(Holder)} AND ends_us > TIMESTAMPDIFF(MICROSECOND, '2000-01-01', UTC_TIMESTAMP(6)), token, token + 1), holder = {new SqlLiteral(Holder)}, address = {new SqlLiteral(Address)}, ends_us = TIMESTAMPDIFF(MICROSECOND, '2000-01-01', UTC_TIMESTAMP(6)) + {TermUs} WHERE domain = {Row.Key} AND (holder = {new SqlLiteral(Holder)} OR ends_us <= TIMESTAMPDIFF(MICROSECOND, '2000-01-01', UTC_TIMESTAMP(6)))");
    }

    /// <summary>Columns holder, address, token, left_us (until the lease is over), now_us (microseconds since 2000 in UTC), changes, and
    /// content, which is NULL when <paramref name="KnownChanges"/> is still the number of changes.</summary>
    public sealed record ReadBackend(BackendRow Row, long KnownChanges) : Statement
    {
        public override SqlText Sql(Flavor flavor) => SqlText.Of(
            $"SELECT holder, address, token, ends_us - TIMESTAMPDIFF(MICROSECOND, '2000-01-01', UTC_TIMESTAMP(6)) AS left_us, TIMESTAMPDIFF(MICROSECOND, '2000-01-01', UTC_TIMESTAMP(6)) AS now_us, changes, IF(changes = {KnownChanges}, NULL, content) AS content FROM {Row.SchemaName}.verify_throttler WHERE domain = {Row.Key}");
    }

    /// <summary>Replaces the content, if the lease with this token still goes by the server's clock and nobody has written meanwhile; then one
    /// row is affected.</summary>
    public sealed record WriteBackend(BackendRow Row, string Holder, long Token, long KnownChanges, string Content) : Statement
    {
        public override SqlText Sql(Flavor flavor) => SqlText.Of(
            $"UPDATE {Row.SchemaName}.verify_throttler SET content = {new SqlLiteral(Content)}, changes = changes + 1 WHERE domain = {Row.Key} AND holder = {new SqlLiteral(Holder)} AND token = {Token} AND changes = {KnownChanges} AND ends_us > TIMESTAMPDIFF(MICROSECOND, '2000-01-01', UTC_TIMESTAMP(6))");
    }
}
