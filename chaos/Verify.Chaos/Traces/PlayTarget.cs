using System.CommandLine;
using Verify.Chaos.Commands;
using Verify.Chaos.Mutants;
using Verify.Chaos.Output;
using Verify.Chaos.Running;
using Verify.Chaos.Simulated;
using Verify.Chaos.Swarms;
using Verify.Sim;
using Verify.Sim.RaftOnly;

namespace Verify.Chaos.Traces;

/// <summary>What replay, shrink and diff are asked to play: the folder of a run, a trace, a written schedule, or a seed of a world.</summary>
/// <param name="Recorded">The trace that was kept of it; null: only its seed is known.</param>
/// <param name="Hash">The hash that was recorded; empty when none was.</param>
internal sealed record PlayTarget(IPlayable Playable, RecordedTrace? Recorded, string Hash, string Commit, string Mutant)
{
    /// <exception cref="HarnessException">There is nothing of that kind there; says what could be.</exception>
    public static PlayTarget At(string path)
    {
        if (ScheduleFile.Find(path) is { } scheduleFile && !scheduleFile.EndsWith("replay.json", StringComparison.Ordinal))
        {
            var read = ScheduleFile.Read(scheduleFile);
            ArmedBug.Arm(read.Mutant);
            return new(new RaftPlay(read.Schedule, read.HasActors), null, "", "", read.Mutant);
        }

        if (!File.Exists(path) && File.Exists(Path.Combine(path, "replay.json"))) return OfRunFolder(path);
        if (TraceFile.Find(path) is { } file) return OfTrace(TraceFile.Read(file));
        throw new HarnessFolderException($"{path} holds no replay.json, no {TraceFile.Name} and no {ScheduleFile.Name}: only simulated runs can be repeated exactly");
    }

    /// <summary>What a seed draws in this world: raft, cluster, fleet, or the name or path of a scenario.</summary>
    public static PlayTarget Of(string world, ulong seed, string shape, string strategy, bool fencingOff)
    {
        IPlayable playable = world switch
        {
            "raft" => RaftPlay.Of(seed, shape.Length == 0 ? null : Enum.Parse<SwarmStrategy>(shape, ignoreCase: true), strategy == "random" ? "" : strategy),
            "cluster" => new ClusterPlay(seed, new ClusterSchedule { Story = shape.Length == 0 ? nameof(ClusterStory.Everything) : Enum.Parse<ClusterStory>(shape, ignoreCase: true).ToString() }, strategy),
            "fleet" => ScenarioPlay.Drawn(seed) is var drawn ? drawn with { Options = drawn.Options with { Strategy = strategy } } : drawn,
            _ when PlantedBugs.All().SelectMany(bug => bug.Hunts).OfType<ScenarioHunt>().FirstOrDefault(hunt => hunt.Name == world) is { } hunt => hunt.Schedule(seed),
            _ => new ScenarioPlay(ScenarioFiles.Read(world).Scenario, seed, new() { Strategy = strategy, FencingOff = fencingOff }),
        };
        return new(playable, null, "", "", ArmedBug.Id);
    }

    public static PlayTarget OfTrace(RecordedTrace trace)
    {
        var header = trace.Header;
        ArmedBug.Arm(header.Mutant);
        IPlayable playable = header.World switch
        {
            "cluster" => new ClusterPlay(header.Seed, header.Cluster ?? new ClusterSchedule(), header.Strategy),
            "scenario" => new ScenarioPlay(ScenarioFiles.Parse(header.Scenario, "the trace's scenario"), header.Seed, header.PlayedWith()),
            _ => throw new HarnessFolderException($"the trace is of the world '{header.World}', which this program does not know"),
        };
        return new(playable, trace, header.TraceHash, header.Commit, header.Mutant);
    }

    private static PlayTarget OfRunFolder(string folder)
    {
        var recorded = RunFolder.LoadReplay(folder);
        var own = Path.Combine(folder, TraceFile.Name);
        var ofSeed = Path.Combine(folder, "sim", $"seed-{recorded.Seed}", TraceFile.Name);
        var trace = File.Exists(own) ? TraceFile.Read(own) : File.Exists(ofSeed) ? TraceFile.Read(ofSeed) : null;
        ArmedBug.Arm(recorded.Mutant);
        var options = trace is null ? new SimulatedOptions { FencingOff = recorded.FencingOff }
            : ((ScenarioPlay)OfTrace(trace).Playable).Options with { FencingOff = recorded.FencingOff };
        var scenario = ScenarioFiles.Parse(recorded.ScenarioText, Path.Combine(folder, "replay.json"));
        return new(new ScenarioPlay(scenario, recorded.Seed, options), trace, recorded.TraceHash, recorded.Commit, recorded.Mutant);
    }
}

/// <summary>The options by which replay, shrink and bugbase are told what to play.</summary>
internal sealed record TargetOptions(
    Argument<string?> Path, Option<string?> World, Option<ulong?> Seed, Option<string> Shape, Option<string> Strategy, Option<string> Bug, Option<bool> NoFencing)
{
    public static TargetOptions Create() => new(
        new("target") { Description = "artifacts/<run>, artifacts/<run>/sim/seed-N, a trace.ndjson or a schedule.json; or left out, with --world and --seed.", Arity = ArgumentArity.ZeroOrOne },
        new("--world") { Description = "raft, cluster, fleet, or the name or path of a scenario." },
        new("--seed") { Description = "The seed that is played in that world." },
        new("--story") { Description = "raft: random, storm, priorities, takeover; cluster: a word of swarm cluster --story.", DefaultValueFactory = _ => "" },
        new("--strategy") { Description = "Who goes first among those who could; as in explore.", DefaultValueFactory = _ => "random" },
        new("--bug") { Description = "A planted bug to switch on (test build only).", DefaultValueFactory = _ => "" },
        new("--no-fencing") { Description = "Test only: switch the nodes' fencing off." });

    public void AddTo(Command command)
    {
        command.Arguments.Add(Path);
        foreach (var option in new Option[] { World, Seed, Shape, Strategy, Bug, NoFencing }) command.Options.Add(option);
    }

    /// <exception cref="HarnessException">Neither a path nor a world with a seed.</exception>
    public PlayTarget Read(ParseResult parse)
    {
        ArgumentNullException.ThrowIfNull(parse);
        if (parse.GetValue(Bug) is { Length: > 0 } bug) ArmedBug.Arm(bug);
        if (parse.GetValue(Path) is { } path) return PlayTarget.At(path);
        if (parse.GetValue(World) is not { } world || parse.GetValue(Seed) is not { } seed)
            throw new HarnessException("say what to play: the folder of a run, a trace or a schedule; or --world and --seed");
        try
        {
            return PlayTarget.Of(world, seed, parse.GetValue(Shape)!, parse.GetValue(Strategy)!, parse.GetValue(NoFencing));
        }
        catch (ArgumentException e)
        {
            throw new HarnessException($"--story: {e.Message}", e);
        }
    }
}
