using System.Globalization;
using Verify.Chaos.Exports;
using Verify.Chaos.Output;
using Verify.Chaos.Running;
using Verify.Chaos.Simulated;
using Verify.Chaos.Swarms;
using Verify.Chaos.Traces;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Explaining;

/// <summary>What was found, and the choices with which it was played; none where nothing was played.</summary>
/// <param name="Name">What was played, for a file that names it.</param>
internal sealed record AccountRead(RunAccount Account, IReadOnlyList<int> Choices, ulong Seed, string Name);

/// <summary>Finds what is to be explained or exported: a folder that a run left, a recorded trace, a written schedule, or a seed of a world. What
/// was simulated is played again, so that every event and its cause is there, also of runs that kept none.</summary>
internal static class AccountSource
{
    public const string Help = "artifacts/<run>, artifacts/<run>/sim/seed-N, a trace.ndjson, a schedule.json, or WORLD:SEED, where the world is raft, cluster, cluster/STORY, fleet or a scenario.";

    /// <exception cref="HarnessException">Nothing of that name.</exception>
    /// <exception cref="HarnessFolderException">The folder is none of a run.</exception>
    public static AccountRead Read(string what)
    {
        if (File.Exists(Path.Combine(what, "run.json")) && LiveRunOf(what) is { } live) return live;
        if (Directory.Exists(what) || File.Exists(what))
        {
            var target = PlayTarget.At(what);
            return Played(target.Playable, target.Recorded, what);
        }

        var (world, shape, seed) = WorldOf(what);
        return Played(PlayTarget.Of(world, seed, shape, "random", fencingOff: false).Playable, recorded: null, what);
    }

    /// <summary>Plays the world of a seed with the choices of a trace of Coyote.</summary>
    /// <exception cref="HarnessException">The choices do not fit; says at which one.</exception>
    public static AccountRead ReadSchedule(string what, string file)
    {
        if (!File.Exists(file)) throw new HarnessException($"there is no file {file}");
        var (_, values) = CoyoteTrace.Read(File.ReadAllText(file), file);
        var replay = new ValueReplay(values);
        var (world, shape, seed) = WorldOf(what);
        try
        {
            var account = world == "raft" ? RaftTaleReader.Of(seed, replay) : PlayTarget.Of(world, seed, shape, "random", fencingOff: false).Playable switch
            {
                ScenarioPlay play => ScenarioAccount.Played(play.Scenario, seed, play.Options with { Named = () => replay }, what).Account,
                _ => ClusterAccount.Of(seed, StoryOf(shape), new ClusterHooks { Named = replay }),
            };
            if (replay.Position != replay.Count) throw new HarnessException($"{file}: the run ended after {replay.Position} of {replay.Count} choices: it was recorded from another program or another seed");
            return new(account, values, seed, what);
        }
        catch (ReplayDepartureException e)
        {
            throw new HarnessException($"{file} does not fit {what}: {e.Message}", e);
        }
    }

    /// <param name="recorded">Its choices are made again; null: as the seed draws them.</param>
    public static AccountRead Played(IPlayable playable, RecordedTrace? recorded, string source)
    {
        var recording = new ChoiceRecording();
        INamedChoices named = recorded is null ? recording : new NamedReplay(recorded.Choices, recorded.Header.Seed, recorded.Header.QuietOtherwise);
        IReadOnlyList<int> Values() => [.. (recorded?.Choices ?? recording.Choices).Select(c => c.Value)];
        switch (playable)
        {
            case ScenarioPlay play:
                var scenario = ScenarioAccount.Played(play.Scenario, play.Seed, play.Options with { Named = () => named }, source).Account;
                return new(scenario, Values(), play.Seed, source);
            case ClusterPlay play:
                var cluster = ClusterAccount.Of(play.Seed, StoryOf(play.Schedule.Story), new ClusterHooks { Named = named, Schedule = play.Schedule }, play.Strategy);
                return new(cluster, Values(), play.Seed, source);
            case RaftPlay play:
                var choices = new RecordingChoices(new Verify.Sim.RaftOnly.SeededChoices(play.Schedule.Seed));
                if (source.StartsWith("raft:", StringComparison.Ordinal)) return new(RaftTaleReader.Of(play.Schedule.Seed, choices), [.. choices.Recorded.Select(c => c.Value)], play.Schedule.Seed, source);
                return new(RaftTaleReader.Of(play, source), [], play.Schedule.Seed, source);
            default:
                throw new HarnessException($"{playable.What} cannot be explained");
        }
    }

    private static (string World, string Shape, ulong Seed) WorldOf(string what)
    {
        var colon = what.LastIndexOf(':');
        if (colon <= 0 || !ulong.TryParse(what.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var seed))
            throw new HarnessException($"'{what}' is no folder, no trace and no seed of a world; give {Help}");
        var world = what[..colon];
        var slash = world.StartsWith("cluster/", StringComparison.Ordinal) || world.StartsWith("raft/", StringComparison.Ordinal) ? world.IndexOf('/', StringComparison.Ordinal) : -1;
        return slash < 0 ? (world, "", seed) : (world[..slash], world[(slash + 1)..], seed);
    }

    private static ClusterStory StoryOf(string word) => word.Length == 0 ? ClusterStory.Everything
        : Enum.TryParse<ClusterStory>(word, ignoreCase: true, out var story) ? story
        : throw new HarnessException($"'{word}' is no story; there are: {string.Join(", ", Enum.GetNames<ClusterStory>()).ToLowerInvariant()}");

    /// <summary>When the worst run of an invocation is a live one: what it left is all there is.</summary>
    private static AccountRead? LiveRunOf(string folder)
    {
        var suite = RunFolder.Load(folder);
        var worst = suite.Runs.OrderByDescending(r => r.Verdict).ThenByDescending(r => r.World == "live").FirstOrDefault() ?? throw new HarnessFolderException($"{folder} holds no run");
        return worst.World == "live" ? new(ScenarioAccount.Of(worst, suite.ScenarioName, [], folder), [], worst.Seed, folder) : null;
    }
}
