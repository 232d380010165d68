using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Verify.Chaos.Drawn;
using Verify.Chaos.Running;
using Verify.Chaos.Swarms;
using Verify.Checks;
using Verify.Sim.RaftOnly;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos swarm: drawn schedules without a scenario, over the Raft core alone or over whole nodes.</summary>
internal static class SwarmCommand
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true, Converters = { new JsonStringEnumConverter() } };

    public static Command Create() => new("swarm", """
        Plays schedules that are drawn from seeds: who joins and leaves, what is cut, lost, late, killed, full, slow or damaged, and how
        much of each. "raft" is the consensus core alone, thousands of schedules per second with every invariant watched after each event;
        "cluster" is whole nodes with real frames and files and KV clients; "fleet" is drawn fleets with MySQL servers. A failing seed is printed with its drawn options and the
        command that plays it again.
        Examples:
          verify-chaos swarm raft --seeds 1..20000 --jobs 2
          verify-chaos swarm cluster --seeds 1..100 --json
          verify-chaos swarm raft --seeds 4711 --tell
        Exit codes: 0 clean, 1 a promise was broken, 2 undecided, 3 the harness failed.
        """)
    { Raft(), Cluster(), Fleet() };

    private static Command Raft()
    {
        var (seeds, jobs, json, tell, markdown) = Common("1..20000");
        var strategy = new Option<string>("--strategy")
        {
            Description = $"How schedules are made: random, storm, priorities, takeover; any when left out. Or who picks among deliveries: {Strategies.Words}.", DefaultValueFactory = _ => "",
        };
        var command = new Command("raft", "The Raft core alone.") { seeds, jobs, json, tell, markdown, strategy };
        command.SetAction((parse, _) => ProgramErrors.GuardAsync(() =>
        {
            var word = parse.GetValue(strategy)!;
            var (only, actors) = StrategyOf(word);
            if (parse.GetValue(tell)) return Task.FromResult(TellRaft(SeedRange.Parse(parse.GetValue(seeds)!)[0], only, actors));
            return Task.FromResult(Play(new RaftSwarmTrials(only, actors), new(parse.GetValue(seeds)!, parse.GetValue(jobs), parse.GetValue(json), parse.GetValue(markdown)),
                $"swarm raft{(word.Length > 0 ? $" --strategy {word}" : "")}"));
        }));
        return command;
    }

    private static Command Cluster()
    {
        var (seeds, jobs, json, tell, markdown) = Common("1..200");
        var story = new Option<string>("--story")
        {
            Description = $"Lean towards one story: {string.Join(", ", Enum.GetNames<ClusterStory>()).ToLowerInvariant()}.", DefaultValueFactory = _ => nameof(ClusterStory.Everything).ToLowerInvariant(),
        };
        var strategy = new Option<string>("--strategy") { Description = $"Who goes first among those who could: {Strategies.Words}.", DefaultValueFactory = _ => "random" };
        var command = new Command("cluster", "Whole nodes with KV clients in simulated worlds.") { seeds, jobs, json, tell, markdown, story, strategy };
        command.SetAction((parse, _) => ProgramErrors.GuardAsync(() =>
        {
            var leaning = StoryOf(parse.GetValue(story)!);
            Action<string>? tale = parse.GetValue(tell) ? Console.Error.WriteLine : null;
            return Task.FromResult(Play(new ClusterSwarm(tale, leaning, Strategies.Parse(parse.GetValue(strategy)!)), new(parse.GetValue(seeds)!, tale is null ? parse.GetValue(jobs) : 1, parse.GetValue(json), parse.GetValue(markdown)),
                $"swarm cluster{(leaning == ClusterStory.Everything ? "" : $" --story {leaning.ToString().ToLowerInvariant()}")}{(parse.GetValue(strategy) == "random" ? "" : $" --strategy {parse.GetValue(strategy)}")}"));
        }));
        return command;
    }

    private static Command Fleet()
    {
        var (seeds, jobs, json, tell, markdown) = Common("1..100");
        var canary = new Option<bool>("--canary") { Description = "Of one seed in a hundred what clients saw is falsified; a run that does not report each of them ends with code 3." };
        var marks = new Option<bool>("--marks") { Description = "End with code 3 when a sometimes-mark that is not rare was never reached (test build, -p:Mutants=true)." };
        var command = new Command("fleet", "Drawn fleets with MySQL servers, each a scenario of its own; --tell prints all that was drawn first.") { seeds, jobs, json, tell, markdown, canary, marks };
        command.SetAction((parse, _) => ProgramErrors.GuardAsync(() =>
        {
            Action<string>? tale = parse.GetValue(tell) ? Console.Error.WriteLine : null;
            return Task.FromResult(Play(new FleetSwarm(tale), new(parse.GetValue(seeds)!, tale is null ? parse.GetValue(jobs) : 1, parse.GetValue(json), parse.GetValue(markdown), parse.GetValue(canary), parse.GetValue(marks)), "swarm fleet"));
        }));
        return command;
    }

    private static (Option<string> Seeds, Option<int> Jobs, Option<bool> Json, Option<bool> Tell, Option<string?> Markdown) Common(string range) =>
    (
        new Option<string>("--seeds") { Description = "7, 1..100 or 1..100,205", DefaultValueFactory = _ => range },
        new Option<int>("--jobs") { Description = "Schedules side by side.", DefaultValueFactory = _ => Environment.ProcessorCount },
        new Option<bool>("--json") { Description = "Print the record as JSON on standard output; everything for people goes to standard error." },
        new Option<bool>("--tell") { Description = "Tell the first schedule in words." },
        new Option<string?>("--markdown") { Description = "Write the record as a page to this file." });

    /// <summary>A way of making schedules, or somebody who picks among deliveries in schedules that are drawn.</summary>
    private static (SwarmStrategy? Shape, Func<IChoiceSource, IActorScheduler>? Actors) StrategyOf(string word)
    {
        if (word.Length == 0) return (null, null);
        if (Enum.TryParse<SwarmStrategy>(word, ignoreCase: true, out var shape) && !char.IsAsciiDigit(word[0])) return (shape, null);
        return Strategies.Names.Contains(word.Split(':')[0], StringComparer.Ordinal) ? (null, Strategies.Parse(word))
            : throw new FormatException($"'{word}' is no strategy; there are: {string.Join(", ", Enum.GetNames<SwarmStrategy>()).ToLowerInvariant()}, {Strategies.Words}");
    }

    private static ClusterStory StoryOf(string word) => Enum.TryParse<ClusterStory>(word, ignoreCase: true, out var story) ? story
        : throw new FormatException($"'{word}' is no story; there are: {string.Join(", ", Enum.GetNames<ClusterStory>()).ToLowerInvariant()}");

    private static int TellRaft(ulong seed, SwarmStrategy? strategy, Func<IChoiceSource, IActorScheduler>? actors)
    {
        var result = RaftSwarm.Run(seed, strategy, choices => new SwarmWatch { Tell = Console.WriteLine, Actors = actors?.Invoke(choices) });
        Console.WriteLine($"drawn: {result.Options.Describe()}");
        Console.WriteLine(result.Violation is { } violation ? $"step {violation.Step}: {violation.Promise}: {violation.What}" : "clean");
        return result.IsClean ? 0 : 1;
    }

    private static int Play(IFalsifiable bare, Wish wish, string verbs)
    {
        const int FailuresMax = 10;
        var range = SeedRange.Parse(wish.Seeds);
        var canary = wish.Canary ? new Canary(bare) : null;
        ISwarm swarm = canary is null ? bare : canary;
        var canaries = wish.Canary ? range.Count(Canary.Sings) : 0;
        var started = TimeProvider.System.GetUtcNow();
        Action<string> tell = wish.Json ? Console.Error.WriteLine : Console.WriteLine;
        var (schedules, seconds, hash, failures, counts) =
            new SwarmSweep(swarm, Math.Max(1, wish.Jobs), FailuresMax + canaries, TimeProvider.System, tell).Play(range);
        var deaf = canary?.Objection(range, failures);
        failures = [.. failures.Where(f => canary?.IsPlanted(f) != true)];
        var record = new SwarmRecord
        {
            Swarm = swarm.Name, StartedAt = started, Seeds = wish.Seeds, Jobs = wish.Jobs, Schedules = schedules, Seconds = seconds, Hash = hash, Failures = failures, Counts = counts,
            Command = $"verify-chaos {verbs} --seeds {wish.Seeds} --jobs {wish.Jobs}", Commit = Machine.Commit(Machine.CheckoutRoot() ?? "."), Machine = Machine.Environment(),
        };
        foreach (var failure in failures)
            tell($"seed {failure.Seed} again: dotnet run --project chaos/Verify.Chaos -c Release -- {verbs} --seeds {failure.Seed} --tell");
        tell(string.Create(CultureInfo.InvariantCulture,
            $"{schedules} schedules in {seconds:0.0} s ({schedules / seconds:0.#}/s), hash {hash}, {failures.Count} failed: {string.Join(", ", counts.Select(c => $"{c.Value} {c.Key}"))}"));
        if (wish.Markdown is { } file) File.WriteAllText(file, SwarmPage.Of(record, swarm.Story));
        if (wish.Json) Console.WriteLine(JsonSerializer.Serialize(record, Json));
        if (deaf is not null)
        {
            tell($"RED: {deaf}");
            return ProgramErrors.HarnessFailed;
        }

        if (wish.Marks && MarkCatalog.Missing(counts) is { Count: > 0 } missing)
        {
            tell($"RED: never reached: {string.Join("; ", missing)}. Marks are compiled into the test build only (-p:Mutants=true)");
            return ProgramErrors.HarnessFailed;
        }

        return record.Verdict switch { Verdict.Valid => 0, Verdict.Invalid => 1, _ => 2 };
    }

    private sealed record Wish(string Seeds, int Jobs, bool Json, string? Markdown, bool Canary = false, bool Marks = false);
}
