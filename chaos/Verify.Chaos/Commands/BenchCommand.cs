using System.CommandLine;
using System.Diagnostics;
using Verify.Chaos.Bench;
using Verify.Chaos.Bench.Consensus;
using Verify.Chaos.Live;
using Verify.Chaos.Running;
using Verify.Fleet;
using Verify.MySql;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos bench: how fast the simulator is, and how fast the real system elects, writes and fails over.</summary>
internal static class BenchCommand
{
    private const int GoalMissed = 1;
    private static readonly string[] Parts = ["sim", "raft", "check", "consensus", "snapshot", "kv", "failover", "throttle", "fleet"];

    public static Command Create()
    {
        var part = new Argument<string>("part") { Description = "What to measure.", DefaultValueFactory = _ => "all" };
        part.AcceptOnlyFromAmong([.. Parts, "all"]);
        var quick = new Option<bool>("--quick") { Description = "Fewer and shorter rounds: for a look, not for a record." };
        var rounds = new Option<int?>("--rounds") { Description = "Rounds of each part, elections and failovers included." };
        var json = new Option<bool>("--json") { Description = "Print the record as JSON on standard output; everything for people goes to standard error." };
        var markdown = new Option<string?>("--markdown") { Description = "Write the table to this file, with command, commit, machine and load." };
        var flavor = new Option<string>("--flavor") { Description = "mysql or mariadb (for failover and throttle).", DefaultValueFactory = _ => "mysql" };
        flavor.AcceptOnlyFromAmong("mysql", "mariadb");
        var noInstall = new Option<bool>("--no-install") { Description = "Fetch and install nothing: use the servers and the etcd that this machine has." };
        var command = new Command("bench", """
            Measures speed and says what it is held against.
              sim        simulated seconds per wall second and core: 5 nodes in 3 data centres, 3 servers, 100 operations per simulated
                         second, faults and every check; runs of 10 simulated seconds; dc-fencing; what keeping the whole trace costs
              raft       schedules per second of the swarm over the bare Raft core, and what a night of them amounts to
              check      the linearizability checker: 10,000 calls on one register, 100,000 on 1,000 keys
              consensus  three verify-node on loopback, synced before they acknowledge, in turn with three etcd (Debian's etcd-server;
                         both asked over HTTP/1.1 with JSON, etcd through its /v3 gateway): writes, reads, replication lag, planned
                         transfer, election after kill -9, cost at idle; beside them the sync alone, on the same disk
              snapshot   three nodes with 100,000 keys of 1 KiB: what snapshots cost those who write, memory, restart
              kv         keys over HTTP: puts, gets, compare-and-set and batches with 1, 8 and 64 clients; 100 watchers; and the snapshot bench
              throttle   three nodes that sample three real servers: throttle checks with 1, 8 and 64 clients; leader killed -> 200 again
              fleet      3, 300 and 1,000 simulated servers, one probe a second each: CPU and memory of a node; how long its analysis takes
              failover   three nodes, three real servers: primary killed or hung -> first write on its successor, with its parts
            Other work on the machine makes every figure worse: the load average before and after is part of the record.
            Examples:
              verify-chaos bench --quick
              verify-chaos bench consensus --rounds 20
              verify-chaos bench failover --flavor mariadb --no-install
              verify-chaos bench all --markdown reports/results/bench-2026-11-21.md
            Exit codes: 0 measured, every goal reached; 1 measured, a goal was missed; 3 the harness or the machine failed
            (what was measured by then is in the table).
            """) { part, quick, rounds, json, markdown, flavor, noInstall };
        command.SetAction((parse, cancel) => ProgramErrors.GuardAsync(() => RunAsync(
            parse.GetValue(part)!, CommandText(parse),
            new()
            {
                Quick = parse.GetValue(quick),
                Rounds = parse.GetValue(rounds) is { } asked ? Math.Max(1, asked) : null,
                Live = new LiveOptions { Flavor = parse.GetValue(flavor) == "mariadb" ? Flavor.MariaDb : Flavor.MySql, MayInstall = !parse.GetValue(noInstall) },
            },
            parse.GetValue(json), parse.GetValue(markdown), cancel)));
        return command;
    }

    private static async Task<int> RunAsync(string part, string command, BenchOptions options, bool json, string? markdown, CancellationToken cancel)
    {
        var teller = new Teller(json);
        var clock = Stopwatch.StartNew();
        void Say(string text) => teller.Line($"{clock.Elapsed.TotalSeconds,6:0.0} s  {text}");
        var started = TimeProvider.System.GetUtcNow();
        var loadBefore = LoadAverage();
        var figures = new List<Figure>();
        var notes = new List<string>();
        if (options.Quick) notes.Add("Short run (--quick): a look, not a record.");
        var exitCode = 0;
        foreach (var name in Parts.Where(p => part == "all" || p == part))
        {
            IBench bench = name switch
            {
                "sim" => new SimBench(),
                "raft" => new RaftBench(),
                "check" => new CheckBench(),
                "consensus" => new ConsensusBench(),
                "snapshot" => new SnapshotBench(),
                "kv" => new KvBench(),
                "throttle" => new ThrottleBench(),
                "fleet" => new FleetBench(),
                _ => new FailoverBench(),
            };
            try
            {
                figures.AddRange(await bench.RunAsync(options, Say, cancel));
            }
            catch (BenchIncompleteException incomplete)
            {
                figures.AddRange(incomplete.Figures);
                notes.Add($"INCOMPLETE: {name}: {incomplete.Message}");
                exitCode = ProgramErrors.HarnessFailed;
            }
            catch (Exception cause) when (cause is HarnessException or FleetException)
            {
                notes.Add($"NOT MEASURED: {name}: {cause.Message}");
                exitCode = ProgramErrors.HarnessFailed;
            }
        }

        var record = new BenchRecord
        {
            Command = command,
            StartedAt = started,
            Commit = Machine.Commit(Machine.CheckoutRoot() ?? "."),
            Machine = Machine.Environment(),
            LoadBefore = loadBefore,
            LoadAfter = LoadAverage(),
            WallSeconds = clock.Elapsed.TotalSeconds,
            Figures = figures,
            Notes = notes,
        };
        foreach (var line in BenchReport.Table(record)) teller.Line(line);
        teller.Line($"load average (1, 5, 15 min): {record.LoadBefore} before, {record.LoadAfter} after; {Environment.ProcessorCount} cores; commit {record.Commit}");
        if (markdown is not null) await File.WriteAllTextAsync(markdown, BenchReport.Markdown(record), cancel);
        if (json) Console.Out.WriteLine(BenchReport.Json(record));
        return exitCode != 0 ? exitCode : record.ReachesAllGoals ? 0 : GoalMissed;
    }

    private static string CommandText(ParseResult parse) => $"verify-chaos {string.Join(' ', parse.Tokens.Select(t => t.Value))}";

    /// <summary>As Linux counts it (man 5 proc); "unknown" elsewhere.</summary>
    private static string LoadAverage()
    {
        const string File = "/proc/loadavg";
        return System.IO.File.Exists(File) ? string.Join(' ', System.IO.File.ReadAllText(File).Split(' ').Take(3)) : "unknown";
    }
}
