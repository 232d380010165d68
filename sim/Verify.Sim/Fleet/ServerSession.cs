namespace Verify.Sim.Fleet;

/// <summary>A line of the process list: a client's session, or a thread of the server's own.</summary>
internal sealed class ServerSession(long id, string user, AccountRights rights)
{
    public long Id { get; } = id;
    public string User { get; } = user;
    public AccountRights Rights { get; } = rights;

    /// <summary>For the process list, while no statement runs.</summary>
    public string RestingCommand { get; set; } = "Sleep";

    /// <summary>What it writes stays out of the binary log (sql_log_bin = 0).</summary>
    public bool SkipsBinlog { get; set; }

    /// <summary>The replica that fetches the binary log over this session; null for a client.</summary>
    public DumpRequest? Dump { get; set; }

    /// <summary>A statement is under way.</summary>
    public bool IsBusy { get; set; }

    /// <summary>What it writes is held up by a disk that stands still.</summary>
    public bool WaitsForDisk { get; set; }

    /// <summary>KILL has hit it, but its statement has not ended (a commit of MySQL that waits for a replica).</summary>
    public bool IsKilled { get; set; }

    /// <summary>The client is gone; the statement goes on, the server does not notice before it answers.</summary>
    public bool IsAbandoned { get; set; }

    public string Command => IsKilled ? "Killed" : IsBusy ? "Query" : RestingCommand;
}
