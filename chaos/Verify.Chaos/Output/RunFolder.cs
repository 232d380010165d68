using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Verify.Checks;
using Verify.Reports;
using Verify.Reports.Model;

namespace Verify.Chaos.Output;

/// <summary>artifacts/&lt;run&gt;/: everything one invocation leaves behind, so that it can be zipped, attached, read years later and
/// judged again.</summary>
public sealed class RunFolder
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter() },
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private static readonly IReadOnlyDictionary<string, IReadOnlySet<string>> NoRows = new SortedDictionary<string, IReadOnlySet<string>>(StringComparer.Ordinal);

    private RunFolder(string path, string runId)
    {
        Path = path;
        RunId = runId;
    }

    public string Path { get; }
    public string RunId { get; }

    /// <summary>Makes the folder and points "latest" at it.</summary>
    public static RunFolder Create(string root, string scenario, DateTimeOffset now)
    {
        Directory.CreateDirectory(root);
        var runId = $"{now:yyyyMMdd-HHmmss}-{scenario}";
        for (var again = 2; Directory.Exists(System.IO.Path.Combine(root, runId)); again++) runId = $"{now:yyyyMMdd-HHmmss}-{scenario}-{again}";
        var path = System.IO.Path.GetFullPath(System.IO.Path.Combine(root, runId));
        Directory.CreateDirectory(path);
        var latest = System.IO.Path.Combine(root, "latest");
        try
        {
            if (new FileInfo(latest).LinkTarget is not null) File.Delete(latest);
            if (!Directory.Exists(latest)) Directory.CreateSymbolicLink(latest, runId);
        }
        catch (IOException)
        {
            // Two runs at once: the other one's link is as good.
        }

        return new(path, runId);
    }

    /// <summary>The sub-folder of one run that is kept in full.</summary>
    public string FolderOf(RunRecord run)
    {
        var path = System.IO.Path.Combine(Path, run.World == "live" ? "live" : System.IO.Path.Combine("sim", $"seed-{run.Seed}"));
        Directory.CreateDirectory(path);
        return path;
    }

    /// <summary>Writes what a run kept in full leaves: history, events, and what a replay needs.</summary>
    public void Keep(RunRecord run, ReplayRecord? replay)
    {
        var folder = FolderOf(run);
        WriteEvidence(folder, run);
        if (replay is not null) File.WriteAllText(System.IO.Path.Combine(folder, "replay.json"), JsonSerializer.Serialize(replay, Json));
    }

    /// <summary>Writes the report in all its forms. The run shown first gives the history and the events at the top.</summary>
    public void Finish(SuiteRecord suite, RunRecord? shown, ReplayRecord? replay)
    {
        if (shown is not null) WriteEvidence(Path, shown);
        if (replay is not null) File.WriteAllText(System.IO.Path.Combine(Path, "replay.json"), JsonSerializer.Serialize(replay, Json));
        var bare = suite with { Runs = [.. suite.Runs.Select(r => r with { Events = [], Ops = [], FinalRows = NoRows })] };
        File.WriteAllText(System.IO.Path.Combine(Path, "run.json"), JsonSerializer.Serialize(bare, Json));
        File.WriteAllText(System.IO.Path.Combine(Path, "report.html"), ReportPage.Render(suite));
        File.WriteAllText(System.IO.Path.Combine(Path, "junit.xml"), JUnitXml.Render(suite));
        File.WriteAllText(System.IO.Path.Combine(Path, "summary.md"), SummaryMarkdown.Render(suite));
        WriteSums();
    }

    /// <summary>Reads a folder back: run.json, and the evidence of each run that was kept in full.</summary>
    /// <exception cref="HarnessFolderException">The folder lacks run.json or it is not readable.</exception>
    public static SuiteRecord Load(string folder)
    {
        var file = System.IO.Path.Combine(folder, "run.json");
        if (!File.Exists(file)) throw new HarnessFolderException($"{folder} holds no run.json: it is no folder of a run");
        var suite = JsonSerializer.Deserialize<SuiteRecord>(File.ReadAllText(file), Json) ?? throw new HarnessFolderException($"{file} is empty");
        return suite with { Runs = [.. suite.Runs.Select(r => WithEvidence(folder, r))] };
    }

    /// <exception cref="HarnessFolderException">No replay.json there.</exception>
    public static ReplayRecord LoadReplay(string folder)
    {
        var file = System.IO.Path.Combine(folder, "replay.json");
        if (!File.Exists(file)) throw new HarnessFolderException($"{folder} holds no replay.json: only simulated runs can be repeated exactly");
        return JsonSerializer.Deserialize<ReplayRecord>(File.ReadAllText(file), Json) ?? throw new HarnessFolderException($"{file} is empty");
    }

    private static RunRecord WithEvidence(string folder, RunRecord run)
    {
        var sub = System.IO.Path.Combine(folder, run.World == "live" ? "live" : System.IO.Path.Combine("sim", $"seed-{run.Seed}"));
        var history = System.IO.Path.Combine(sub, "history.ndjson");
        if (!File.Exists(history)) return run;
        return run with { Ops = ReadHistory(history).Ops, Events = ReadEvents(System.IO.Path.Combine(sub, "events.ndjson")) };
    }

    private static void WriteEvidence(string folder, RunRecord run)
    {
        using var history = new StreamWriter(System.IO.Path.Combine(folder, "history.ndjson"));
        HistoryFile.Write(history, new(run.Ops) { FinalRows = run.FinalRows, FinalPrimary = run.FinalPrimary });
        using var events = new StreamWriter(System.IO.Path.Combine(folder, "events.ndjson"));
        EventsFile.Write(events, run.Events);
    }

    private static History ReadHistory(string file)
    {
        using var reader = new StreamReader(file);
        return HistoryFile.Read(reader, file);
    }

    private static IReadOnlyList<RunEvent> ReadEvents(string file)
    {
        using var reader = new StreamReader(file);
        return EventsFile.Read(reader, file);
    }

    private void WriteSums()
    {
        var sums = new StringBuilder();
        foreach (var file in Directory.EnumerateFiles(Path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            if (System.IO.Path.GetFileName(file) == "SHA256SUMS") continue;
            using var stream = File.Open(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            sums.Append(Convert.ToHexStringLower(SHA256.HashData(stream))).Append("  ").Append(System.IO.Path.GetRelativePath(Path, file)).Append('\n');
        }

        File.WriteAllText(System.IO.Path.Combine(Path, "SHA256SUMS"), sums.ToString());
    }
}

/// <summary>What repeats a simulated run exactly, given the same commit.</summary>
public sealed record ReplayRecord
{
    public required string ScenarioText { get; init; }
    public required ulong Seed { get; init; }
    public required string TraceHash { get; init; }
    public required string Commit { get; init; }
    public bool FencingOff { get; init; }
    public string Mutant { get; init; } = "";
}

/// <summary>A folder that is not what it should be.</summary>
public sealed class HarnessFolderException(string message) : Exception(message);
