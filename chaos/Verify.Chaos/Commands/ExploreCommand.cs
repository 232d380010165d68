using System.CommandLine;
using System.Globalization;
using Verify.Chaos.Exploring;
using Verify.Chaos.Running;
using Verify.Checks;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos explore: many seeds, all cores, all strategies.</summary>
internal static class ExploreCommand
{
    private static readonly string Help = $"""
        Plays many schedules on all cores and watches every promise. The world is the Raft core alone (raft: thousands per second), whole
        nodes with KV clients (cluster), drawn fleets with MySQL servers (fleet), or one scenario. Strategies decide who goes first:
        {ExploreStrategies.Words}.
        portfolio gives each seed its strategy, in turn. q-learning and feedback learn within a block of consecutive seeds; to repeat
        one seed, those before it in its block are played first. --shard i/n plays every n-th block; join the parts with merge.
        Examples:
          verify-chaos explore --for 10m
          verify-chaos explore --world cluster --seeds 1..500 --keep-going --out cluster.json
          verify-chaos explore --world raft --strategy prioritization:3 --seeds 1..100000
          verify-chaos explore --world raft --seeds 1..1000000 --shard 0/4 --out part-0.json
          verify-chaos explore --scenario dc-fencing --strategy pos --seeds 1..50
        Exit codes: 0 clean, 1 a promise was broken, 2 undecided (or nothing was played), 3 the harness failed.
        """;

    public static Command Create()
    {
        var world = new Option<string>("--world") { Description = "raft, cluster or fleet.", DefaultValueFactory = _ => "raft" };
        world.AcceptOnlyFromAmong("raft", "cluster", "fleet");
        var scenario = new Option<string?>("--scenario") { Description = "In the place of --world: a name of the library or the path of a YAML file." };
        var strategy = new Option<string>("--strategy", "-s") { Description = "Who goes first; see above.", DefaultValueFactory = _ => "portfolio" };
        var seeds = new Option<string?>("--seeds") { Description = "7, 1..100 or 1..100,205; 1.. is without end (with --for). Default: 1.. with --for, else 1..20000 (raft) or 1..200." };
        var budget = new Option<string?>("--for") { Description = "Ends after this time: 90s, 10m, 8h." };
        var shard = new Option<string>("--shard") { Description = "i/n: this machine's part of the seeds, i from 0 to n-1.", DefaultValueFactory = _ => "0/1" };
        var jobs = new Option<int>("--jobs") { Description = "Schedules side by side.", DefaultValueFactory = _ => Environment.ProcessorCount };
        var keepGoing = new Option<bool>("--keep-going") { Description = "Goes on after a violation." };
        var outFile = new Option<string?>("--out") { Description = "Write the result as JSON to this file." };
        var json = new Option<bool>("--json") { Description = "Print the result as JSON on standard output; everything for people goes to standard error." };
        var tell = new Option<bool>("--tell") { Description = "Tell the first schedule in words." };
        var mutant = new Option<string?>("--mutant") { Description = "Test build only: with this planted bug (M07) switched on." };
        var command = new Command("explore", Help) { world, scenario, strategy, seeds, budget, shard, jobs, keepGoing, outFile, json, tell, mutant };
        command.SetAction((parse, cancel) => ProgramErrors.GuardAsync(() =>
        {
            Arm(parse.GetValue(mutant), "explore --mutant");
            var explored = Explored(parse.GetValue(world)!, parse.GetValue(scenario), ExploreStrategies.Parse(parse.GetValue(strategy)!));
            var time = parse.GetValue(budget) is { } text ? ParseTime(text) : (TimeSpan?)null;
            var wish = new ExploreOptions
            {
                Seeds = parse.GetValue(seeds) ?? (time is not null ? "1.." : explored.Name == "raft" ? "1..20000" : "1..200"),
                Shard = Shard.Parse(parse.GetValue(shard)!), Jobs = Math.Max(1, parse.GetValue(jobs)), For = time, KeepGoing = parse.GetValue(keepGoing),
                ProgressEvery = TimeSpan.FromSeconds(Console.IsErrorRedirected ? 10 : 2), Commit = Machine.Commit(Machine.CheckoutRoot() ?? "."),
            };
            return Task.FromResult(parse.GetValue(tell) ? Tell(explored, wish) : Explore(explored, wish, parse.GetValue(json), parse.GetValue(outFile), cancel));
        }));
        return command;
    }

    /// <summary>90s, 10m, 8h.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    internal static TimeSpan ParseTime(string text)
    {
        var unit = text.Length == 0 ? 0 : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, _ => 0 };
        return unit > 0 && int.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? TimeSpan.FromSeconds((long)number * unit) : throw new FormatException($"'{text}' is no time; write 90s, 10m or 8h");
    }

    internal static IExplored Explored(string world, string? scenario, Strategy? strategy)
    {
        if (scenario is null && world == "raft") return new RaftExplored(strategy);
        if (strategy is null) throw new FormatException("feedback is for the Raft core alone: --world raft");
        if (scenario is not null) return WorldsExplored.Of(ScenarioFiles.Read(scenario).Scenario, scenario, strategy);
        return world == "cluster" ? WorldsExplored.Clusters(strategy) : WorldsExplored.Fleets(strategy);
    }

    /// <summary>Switches a planted bug on; null: off.</summary>
    /// <param name="command">What was asked for, up to the bug: "explore --mutant".</param>
    /// <exception cref="HarnessException">This is a production build.</exception>
    internal static void Arm(string? mutant, string command)
    {
#if VERIFY_MUTANTS
        Verify.Raft.Mutant.Armed = mutant;
#else
        if (mutant is not null) throw new HarnessException($"this is a production build, which contains no planted bugs. The test build does: {Mutants.HuntReport.Program} {command} {mutant}");
#endif
    }

    private static int Explore(IExplored explored, ExploreOptions options, bool json, string? outFile, CancellationToken cancel)
    {
        Action<string> tell = json ? Console.Error.WriteLine : Console.WriteLine;
        tell($"explore {explored.Arguments}: {explored.Story}");
        tell(string.Create(CultureInfo.InvariantCulture,
            $"seeds {options.Seeds}, shard {options.Shard} in blocks of {explored.BlockSize}, {options.Jobs} side by side{(options.For is { } budget ? $", for {budget}" : "")}"));
        using var explorer = new Explorer(explored, options, TimeProvider.System, tell);
        var record = explorer.Explore(cancel);
        Conclude(record, json, outFile, tell);
        return RunOutcome.ExitCode(record.Verdict);
    }

    internal static void Conclude(ExploreRecord record, bool json, string? outFile, Action<string> tell)
    {
        foreach (var (name, count) in record.Strategies)
            tell(string.Create(CultureInfo.InvariantCulture, $"  {name,-24} {count.Schedules,10} schedules, {count.Bad} bad"));
        tell($"  reached: {string.Join(", ", record.Marks.Select(m => string.Create(CultureInfo.InvariantCulture, $"{m.Value} {m.Key}")))}");
        foreach (var violation in record.Violations) tell($"  BAD seed {violation.Seed} ({violation.Strategy}) {violation.Class}: {violation.Promise}\n    {violation.Command}");
        foreach (var remark in record.Remarks) tell($"  REMARK {remark}");
        tell(string.Create(CultureInfo.InvariantCulture,
            $"{Words(record)}: {record.Schedules} schedules in {record.Seconds:0.0} s ({record.Schedules / Math.Max(0.001, record.Seconds):0.#}/s), {record.Patterns} patterns, hash {record.Hash}, ended by {record.EndedBy}"));
        if (outFile is not null) File.WriteAllText(outFile, record.ToJson());
        if (json) Console.WriteLine(record.ToJson());
    }

    private static string Words(ExploreRecord record) => record.Verdict switch
    {
        Verdict.Valid => "CLEAN",
        Verdict.Invalid => $"{record.Violations.Count + record.MoreViolations} NOT CLEAN",
        _ => "UNDECIDED",
    };

    private static int Tell(IExplored explored, ExploreOptions options)
    {
        var seed = SeedSpans.Parse(options.Seeds)[0].From;
        var session = explored.Open();
        session.BeginBlock();
        for (var before = seed / (ulong)explored.BlockSize * (ulong)explored.BlockSize; before < seed; before++)
            if (session.Teaches(before)) session.Play(before, null);
        var trial = session.Play(seed, Console.WriteLine);
        Console.WriteLine($"drawn: {trial.Trial.Drawn}");
        Console.WriteLine($"seed {seed} ({trial.Strategy}): {trial.Trial.Verdict}{(trial.Trial.Discovery is { } d ? $", {trial.Class}: {d.Promise}: {d.What}" : "")}, hash {trial.Trial.Hash:x16}");
        return RunOutcome.ExitCode(trial.Trial.Verdict);
    }
}
