using Verify.MySql;

namespace Verify.Sim.Fleet;

/// <summary>What a server keeps on its disk: schema, rows, binary log, and which transactions it has.</summary>
internal sealed class ServerStore(SimMySqlOptions options)
{
    private readonly List<BinlogTransaction> _binlog = [];
    private readonly SortedDictionary<string, int> _rows = new(StringComparer.OrdinalIgnoreCase);

    public Flavor Flavor => options.Flavor;
    public GtidState Gtids { get; } = GtidState.Of(options);
    public bool HasSchema { get; private set; }
    public bool HasTable { get; private set; }

    /// <summary>Committed rows, ordered by id.</summary>
    public SortedDictionary<string, int> Rows => _rows;
    public IReadOnlyList<BinlogTransaction> Binlog => _binlog;

    /// <returns>The length of the binary log up to and with this transaction: what an acknowledgement names.</returns>
    public int Log(BinlogTransaction transaction)
    {
        _binlog.Add(transaction);
        Gtids.Logged(transaction.Id);
        return _binlog.Count;
    }

    public void Commit(BinlogTransaction transaction, bool isReplicated)
    {
        Gtids.Committed(transaction.Id, isReplicated);
        switch (transaction.Change)
        {
            case RowChange.Insert insert: _rows[insert.Id] = insert.Client; break;
            case RowChange.CreateSchema: HasSchema = true; break;
            case RowChange.CreateTable: HasTable = true; break;
            default: throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>Null when the change may be made; else the error it meets.</summary>
    public ServerAnswer.Error? Check(RowChange change) => change switch
    {
        RowChange.Insert insert when MissingTable() is null && _rows.ContainsKey(insert.Id) => ServerErrors.Duplicate(Flavor, insert.Id),
        RowChange.Insert => MissingTable(),
        RowChange.CreateTable when !HasSchema => ServerErrors.NoSchema,
        _ => null,
    };

    /// <summary>Null when app.writes is there. Without its schema, MySQL misses the schema, MariaDB the table.</summary>
    public ServerAnswer.Error? MissingTable() =>
        HasTable ? null : HasSchema || Flavor == Flavor.MariaDb ? ServerErrors.NoTable : ServerErrors.NoSchema;

    /// <summary>CREATE … IF NOT EXISTS of what exists is a transaction too, except a table on MariaDB (seen on both servers).</summary>
    public bool IsLogged(RowChange change) => !(change is RowChange.CreateTable && HasTable && Flavor == Flavor.MariaDb);
}
