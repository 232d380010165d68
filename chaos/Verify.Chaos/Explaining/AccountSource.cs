using System.Globalization;
using Verify.Chaos.Commands;
using Verify.Chaos.Exports;
using Verify.Chaos.Output;
using Verify.Chaos.Running;
using Verify.Chaos.Simulated;
using Verify.Chaos.Swarms;
using Verify.Chaos.Traces;
using Verify.Scenarios;
using Verify.Sim.RaftOnly;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Explaining;

/// <summary>Finds what is to be explained or exported: a folder that a run left, a recorded trace, or a seed of a swarm. What was simulated is
/// played again, so that every event and its cause is there, also of runs that kept none.</summary>
internal static class AccountSource
{
    public const string Help = "artifacts/<run>, artifacts/<run>/sim/seed-N, a trace.ndjson, raft:SEED, cluster:SEED, cluster/STORY:SEED or SCENARIO:SEED.";

    /// <exception cref="HarnessException">Nothing of that name.</exception>
    /// <exception cref="HarnessFolderException">The folder is none of a run.</exception>
    public static RunAccount Read(string what) => ReadWithChoices(what).Account;

    /// <summary>The choices are empty where nothing was played.</summary>
    public static (RunAccount Account, IReadOnlyList<int> Choices, ulong Seed, string Test) ReadWithChoices(string what)
    {
        if (TraceFile.Find(what) is { } file && Path.GetExtension(file) == ".ndjson") return OfTrace(TraceFile.Read(file), file);
        if (Directory.Exists(what)) return OfFolder(what);
        var colon = what.LastIndexOf(':');
        if (colon > 0 && ulong.TryParse(what.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var seed)) return OfSeed(what[..colon], seed);
        throw new HarnessException($"'{what}' is no folder, no trace and no seed; give {Help}");
    }

    /// <summary>Plays the world of a seed with the choices of a trace of Coyote.</summary>
    /// <exception cref="HarnessException">The choices do not fit; says at which one.</exception>
    public static (RunAccount Account, IReadOnlyList<int> Choices, ulong Seed, string Test) ReadSchedule(string what, string file)
    {
        if (!File.Exists(file)) throw new HarnessException($"there is no file {file}");
        var (_, values) = CoyoteTrace.Read(File.ReadAllText(file), file);
        var replay = new ValueReplay(values);
        var colon = what.LastIndexOf(':');
        if (colon <= 0 || !ulong.TryParse(what.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var seed))
            throw new HarnessException($"a schedule is played on raft:SEED, cluster:SEED or SCENARIO:SEED; '{what}' is none of them");
        var world = what[..colon];
        try
        {
            var account = world switch
            {
                "raft" => RaftTaleReader.Of(seed, replay),
                "cluster" => ClusterAccount.Of(seed, ClusterStory.Everything, new ClusterHooks { Named = replay }),
                _ => ScenarioAccount.Played(ScenarioFiles.Read(world).Scenario, seed, new SimulatedOptions { Named = () => replay }, what).Account,
            };
            if (replay.Position != replay.Count) throw new HarnessException($"{file}: the run ended after {replay.Position} of {replay.Count} choices: it was recorded from another program or another seed");
            return (account, values, seed, what);
        }
        catch (ReplayDepartureException e)
        {
            throw new HarnessException($"{file} does not fit {what}: {e.Message}", e);
        }
    }

    private static (RunAccount, IReadOnlyList<int>, ulong, string) OfSeed(string world, ulong seed)
    {
        if (world == "raft" || world.StartsWith("raft/", StringComparison.Ordinal))
        {
            var choices = new RecordingChoices(new SeededChoices(seed));
            SwarmStrategy? strategy = world == "raft" ? null : Enum.Parse<SwarmStrategy>(world[5..], ignoreCase: true);
            return (RaftTaleReader.Of(seed, choices, strategy), [.. choices.Recorded.Select(c => c.Value)], seed, $"raft:{seed}");
        }

        if (world == "cluster" || world.StartsWith("cluster/", StringComparison.Ordinal))
        {
            var recording = new ChoiceRecording();
            var account = ClusterAccount.Of(seed, world == "cluster" ? ClusterStory.Everything : Enum.Parse<ClusterStory>(world[8..], ignoreCase: true), new ClusterHooks { Named = recording });
            return (account, [.. recording.Choices.Select(c => c.Value)], seed, $"{world}:{seed}");
        }

        return OfScenario(ScenarioFiles.Read(world).Scenario, seed, new SimulatedOptions(), $"{world}:{seed}", $"{world}:{seed}");
    }

    private static (RunAccount, IReadOnlyList<int>, ulong, string) OfScenario(Scenario scenario, ulong seed, SimulatedOptions options, string source, string test)
    {
        var (account, _, choices) = ScenarioAccount.Played(scenario, seed, options, source);
        return (account, [.. choices.Select(c => c.Value)], seed, test);
    }

    private static (RunAccount, IReadOnlyList<int>, ulong, string) OfTrace(RecordedTrace trace, string file)
    {
        var header = trace.Header;
        ArmedBug.Arm(header.Mutant);
        var named = new NamedReplay(trace.Choices, header.Seed, header.QuietOtherwise);
        if (header.World == "cluster")
        {
            var story = Enum.Parse<ClusterStory>(header.Cluster?.Story ?? nameof(ClusterStory.Everything), ignoreCase: true);
            return (ClusterAccount.Of(header.Seed, story, new ClusterHooks { Named = named, Schedule = header.Cluster }), [.. trace.Choices.Select(c => c.Value)], header.Seed, file);
        }

        var options = new SimulatedOptions { FencingOff = header.FencingOff, Strategy = header.Strategy, Named = () => named, World = header.Options ?? new(), Timing = header.Timing ?? new() };
        var (account, _, _) = ScenarioAccount.Played(ScenarioFiles.Parse(header.Scenario, file), header.Seed, options, file);
        return (account, [.. trace.Choices.Select(c => c.Value)], header.Seed, file);
    }

    /// <summary>The folder of one run, or of a whole invocation: then its worst run.</summary>
    private static (RunAccount, IReadOnlyList<int>, ulong, string) OfFolder(string folder)
    {
        if (File.Exists(Path.Combine(folder, "run.json")))
        {
            var suite = RunFolder.Load(folder);
            var worst = suite.Runs.OrderByDescending(r => r.Verdict).ThenByDescending(r => r.World == "live").FirstOrDefault() ?? throw new HarnessFolderException($"{folder} holds no run");
            var own = Path.Combine(folder, worst.World == "live" ? "live" : Path.Combine("sim", $"seed-{worst.Seed}"));
            if (worst.World == "live") return (ScenarioAccount.Of(worst, suite.ScenarioName, [], folder), [], worst.Seed, folder);
            if (Directory.Exists(own)) folder = own;
        }

        var recorded = RunFolder.LoadReplay(folder);
        ArmedBug.Arm(recorded.Mutant);
        var scenario = ScenarioFiles.Parse(recorded.ScenarioText, Path.Combine(folder, "replay.json"));
        return OfScenario(scenario, recorded.Seed, new() { FencingOff = recorded.FencingOff }, folder, folder);
    }
}
