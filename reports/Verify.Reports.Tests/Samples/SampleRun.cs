using Verify.Checks;
using Verify.Reports.Model;

namespace Verify.Reports.Tests.Samples;

/// <summary>A run written by hand, in seconds, as the worlds write it: three data centres with a node and a server each.</summary>
internal sealed class SampleRun(string world, ulong seed = 7)
{
    private readonly List<RunEvent> _events = [];
    private readonly List<Op> _ops = [];
    private readonly SortedDictionary<string, IReadOnlySet<string>> _rows = new(StringComparer.Ordinal);

    public static IReadOnlyDictionary<string, string> Nodes { get; } =
        new SortedDictionary<string, string>(StringComparer.Ordinal) { ["n1"] = "east", ["n2"] = "west", ["n3"] = "north" };

    public static IReadOnlyDictionary<string, string> Servers { get; } =
        new SortedDictionary<string, string>(StringComparer.Ordinal) { ["db1"] = "east", ["db2"] = "west", ["db3"] = "north" };

    public bool IsLive => world == "live";
    public IReadOnlyList<Op> Ops => _ops;

    public SampleRun At(double s, string kind, string subject, params (string Name, object Value)[] fields)
    {
        var text = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in fields) text[name] = value is bool flag ? (flag ? "true" : "false") : value.ToString()!;
        var dataCenter = Nodes.GetValueOrDefault(subject) ?? Servers.GetValueOrDefault(subject, "");
        _events.Add(new(Us(s), _events.Count, kind, subject, dataCenter, text));
        return this;
    }

    public SampleRun Role(double s, string node, string role, long term, string leader = "") =>
        At(s, EventKinds.RoleChanged, node, ("role", role), ("term", term), ("leader", leader));

    public SampleRun Lease(double s, string node, long term, bool held = true) => At(s, EventKinds.LeaderLease, node, ("term", term), ("held", held));

    public SampleRun Quorum(double s, string node, bool inQuorum) => At(s, EventKinds.QuorumSeen, node, ("inQuorum", inQuorum));

    public SampleRun WriteLease(double s, string node, string instance, long token, bool held = true) =>
        At(s, EventKinds.WriteLease, node, ("cluster", "main"), ("instance", instance), ("token", token), ("held", held));

    public SampleRun Fencing(double s, string node, string instance, string phase, string by = "guardian") =>
        At(s, EventKinds.Fencing, node, ("cluster", "main"), ("instance", instance), ("token", 3), ("phase", phase), ("by", by));

    public SampleRun Recovery(double s, string node, string phase, string step = "", string detail = "") =>
        At(s, EventKinds.Recovery, node, ("cluster", "main"), ("recoveryId", 1), ("phase", phase), ("step", step), ("detail", detail));

    public SampleRun Phase(double s, string name) => At(s, EventKinds.Phase, "run", ("name", name));

    public SampleRun Fault(double fromS, double? toS, string fault, string resolved, string step = "step 1", string proof = "214")
    {
        At(fromS, EventKinds.FaultBegun, step, ("fault", fault), ("resolved", resolved), ("line", "14"));
        return toS is { } to ? At(to, EventKinds.FaultEnded, step, ("fault", fault), ("resolved", resolved), ("proof", proof)) : this;
    }

    /// <summary>In simulation every change is told, live every sample that says "writable", and the first that says it no longer.</summary>
    public SampleRun Writable(string server, double fromS, double toS, double sampleS = 0.05)
    {
        At(fromS, EventKinds.Writable, server, ("writable", true));
        for (var s = fromS + sampleS; IsLive && s < toS; s += sampleS) At(s, EventKinds.Writable, server, ("writable", true));
        return At(toS, EventKinds.Writable, server, ("writable", false));
    }

    public SampleRun Insert(double calledS, double tookS, string dataCenter, string server, OpOutcome outcome)
    {
        _ops.Add(new()
        {
            Id = _ops.Count, Client = dataCenter.Length, DataCenter = dataCenter, Kind = OpKind.SqlInsert, Key = $"r{_ops.Count}", Value = server, Outcome = outcome,
            CalledUs = Us(calledS), ReturnedUs = outcome == OpOutcome.Unknown ? long.MaxValue : Us(calledS + tookS), By = server,
        });
        return this;
    }

    public SampleRun Rows(string server, IEnumerable<string> rows)
    {
        _rows[server] = rows.ToHashSet(StringComparer.Ordinal);
        return this;
    }

    public IReadOnlyList<RunEvent> Events => [.. _events.OrderBy(e => e.AtUs)];

    /// <summary>Judged by the real checks, so that a sample cannot claim what its events do not show.</summary>
    public RunRecord Judged(string durability, params ICheck[] checks)
    {
        var facts = new RunFacts
        {
            History = new([.. _ops.OrderBy(o => o.CalledUs)]) { FinalRows = _rows, FinalPrimary = "db2" },
            Events = Events, Nodes = Nodes, Servers = Servers, FirstPrimary = "db1", ObservationsAreExact = !IsLive,
            EndUs = _events.Max(e => e.AtUs),
        };
        var findings = checks.Select(c => c.Judge(facts)).ToList();
        return Record() with
        {
            Findings = findings, Verdict = findings.Worst(), FailureClass = findings.Worst() == Verdict.Invalid ? "safety" : "",
            RunSeconds = facts.EndUs / 1e6, Details = Details(durability), Events = Events, Ops = facts.History.Ops,
        };
    }

    /// <summary>Unjudged: for tests of the picture alone.</summary>
    public RunRecord Record() => new()
    {
        World = world, Seed = seed, Verdict = Verdict.Unknown, RunSeconds = 0, WallSeconds = IsLive ? 61.25 : 0.125, Findings = [], Nodes = Nodes, Servers = Servers,
        Events = Events, Ops = _ops, TraceHash = IsLive ? "" : HashOf(seed), RepeatCommand = IsLive ? "" : CommandOf(seed),
    };

    public static string HashOf(ulong seed) => $"{0xfeed0000beef + seed:x16}";

    public static string CommandOf(ulong seed) => $"dotnet run --project chaos/Verify.Chaos -c Release -- run dc-fencing --world sim --seeds {seed}";

    private static long Us(double s) => (long)Math.Round(s * 1e6);

    private SortedDictionary<string, string> Details(string durability) => IsLive
        ? new(StringComparer.Ordinal)
        {
            ["servers"] = "3 × MySQL 9.7.4, plain processes", ["durability"] = durability, ["network"] = "18 links between data centres through the built-in proxy",
            ["nodes"] = "3 verify-node processes",
        }
        : new(StringComparer.Ordinal) { ["durability"] = durability, ["servers"] = "3 × model of MySQL 9.7" };
}
