using Verify.MySql;

namespace Verify.Node.Tests.Recovery;

/// <summary>The semi-sync variables of a scripted server, and the rest of what a detailed look asks for.</summary>
internal sealed class BedSemiSync
{
    public bool Source { get; set; }
    public bool Replica { get; set; }

    /// <summary>The fetching thread said that it acknowledges when it connected.</summary>
    public bool ReplicaAtWork { get; set; }
    public long TimeoutMs { get; set; } = 10_000;
    public int WaitFor { get; set; } = 1;
    public int Clients { get; set; }
    public int WaitSessions { get; set; }
    public bool IsPersisted { get; set; }
    public bool ForbidsPersisting { get; set; }
    public string Purged { get; set; } = "";
    public string GtidMode { get; set; } = "ON";

    /// <summary>The plugins are not loaded.</summary>
    public bool IsMissing { get; set; }

    /// <summary>For how long the process has run.</summary>
    public TimeSpan Uptime { get; set; }

    public ResultTable Carry(Statement statement)
    {
        if (IsMissing && statement is Statement.SetSemiSync or Statement.SetSemiSyncReplica or Statement.SetSemiSyncPatience)
            throw new MySqlServerException(1193, "HY000", "Unknown system variable 'rpl_semi_sync_source_enabled'");
        switch (statement)
        {
            case Statement.SetSemiSync set:
                Source = set.On;
                break;
            case Statement.SetSemiSyncReplica set:
                Replica = set.On;
                break;
            case Statement.SetSemiSyncPatience set:
                (TimeoutMs, WaitFor) = (Statement.SetSemiSyncPatience.ForeverMs, Math.Max(WaitFor, set.Acknowledgements));
                break;
            case Statement.PersistReadOnly when ForbidsPersisting:
                throw new MySqlServerException(1227, "42000", "Access denied; you need (at least one of) the PERSIST_RO_VARIABLES_ADMIN privilege(s) for this operation");
            case Statement.PersistReadOnly:
                IsPersisted = true;
                break;
            case Statement.ReadPersistedReadOnly:
                return IsPersisted ? Named(("super_read_only", "ON")) : Named();
            case Statement.ReadCounters:
                return Named(("Rpl_semi_sync_replica_status", OnOff(ReplicaAtWork)), ("Rpl_semi_sync_source_clients", $"{Clients}"), ("Rpl_semi_sync_source_status", OnOff(Source)), ("Rpl_semi_sync_source_wait_sessions", $"{WaitSessions}"),
                    ("Uptime", $"{(long)Uptime.TotalSeconds}"));
            default:
                return Named(
                    ("gtid_mode", GtidMode), ("gtid_purged", Purged), ("rpl_semi_sync_replica_enabled", OnOff(Replica)), ("rpl_semi_sync_source_enabled", OnOff(Source)),
                    ("rpl_semi_sync_source_timeout", $"{TimeoutMs}"), ("rpl_semi_sync_source_wait_for_replica_count", $"{WaitFor}"));
        }

        return new([], [], 0);
    }

    private static ResultTable Named(params (string Name, string Value)[] rows) =>
        new(["Variable_name", "Value"], [.. rows.Select(r => new string?[] { r.Name, r.Value })], 0);

    private static string OnOff(bool on) => on ? "ON" : "OFF";
}
