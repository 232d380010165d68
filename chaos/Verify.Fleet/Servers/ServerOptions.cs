using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Verify.Fleet.Processes;
using Verify.MySql;

namespace Verify.Fleet.Servers;

/// <summary>What one server of the fleet is to be: where it listens, who it is, how careful it is.</summary>
/// <param name="Name">As scenarios call it ("db1"); also the name of its folder.</param>
public sealed record ServerOptions(string Name, string Address, int Port, int ServerId)
{
    /// <summary>Where others reach it when that is not its own address (through a proxy); what SHOW REPLICAS names.</summary>
    public (string Host, int Port)? Reported { get; init; }

    /// <summary>A commit is acknowledged only when a replica has it (AFTER_SYNC), and never falls back to asynchronous. The
    /// replica's side is on from the start; the source's side is turned on for a primary (<see cref="Statement.SetSemiSync"/>),
    /// because on a replica the applier's commits would wait for ever.</summary>
    public bool SemiSync { get; init; } = true;

    /// <summary>The replica's side, from the start: false for one that is not to acknowledge although others do.</summary>
    public bool SemiSyncReplica { get; init; } = true;

    /// <summary>Size limit of the data directory in bytes; null for none. With it the data directory is a disk of its own
    /// that can run full.</summary>
    public long? DiskBytesMax { get; init; }

    /// <summary>That disk can be made to stand still (<see cref="Disks.LimitedDisk.Stall"/>).</summary>
    public bool DiskMayStall { get; init; }

    /// <summary>Further lines of my.cnf.</summary>
    public ImmutableArray<string> ExtraLines { get; init; } = [];

    /// <summary>mysqld refuses to run as root unless it is told so; an account of its own may not exist on the machine.</summary>
    internal static ImmutableArray<string> AsRoot => Libc.IsRoot ? ["--user=root"] : [];

    /// <summary>The my.cnf of one server: small in memory, durable, read-only until it is opened. Reasons: facts measured on
    /// MySQL 9.7 and MariaDB 10.11.</summary>
    internal string MyCnf(Flavor flavor, string folder, string dataDirectory)
    {
        var (host, port) = Reported ?? (Address, Port);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            [{(flavor == Flavor.MySql ? "mysqld" : "mariadbd")}]
            datadir={dataDirectory}
            socket={folder}/s.sock
            pid-file={folder}/server.pid
            log-error={folder}/error.log
            tmpdir={folder}/tmp
            bind-address={Address}
            port={Port}
            server-id={ServerId}
            report-host={host}
            report-port={port}
            log-bin=binlog
            relay-log=relay
            binlog-format=ROW
            skip-name-resolve=ON
            skip-external-locking
            performance_schema=OFF
            max_connections=200
            max_connect_errors=1000000
            thread_cache_size=4
            table_open_cache=256
            table_open_cache_instances=1
            table_definition_cache=400
            open_files_limit=4096
            key_buffer_size=16K
            tmp_table_size=1M
            max_heap_table_size=1M
            innodb_buffer_pool_size=32M
            innodb_buffer_pool_dump_at_shutdown=OFF
            innodb_buffer_pool_load_at_startup=OFF
            innodb_use_native_aio=OFF
            innodb_data_file_path={DataTemplate.SystemTablespace}

            """);
        text.Append(flavor == Flavor.MySql ? MySqlLines(SemiSync && SemiSyncReplica) : MariaDbLines(SemiSync && SemiSyncReplica));
        foreach (var line in ExtraLines) text.Append(line).Append('\n');
        return text.ToString();
    }

    // Boots closed for writes: a server that comes back after a crash must not accept any before it is told to.
    private static string MySqlLines(bool semiSync) => $"""
        read_only=ON
        super_read_only=ON
        skip_replica_start=ON
        replica_net_timeout=1
        gtid_mode=ON
        enforce_gtid_consistency=ON
        log_replica_updates=ON
        mysqlx=OFF
        secure-file-priv=NULL
        log_error_verbosity=2
        plugin-load-add=semisync_source.so
        plugin-load-add=semisync_replica.so
        rpl_semi_sync_source_enabled=OFF
        rpl_semi_sync_replica_enabled={OnOff(semiSync)}
        rpl_semi_sync_source_timeout=4294967295
        rpl_semi_sync_source_wait_for_replica_count=1
        rpl_semi_sync_source_wait_no_replica=ON
        rpl_semi_sync_source_wait_point=AFTER_SYNC
        thread_stack=512K
        temptable_max_ram=2M
        innodb_log_buffer_size=1M
        innodb_redo_log_capacity=16M
        innodb_numa_interleave=OFF
        innodb_read_io_threads=1
        innodb_write_io_threads=1
        innodb_purge_threads=1
        innodb_page_cleaners=1
        innodb_parallel_read_threads=1
        innodb_ddl_threads=1

        """;

    private static string MariaDbLines(bool semiSync) => $"""
        read_only=ON
        skip-slave-start=ON
        slave_net_timeout=1
        log-slave-updates=ON
        gtid_strict_mode=ON
        gtid_domain_id=0
        rpl_semi_sync_master_enabled=OFF
        rpl_semi_sync_slave_enabled={OnOff(semiSync)}
        rpl_semi_sync_master_timeout=4294967295
        rpl_semi_sync_master_wait_no_slave=ON
        rpl_semi_sync_master_wait_point=AFTER_SYNC
        innodb_log_buffer_size=2M
        innodb_log_file_size=16M
        innodb_read_io_threads=2
        innodb_write_io_threads=2
        aria_pagecache_buffer_size=8M
        sync_binlog=1
        innodb_flush_log_at_trx_commit=1

        """;

    private static string OnOff(bool on) => on ? "ON" : "OFF";
}
