using System.Collections.Immutable;
using Verify.MySql;
using Verify.Node.Seam;

namespace Verify.Sim.Fleet;

/// <summary>What an account of a simulated server may do.</summary>
public enum AccountRights : byte
{
    /// <summary>Everything: bound by super_read_only, not by read_only.</summary>
    Topology,

    /// <summary>Reads and writes in schema app; bound by every read-only flag.</summary>
    Application,

    /// <summary>Fetches the binary log, nothing else.</summary>
    Replication,
}

/// <summary>One account of a simulated server.</summary>
public sealed record SimAccount(string User, string Password, AccountRights Rights);

/// <summary>What one simulated server is to be: who it is, where it listens, how careful it is. The same words as the live
/// fleet's server options, for the same behaviour.</summary>
public sealed record SimMySqlOptions
{
    public required string Name { get; init; }

    /// <summary>Where it listens.</summary>
    public required Endpoint Endpoint { get; init; }
    public Flavor Flavor { get; init; } = Flavor.MySql;

    /// <summary>As the greeting has it, without MariaDB's "5.5.5-"; empty for the version that the model was held against.</summary>
    public string VersionText { get; init; } = "";
    public required uint ServerId { get; init; }

    /// <summary>MySQL's server_uuid; empty makes one from the server's id.</summary>
    public string Uuid { get; init; } = "";
    public ImmutableArray<SimAccount> Accounts { get; init; } = [];

    /// <summary>super_read_only=ON (MySQL) or read_only=ON (MariaDB) in the configuration file: so it comes up, every time.</summary>
    public bool BootsReadOnly { get; init; } = true;

    /// <summary>The replica's half of semi-sync: acknowledges what it has written to its relay log.</summary>
    public bool SemiSyncReplica { get; init; } = true;

    /// <summary>The source's half of semi-sync at boot (AFTER_SYNC, one acknowledgement, no fallback). Beware, on both flavours:
    /// a replica that boots with it cannot apply anything, because its own applier waits for a replica of its own; switch
    /// it on with <see cref="Statement.SetSemiSync"/> where and when a server is opened.</summary>
    public bool SemiSyncSourceAtBoot { get; init; }

    /// <summary>A replica that hears nothing for so long connects again.</summary>
    public TimeSpan ReplicaNetTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long the applier takes for one transaction.</summary>
    public TimeSpan ApplyTime { get; init; } = TimeSpan.FromMicroseconds(500);

    /// <summary>relay_log_recovery=ON (MySQL): what was fetched and not applied is thrown away at a restart and fetched again.
    /// MariaDB with GTIDs always does that.</summary>
    public bool RelayLogRecovery { get; init; }

    /// <summary>How the name of a source is reached from here (proxies, split-horizon addresses).</summary>
    public Func<Endpoint, Endpoint> Reach { get; init; } = static name => name;

    /// <summary>report_host and report_port; null: where it listens.</summary>
    public Endpoint? Reported { get; init; }
    internal Endpoint ReportedAs => Reported ?? Endpoint;

    internal string GreetingVersion => (Flavor, VersionText) switch
    {
        (Flavor.MySql, "") => "9.7.4-2",
        (Flavor.MySql, var text) => text,
        (_, "") => "5.5.5-10.11.18-MariaDB-0+deb12u1-log",
        (_, var text) => "5.5.5-" + text,
    };

    internal string ServerUuid => Uuid.Length > 0 ? Uuid : $"{ServerId:x8}-0000-11f0-8000-000000000000";
}
