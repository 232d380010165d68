using System.Diagnostics;
using System.Globalization;
using Verify.Chaos.Explaining;
using Verify.Chaos.Live;
using Verify.Chaos.Output;
using Verify.Chaos.Running;
using Verify.Chaos.Simulated;
using Verify.Chaos.Traces;
using Verify.Checks;
using Verify.Reports.Model;
using Verify.Scenarios;

namespace Verify.Chaos.Commands;

/// <summary>What one invocation of run is asked for.</summary>
internal sealed record SuiteOptions
{
    public required Scenario Scenario { get; init; }
    public required string ScenarioText { get; init; }
    public required string ScenarioArgument { get; init; }
    public required bool Simulated { get; init; }
    public required bool Live { get; init; }
    public required IReadOnlyList<ulong> Seeds { get; init; }
    public required int Jobs { get; init; }
    public required bool FencingOff { get; init; }
    public required bool Twice { get; init; }
    public required string OutDirectory { get; init; }
    public required bool Json { get; init; }
    public required LiveOptions LiveOptions { get; init; }
}

/// <summary>Runs all seeds and the live run, keeps what is worth keeping, writes the report, says the verdict.</summary>
internal sealed class Suite(SuiteOptions options)
{
    private const int KeptMax = 20;

    /// <summary>One seed in so many runs twice (5 %), and every seed that does not end valid.</summary>
    private const int SampledEvery = 20;
    private readonly Teller _out = new(options.Json);
    private readonly List<RunRecord> _runs = [];

    /// <summary>What was played and found, once it was.</summary>
    public SuiteRecord? Played { get; private set; }

    public async Task<int> RunAsync(CancellationToken cancel)
    {
        var started = TimeProvider.System.GetUtcNow();
        var root = Machine.CheckoutRoot() ?? Directory.GetCurrentDirectory();
        var commit = Machine.Commit(root);
        var folder = RunFolder.Create(options.OutDirectory, options.Scenario.Name, started);
        _out.Line($"{options.Scenario.Name}: {options.Scenario.Story}");
        if (options.FencingOff) _out.Line("TEST ONLY: fencing is switched off; this run is meant to end INVALID");
        if (options.Simulated) Simulate(folder, commit, cancel);
        if (options.Live) await RunLiveAsync(folder, cancel);
        var suite = new SuiteRecord
        {
            RunId = folder.RunId,
            ScenarioName = options.Scenario.Name,
            Story = options.Scenario.Story,
            ScenarioText = options.ScenarioText,
            StartedAt = started,
            Commit = commit,
            ToolVersion = typeof(Suite).Assembly.GetName().Version?.ToString() ?? "",
            Environment = Machine.Environment(),
            RepeatCommand = $"dotnet run --project chaos/Verify.Chaos -c Release -- run {options.ScenarioArgument} --world {WorldWord()} --seeds {SeedsWord()}"
                + (options.FencingOff ? " --no-fencing" : "") + (options.LiveOptions.Flavor == MySql.Flavor.MariaDb ? " --flavor mariadb" : "") + (options.LiveOptions.RunsHooks ? " --hooks" : ""),
            FencingSwitchedOff = options.FencingOff,
            Runs = _runs,
            Verdict = _runs.Select(r => r.Verdict).DefaultIfEmpty(Verdict.Unknown).Max(),
            FailureClass = _runs.OrderByDescending(r => r.Verdict).Select(r => r.FailureClass).FirstOrDefault(c => c.Length > 0) ?? "",
        };
        Played = suite;
        var shown = _runs.FirstOrDefault(r => r.World == "live") ?? _runs.FirstOrDefault(r => r.Ops.Count > 0);
        var replayed = _runs.Where(r => r.World == "sim").OrderByDescending(r => r.Verdict).FirstOrDefault();
        folder.Finish(suite, shown, replayed is null ? null : Replay(replayed, commit));
        Tell(folder, suite);
        return suite.FailureClass == "harness" && suite.Verdict == Verdict.Unknown && _runs.Any(r => r.Findings.Any(f => f.Check == "harness"))
            ? ProgramErrors.HarnessFailed : RunOutcome.ExitCode(suite.Verdict);
    }

    private void Simulate(RunFolder folder, string commit, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        var gate = new Lock();
        var next = -1;
        var virtualSeconds = 0.0;
        var done = 0;
        var bad = 0;
        var lastTold = 0L;
        var isFirst = true;
        void Work()
        {
            while (!cancel.IsCancellationRequested)
            {
                var at = Interlocked.Increment(ref next);
                if (at >= options.Seeds.Count) return;
                var run = SimulatedRun.Play(options.Scenario, options.Seeds[at], new()
                {
                    FencingOff = options.FencingOff, Twice = options.Twice || at % SampledEvery == 0, FailuresTwice = true,
                });
                var trace = run.Verdict == Verdict.Valid || Volatile.Read(ref bad) >= KeptMax ? null : Recorded(ref run);
                lock (gate)
                {
                    done++;
                    virtualSeconds += run.RunSeconds;
                    if (run.Verdict != Verdict.Valid) bad++;
                    var keep = isFirst && at == 0 || (run.Verdict != Verdict.Valid && bad <= KeptMax);
                    if (at == 0) isFirst = false;
                    if (keep)
                    {
                        folder.Keep(run, Replay(run, commit));
                        if (trace is not null) TraceFile.Write(Path.Combine(folder.FolderOf(run), TraceFile.Name), trace);
                        if (run.Verdict != Verdict.Valid) run = TellFailure(folder, run, trace);
                    }

                    // Only the first run and the first failures are shown in full; the rest is one line each.
                    _runs.Add(keep && (at == 0 || bad <= 3) ? run : run with { Events = [], Ops = [] });
                    if (clock.ElapsedMilliseconds - lastTold > 2000 || done == options.Seeds.Count)
                    {
                        lastTold = clock.ElapsedMilliseconds;
                        _out.Line(string.Create(CultureInfo.InvariantCulture,
                            $"sim   {done}/{options.Seeds.Count} seeds, {bad} not valid, {virtualSeconds:0} simulated s in {clock.Elapsed.TotalSeconds:0.0} s ({virtualSeconds / clock.Elapsed.TotalSeconds:0}x)"));
                    }
                }
            }
        }

        var threads = Enumerable.Range(0, Math.Min(options.Jobs, options.Seeds.Count)).Select(i => new Thread(Work, 16 << 20) { Name = $"sim {i}" }).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        cancel.ThrowIfCancellationRequested();
        _runs.Sort((a, b) => a.Seed.CompareTo(b.Seed));
        TellDeterminism();
    }

    private void TellDeterminism()
    {
        var sampled = options.Twice ? _runs.Count : (_runs.Count + SampledEvery - 1) / SampledEvery;
        var different = _runs.Count(r => r.FailureClass == "nondeterminism");
        _out.Line($"sim   determinism: {sampled} of {_runs.Count} seeds and every seed that was not valid ran twice, {different} gave another trace");
    }

    /// <summary>A run that failed is played once more with its trace kept. When that is another run, it is the first thing to know about it.</summary>
    private RecordedTrace Recorded(ref RunRecord run)
    {
        var (again, trace) = Recorder.Record(
            options.Scenario, options.ScenarioText, run.Seed, new() { FencingOff = options.FencingOff }, Recorder.NewHeader("scenario", options.Scenario.Name, run.Seed));
        if (again.TraceHash == run.TraceHash) return trace;
        var finding = new Finding(RunOutcome.DeterminismCheck, Verdict.Invalid, "the same seed gives the same trace", $"{run.TraceHash}, and {again.TraceHash} when it was recorded", "equal hashes");
        run = run with { Verdict = Verdict.Invalid, FailureClass = FailureClass.Nondeterminism, Findings = [finding, .. run.Findings] };
        return trace;
    }

    private async Task RunLiveAsync(RunFolder folder, CancellationToken cancel)
    {
        var run = await LiveRun.PlayAsync(options.Scenario, options.Seeds[0], options.LiveOptions, folder.Path, s => _out.Line($"live  {s}"), cancel);
        folder.Keep(run, replay: null);
        _runs.Add(run);
    }

    private ReplayRecord Replay(RunRecord run, string commit) => new()
    {
        ScenarioText = options.ScenarioText, Seed = run.Seed, TraceHash = run.TraceHash, Commit = commit, FencingOff = options.FencingOff, Mutant = ArmedBug.Id,
    };

    /// <summary>Says what went wrong and, where its trace was kept, how it came about; the run with the page that says more.</summary>
    private RunRecord TellFailure(RunFolder folder, RunRecord run, RecordedTrace? trace)
    {
        var path = Path.GetRelativePath(Directory.GetCurrentDirectory(), folder.FolderOf(run));
        _out.Line($"sim   seed {run.Seed}: {Words.Of(run.Verdict)} ({run.FailureClass}): {string.Join("; ", run.Findings.Where(f => f.Verdict != Verdict.Valid).Select(f => $"{f.Check}: {f.Observed}"))}");
        var explained = trace is null ? run : FailedRun.Explain(options.Scenario.Name, run, trace, folder.FolderOf(run), path);
        foreach (var line in explained.ExplanationLines) _out.Line($"      {line}");
        foreach (var verb in new[] { "replay", "explain", "shrink" }) _out.Line($"      {verb + " it:",-11} dotnet run --project chaos/Verify.Chaos -c Release -- {verb} {path}");
        return explained with { ExplanationPage = explained.ExplanationPage.Length > 0 ? Path.GetRelativePath(folder.Path, Path.Combine(folder.FolderOf(run), explained.ExplanationPage)) : "" };
    }

    private void Tell(RunFolder folder, SuiteRecord suite)
    {
        var path = Path.GetRelativePath(Directory.GetCurrentDirectory(), folder.Path);
        foreach (var run in _runs.Where(r => r.World == "live" || r.Seed == options.Seeds[0]))
        {
            _out.Line("");
            _out.Line($"{run.World}{(run.World == "sim" ? $" seed {run.Seed}" : "")}: {Words.Of(run.Verdict)}");
            foreach (var finding in run.Findings) _out.Line($"  {Words.Of(finding.Verdict),-8} {finding.Check,-18} {finding.Observed} (bound: {finding.Bound})");
        }

        _out.Line("");
        _out.Line($"report   {path}/report.html");
        var simulated = _runs.Count(r => r.World == "sim");
        var valid = _runs.Count(r => r.World == "sim" && r.Verdict == Verdict.Valid);
        _out.Line($"VERDICT  {Words.Of(suite.Verdict)}{(suite.FailureClass.Length > 0 ? $" ({suite.FailureClass})" : "")}: "
            + string.Join(", ", new[] { simulated > 0 ? $"{valid} of {simulated} simulated runs valid" : "", options.Live ? $"live {Words.Of(_runs[^1].Verdict)}" : "" }.Where(s => s.Length > 0)));
        if (options.Json) Console.Out.WriteLine(File.ReadAllText(Path.Combine(folder.Path, "run.json")));
    }

    private string WorldWord() => options is { Simulated: true, Live: true } ? "both" : options.Live ? "live" : "sim";

    private string SeedsWord() => options.Seeds.Count == 1 ? $"{options.Seeds[0]}" : $"{options.Seeds[0]}..{options.Seeds[^1]}";
}

/// <summary>Lines for people: on standard output, or on standard error when that belongs to JSON.</summary>
internal sealed class Teller(bool onError)
{
    public void Line(string text) => (onError ? Console.Error : Console.Out).WriteLine(text);
}

internal static class Words
{
    public static string Of(Verdict verdict) => verdict switch
    {
        Verdict.Valid => "VALID",
        Verdict.Invalid => "INVALID",
        _ => "UNKNOWN",
    };
}
