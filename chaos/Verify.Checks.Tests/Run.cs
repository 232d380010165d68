namespace Verify.Checks.Tests;

/// <summary>A run written by hand, in milliseconds: three data centres with a node and a server each, db1 the first primary.</summary>
internal sealed class Run
{
    private readonly List<RunEvent> _events = [];
    private readonly List<Op> _ops = [];
    private readonly SortedDictionary<string, string> _nodes = new(StringComparer.Ordinal) { ["n1"] = "east", ["n2"] = "west", ["n3"] = "north" };
    private readonly SortedDictionary<string, string> _servers = new(StringComparer.Ordinal) { ["db1"] = "east", ["db2"] = "west", ["db3"] = "north" };
    private readonly SortedDictionary<string, IReadOnlySet<string>> _rows = new(StringComparer.Ordinal);
    private string? _finalPrimary;
    private string[] _setAside = [];
    private bool _isExact = true;
    private int _faults;

    public Run At(double ms, string kind, string subject, params (string Name, object Value)[] fields)
    {
        var text = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in fields)
        {
            text[name] = value is bool flag ? (flag ? "true" : "false") : value.ToString()!;
        }

        var dataCenter = _nodes.GetValueOrDefault(subject) ?? _servers.GetValueOrDefault(subject, "");
        _events.Add(new RunEvent((long)(ms * 1000), _events.Count, kind, subject, dataCenter, text));
        return this;
    }

    public Run Leader(string node, long term, double fromMs, double? toMs = null)
    {
        At(fromMs, EventKinds.RoleChanged, node, ("role", "Leader"), ("term", term), ("leader", node));
        Lease(node, term, fromMs);
        return toMs is { } end ? Lease(node, term, end, held: false) : this;
    }

    public Run Lease(string node, long term, double ms, bool held = true) =>
        At(ms, EventKinds.LeaderLease, node, ("term", term), ("held", held));

    /// <summary>A leader's word that its lease has ended, and how long ago that was.</summary>
    public Run LetsGo(string node, long term, double ms, double lateMs) =>
        At(ms, EventKinds.LeaderLease, node, ("term", term), ("held", false), ("lateUs", (long)(lateMs * 1000)));

    public Run Writable(string server, double fromMs, double? toMs = null)
    {
        Sample(server, fromMs, writable: true);
        return toMs is { } end ? Sample(server, end, writable: false) : this;
    }

    public Run Sample(string server, double ms, bool writable) => At(ms, EventKinds.Writable, server, ("writable", writable));

    public Run Fault(string fault, string resolved, double fromMs, double? toMs = null, string cuts = "")
    {
        var step = $"{fault} {++_faults}";
        At(fromMs, EventKinds.FaultBegun, step, ("fault", fault), ("resolved", resolved), ("cuts", cuts));
        return toMs is { } end ? At(end, EventKinds.FaultEnded, step, ("fault", fault), ("resolved", resolved)) : this;
    }

    /// <summary>A node's process stands still, and goes on as if nothing had been.</summary>
    public Run Frozen(string node, double fromMs, double toMs) =>
        At(fromMs, EventKinds.NodeDown, node, ("how", "pause")).At(toMs, EventKinds.NodeUp, node, ("how", "resume"));

    public Run Phase(string name, double ms) => At(ms, EventKinds.Phase, "run", ("name", name));

    public Run Insert(double calledMs, double returnedMs, string server, OpOutcome outcome = OpOutcome.Ok, string dataCenter = "east") =>
        Do(OpKind.SqlInsert, $"row{_ops.Count}", calledMs, returnedMs, server, outcome, dataCenter: dataCenter);

    public Run Do(
        OpKind kind, string key, double calledMs, double returnedMs, string? value, OpOutcome outcome = OpOutcome.Ok,
        string? expected = null, bool refused = false, string by = "n1", string dataCenter = "east", int client = 0)
    {
        _ops.Add(new Op
        {
            Id = _ops.Count, Client = client, DataCenter = dataCenter, Kind = kind, Key = key, Value = value, Expected = expected,
            Outcome = outcome, CalledUs = (long)(calledMs * 1000), ReturnedUs = outcome == OpOutcome.Unknown ? long.MaxValue : (long)(returnedMs * 1000),
            By = by, CasRefused = refused,
        });
        return this;
    }

    /// <summary>A node is about to send a statement for a recovery.</summary>
    public Run Acts(string node, long term, double ms) =>
        At(ms, EventKinds.Acting, node, ("cluster", "main"), ("recoveryId", 40), ("step", "Promote"), ("term", term));

    public Run Opened(string server, double ms) => At(ms, EventKinds.Opened, "n1", ("cluster", "main"), ("instance", server), ("token", (long)ms));

    /// <summary>A node answered who asked it.</summary>
    public Run Told(string node, double ms, bool healthy = true, string primary = "", bool leased = false) =>
        At(ms, EventKinds.Told, node, ("healthy", healthy), ("primary", primary), ("leased", leased));

    public Run SetAside(params string[] servers)
    {
        _setAside = servers;
        return this;
    }

    public Run FinalRows(string server, params string[] rows)
    {
        _rows[server] = rows.ToHashSet(StringComparer.Ordinal);
        return this;
    }

    public Run FinalPrimary(string? server)
    {
        _finalPrimary = server;
        return this;
    }

    /// <summary>Live: "writable" is a sample, and times are not exact.</summary>
    public Run Sampled()
    {
        _isExact = false;
        return this;
    }

    public RunFacts Facts(double endMs = 60_000) => new()
    {
        History = new History(_ops.OrderBy(o => o.CalledUs).ToArray()) { FinalRows = _rows, FinalPrimary = _finalPrimary, SetAside = _setAside },
        Events = _events.OrderBy(e => e.AtUs).ToArray(),
        Nodes = _nodes,
        Servers = _servers,
        FirstPrimary = "db1",
        ObservationsAreExact = _isExact,
        EndUs = (long)(endMs * 1000),
    };

    public Finding Judge(ICheck check, double endMs = 60_000)
    {
        var finding = check.Judge(Facts(endMs));
        TestContext.Out.WriteLine($"{finding.Verdict}: {finding.Observed} (bound {finding.Bound})\n{finding.Evidence}");
        return finding;
    }
}
