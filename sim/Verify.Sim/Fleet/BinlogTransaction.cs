namespace Verify.Sim.Fleet;

/// <summary>Who numbered a transaction, and the number: server uuid (MySQL) or server id (MariaDB, domain 0).</summary>
internal readonly record struct TransactionId(string Origin, long Number);

/// <summary>What a transaction does; all that our statements can do. A closed list.</summary>
internal abstract record RowChange
{
    private RowChange() { }

    public sealed record Insert(string Id, int Client) : RowChange;
    public sealed record CreateSchema : RowChange;
    public sealed record CreateTable : RowChange;
}

/// <summary>One transaction as it stands in a binary log, and travels to replicas.</summary>
/// <param name="AtSeconds">When the source's clock wrote it (Unix time), for Seconds_Behind.</param>
internal sealed record BinlogTransaction(TransactionId Id, RowChange Change, long AtSeconds);
