using System.Globalization;
using System.Text;
using Verify.Checks;
using Verify.Checks.Timelines;

namespace Verify.Reports.Model;

/// <summary>A sentence or two on the reach of the evidence.</summary>
public sealed record Limit(string Heading, string Text);

/// <summary>What was simulated, what was real and what was not tested. Said from the record, not from what the programs can do:
/// a suite without a live run says so, and the faults named are those that happened.</summary>
public static class Limits
{
    private const string OnlyTheChecks = "They prove that the checks can fail, and nothing else.";
    private const string NothingReal = "Nothing: this record holds no live run. No socket, no disk and no MySQL server was touched.";
    private const string NothingSimulated = "Nothing: this record holds no simulated run. One timing was seen, and it cannot be repeated exactly.";

    /// <summary>The words of the scenario language (scenarios/README.md) with what they mean here.</summary>
    private static readonly IReadOnlyList<(string Word, string Meaning)> FaultWords =
    [
        ("partition", "a cut between data centres"), ("oneWay", "a cut in one direction"), ("slow", "slow links"), ("kill", "processes killed"),
        ("pause", "processes frozen"), ("clockSkew", "wrong clocks"), ("diskFull", "full disks"),
        ("ring", "a circle of data centres that reach their neighbours only"), ("bridge", "halves that only a bridge connects"), ("swizzle", "links clogged one by one"),
        ("lossy", "lost segments"), ("garble", "bits turned on the wire"), ("repeat", "bytes that arrive twice"), ("reconnect", "connections that overtake each other"),
        ("slowDisk", "slow disks"), ("failWrites", "failing writes"), ("failSyncs", "failing syncs"), ("bitRot", "bits turned on disks"), ("tornSector", "torn sectors"),
        ("misdirect", "misdirected writes"), ("lostDisk", "lost disks"), ("clockStep", "clocks that jump"), ("clockStrobe", "clocks that jump there and back"),
        ("restartStorm", "restart storms"), ("rollingRestart", "rolling restarts"), ("cutLink", "a cut between one node and one server"), ("stopSqlThread", "stopped SQL threads"),
        ("lag", "replicas that apply late"), ("errant", "transactions that one server alone has"), ("takeover", "primaries moved by an operator"),
    ];

    public static IReadOnlyList<Limit> Of(SuiteRecord suite)
    {
        var simulated = suite.Runs.Where(r => r.World == "sim").ToList();
        var live = suite.Runs.Where(r => r.World == "live").ToList();
        var limits = new List<Limit>();
        if (suite.FencingSwitchedOff) limits.Add(new("Not the product", $"Fencing was switched off for these runs. {OnlyTheChecks}"));
        if (suite.Mutant.Length > 0) limits.Add(new("Not the product", $"The planted bug {suite.Mutant} was compiled in and armed. {OnlyTheChecks}"));
        limits.Add(new("Real", live.Count > 0 ? Real(suite, live) : NothingReal));
        limits.Add(new("Simulated", simulated.Count > 0 ? Simulated(suite, simulated) : NothingSimulated));
        limits.Add(new("Faults", Faults(suite)));
        if (Durability(suite) is { Length: > 0 } durability) limits.Add(new("Durability", durability));
        var runs = suite.Runs.Count == 1 ? "this one run" : $"these {N(suite.Runs.Count)} runs";
        limits.Add(new("Observed, not proven", $"VALID means that no violation was seen in {runs}; UNKNOWN means that a check could not tell, and is no pass."));
        limits.Add(new("Not tested here", NotTested(suite, live.Count > 0)));
        return limits;
    }

    /// <summary>What the runs of a world say of themselves: name, value; several values where runs differ.</summary>
    public static IReadOnlyList<(string Name, string Value)> DetailsOf(SuiteRecord suite, string world) =>
        [.. suite.Runs.Where(r => r.World == world).SelectMany(r => r.Details)
            .GroupBy(d => d.Key, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => (g.Key, string.Join(" / ", g.Select(d => d.Value).Distinct(StringComparer.Ordinal).Take(5))))];

    private static string Real(SuiteRecord suite, List<RunRecord> live)
    {
        var text = new StringBuilder();
        text.Append("The production program verify-node with its sockets, its log on disk and its HTTP API");
        text.Append(Detail(suite, "live", "nodes", before: " (", after: ")"));
        text.Append(live.Any(r => r.Servers.Count > 0) ? $", and MySQL servers with their own replication{Detail(suite, "live", "servers", " (", ")")}. " : "; no MySQL server. ");
        text.Append("All on one machine over loopback: a data centre is a range of addresses, a cut is made in a proxy on the link");
        text.Append(Detail(suite, "live", "network", " (", ")"));
        text.Append(", so no packet was lost, doubled or reordered below TCP, and distances are those of one machine. ");
        var gap = live.Select(LongestSampleGapUs).OfType<long>().DefaultIfEmpty(-1).Max();
        if (gap >= 0)
        {
            text.Append("Whether a server takes writes is sampled; the longest time between two samples of a writable server was ");
            text.Append($"{FigureText.Us(gap)}, and an overlap shorter than that can be missed. ");
        }

        return text.Append(suite.Runs.Any(r => r.World == "live" && r.FailureClass == "harness") ? "The harness did not carry the live run through." : "").ToString().Trim();
    }

    private static string Simulated(SuiteRecord suite, List<RunRecord> runs)
    {
        var text = new StringBuilder();
        text.Append($"{N(runs.Count)} {(runs.Count == 1 ? "schedule" : "schedules")} (seeds {runs.Min(r => r.Seed)} to {runs.Max(r => r.Seed)}, ");
        text.Append($"{N(Math.Round(runs.Sum(r => r.RunSeconds)))} s of virtual time) ");
        text.Append("of the same node code, down to its bytes on the wire and on disk, over a simulated network, simulated disks and clocks");
        text.Append(runs.Any(r => r.Servers.Count > 0)
            ? ". Its MySQL servers are a model that speaks the protocol and is held to real servers by common statement transcripts; "
                + "it has no storage engine, no locks and no optimizer. "
            : ". ");
        var details = DetailsOf(suite, "sim");
        if (details.Count > 0) text.Append($"Settings: {string.Join(", ", details.Select(d => $"{d.Name} {d.Value}"))}. ");
        return text.Append("Not part of it: the HTTP server, TLS, the operating system, threads.").ToString();
    }

    private static string Faults(SuiteRecord suite)
    {
        var seen = suite.Runs.SelectMany(r => r.Events)
            .Where(e => e.Kind == EventKinds.FaultBegun && e["resolved"].Length > 0).Select(e => e["fault"])
            .Distinct(StringComparer.Ordinal).ToList();
        if (suite.Runs.All(r => r.Events.Count == 0)) return "No run was kept with its events; see the scenario for what was to be inflicted.";
        var done = seen.Count == 0 ? "None was inflicted." : $"Inflicted: {string.Join(", ", seen.Order(StringComparer.Ordinal).Select(Meaning))}.";
        var absent = FaultWords.Where(f => !seen.Contains(f.Word, StringComparer.Ordinal)).Select(f => f.Meaning).ToList();
        return absent.Count == 0 ? done : $"{done} Not inflicted in this scenario: {string.Join(", ", absent)}.";
    }

    private static string Meaning(string word) => FaultWords.Where(f => f.Word == word).Select(f => f.Meaning).DefaultIfEmpty(word).First();

    private static string Durability(SuiteRecord suite)
    {
        var policies = suite.Runs.SelectMany(r => r.Details).Where(d => d.Key == "durability").Select(d => d.Value)
            .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        if (policies.Count == 0) return "";
        var before = suite.Runs.SelectMany(r => r.Findings)
            .Select(f => f.Figures.TryGetValue("acksBeforeFence", out var acks) ? acks : -1).DefaultIfEmpty(-1).Max();
        var text = string.Join(" ", policies.Select(p => p switch
        {
            "none" => "Replication is asynchronous (durability \"none\"): what an isolated primary acknowledges before it is fenced is lost by design.",
            "semi_sync" => "A commit is acknowledged only when a replica has it (durability \"semi_sync\", no fallback to asynchronous).",
            _ => $"Durability policy: {p}.",
        }));
        return before < 0 ? text : $"{text} Between isolation and fence the isolated side acknowledged at most {FigureText.Count(before)} writes in a run.";
    }

    private static string NotTested(SuiteRecord suite, bool isLive)
    {
        var cut = suite.Runs.SelectMany(r => r.Events).Where(e => e.Kind == EventKinds.FaultBegun).Select(e => e["fault"]).ToList();
        var both = cut.Contains("partition", StringComparer.Ordinal) && cut.Any(f => f is "kill" or "pause");
        var guardian = both ? "" : "the guardian dying together with the isolation of its data centre (the dead-man switch inside the server is there for that); ";
        var live = isLive ? "disks that lie about syncs and the loss of power (live processes are killed, the machine is not); wrong clocks of MySQL servers; " : "";
        return $"{WithoutSwitch(suite)}{guardian}{live}a server's wall clock set back between the last feed of its dead-man switch and the death of its guardian; clocks that drift apart by more than the configured bound; changes of membership, snapshots, "
            + "upgrades between versions; TLS between nodes; more data centres, nodes or load than the scenario has.";
    }

    /// <summary>The residual risk of servers that did not allow the switch: named, because only their guardian could close them.</summary>
    private static string WithoutSwitch(SuiteRecord suite)
    {
        var servers = suite.Runs.SelectMany(r => r.Events).Where(e => e.Kind == EventKinds.DeadMan && e["state"] == "Absent")
            .Select(e => $"{e["instance"]} ({e["detail"]})").Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        return servers.Count == 0 ? "" : $"servers without a dead-man switch, which only their guardian can close: {string.Join(", ", servers)}; ";
    }

    /// <summary>The longest silence inside a span that counts as writable; null when nothing was sampled.</summary>
    private static long? LongestSampleGapUs(RunRecord run)
    {
        long? longest = null;
        foreach (var samples in run.Events.Where(e => e.Kind == EventKinds.Writable).GroupBy(e => e.Subject, StringComparer.Ordinal))
        {
            RunEvent? before = null;
            foreach (var e in samples.OrderBy(e => e.AtUs))
            {
                var gap = before is not null && before["writable"] == "true" && e["writable"] == "true" ? e.AtUs - before.AtUs : -1;
                if (gap >= 0 && gap <= WritableSpans.SilenceUsMax) longest = Math.Max(longest ?? 0, gap);
                before = e;
            }
        }

        return longest;
    }

    private static string Detail(SuiteRecord suite, string world, string name, string before, string after)
    {
        var value = DetailsOf(suite, world).Where(d => d.Name == name).Select(d => d.Value).FirstOrDefault();
        return value is { Length: > 0 } ? before + value + after : "";
    }

    private static string N(double value) => value.ToString("#,0", CultureInfo.InvariantCulture);
}
