using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Verify.Chaos.Running;
#if VERIFY_MUTANTS
using Verify.Raft;
#endif
using Verify.Sim.Exhaustive;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos exhaustive: everything that can happen to a small Raft group within bounds, on the production core.</summary>
internal static class ExhaustiveCommand
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true, Converters = { new JsonStringEnumConverter() } };

    public static Command Create()
    {
        var wish = new Options();
        var command = new Command("exhaustive", """
            Goes through everything that can happen to a small group within bounds, breadth first, with the production Raft core: every order of
            messages, timers, commands and crashes. Each state is checked against Raft's promises; the first violation is told as a
            shortest way there. Time is abstract: timers may fire at any moment and nobody's patience lasts; reads, leases, snapshots,
            transfer and change of members are not part of it (sim/README.md).
            Examples:
              verify-chaos exhaustive --nodes 3 --terms 2 --proposals 2 --crashes 1 --jobs 2 --for 10m
              verify-chaos exhaustive --nodes 3 --terms 1 --proposals 1 --duplicates 1 --json
            Exit codes: 0 all states seen and every promise kept, 1 a promise was broken, 2 time or memory was over first, 3 the harness failed.
            """);
        wish.AddTo(command);
        command.SetAction((parse, _) => ProgramErrors.GuardAsync(() => Task.FromResult(Explore(wish.Read(parse)))));
        return command;
    }

    private static int Explore(Wish wish)
    {
        Action<string> tell = wish.Json ? Console.Error.WriteLine : Console.WriteLine;
        if (wish.Bug.Length > 0) Arm(wish.Bug);
        var started = TimeProvider.System.GetUtcNow();
        var cpuBefore = Environment.CpuUsage.TotalTime;
        tell($"exploring {wish.Bounds.Describe()}");
        var told = 0.0;
        ExhaustiveResult result;
        try
        {
            result = new ExhaustiveExploration(wish.Bounds, wish.Jobs, wish.For, wish.MemoryBytes, TimeProvider.System, Progress).Run();
        }
        catch (ImpossibleBoundException e)
        {
            throw new FormatException(e.Message, e);
        }
        var record = new ExhaustiveRecord
        {
            StartedAt = started, Command = $"verify-chaos {string.Join(' ', Environment.GetCommandLineArgs().Skip(1))}", Commit = Machine.Commit(Machine.CheckoutRoot() ?? "."),
            Machine = Machine.Environment(), Jobs = wish.Jobs, PlantedBug = wish.Bug.Length > 0 ? wish.Bug : null, Bounds = wish.Bounds, Result = result,
            CpuSeconds = (Environment.CpuUsage.TotalTime - cpuBefore).TotalSeconds,
        };
        Tell(record, tell);
        if (wish.Json) Console.WriteLine(JsonSerializer.Serialize(record, Json));
        return result.Outcome switch { ExhaustiveOutcome.Complete => 0, ExhaustiveOutcome.Violated => 1, _ => 2 };

        void Progress(ExhaustiveProgress at)
        {
            if (at.Seconds - told < 5) return;
            told = at.Seconds;
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{at.Seconds:0} s: {at.States:N0} states, depth {at.Depth}, {at.LevelDone:N0} of {at.LevelStates:N0} of this level"));
        }
    }

    private static void Tell(ExhaustiveRecord record, Action<string> tell)
    {
        var result = record.Result;
        tell(string.Create(CultureInfo.InvariantCulture,
            $"{result.Outcome}: {result.States:N0} distinct states ({result.StatesWithNamesakes:N0} without symmetry), {result.Transitions:N0} transitions, depth {result.Depth}, ")
            + string.Create(CultureInfo.InvariantCulture, $"frontier {result.Frontier:N0} (largest level {result.FrontierMax:N0})"));
        tell(string.Create(CultureInfo.InvariantCulture,
            $"{result.Seconds:0.0} s on {record.Jobs} threads, {record.CpuSeconds:0.0} s of CPU: {record.StatesPerCpuSecond:N0} states per second and core; ")
            + string.Create(CultureInfo.InvariantCulture, $"the core was asked {result.CoreSteps:N0} times ({result.NodeStates:N0} states of a node, {result.Messages:N0} messages)"));
        if (result.Pictures > 0) tell(string.Create(CultureInfo.InvariantCulture, $"{result.Pictures:N0} distinct pictures of nodes and past, whatever is under way"));
        if (result.Revived > 0) tell(string.Create(CultureInfo.InvariantCulture, $"{result.Revived:N0} times a message that had been forgotten could do something after all: a rule of sim/README.md does not hold, look with --keep-dead"));
        if (result.Outcome == ExhaustiveOutcome.MemoryFull) tell("The memory for seen states is full: allow more with --memory, or lower a bound.");
        if (result.Outcome == ExhaustiveOutcome.TimeOver) tell("The time was over: allow more with --for, or lower a bound.");
        if (result.CounterExample is not { } way) return;
        tell($"{way.Promise}: {way.What}");
        for (var i = 0; i < way.Steps.Count; i++) tell(string.Create(CultureInfo.InvariantCulture, $"{i + 1,4}. {way.Steps[i]}"));
    }

#if VERIFY_MUTANTS
    private static void Arm(string bug) => Mutant.Armed = bug;
#else
    private static void Arm(string bug) => throw new HarnessException($"{bug} is compiled only into the test build: build with -p:Mutants=true");
#endif

    private sealed record Wish(ExhaustiveBounds Bounds, int Jobs, TimeSpan For, long MemoryBytes, bool Json, string Bug);

    private sealed class Options
    {
        private static readonly ExhaustiveBounds Usual = new();
        private readonly Option<int> _nodes = Count("--nodes", "Nodes of the group.", Usual.Nodes);
        private readonly Option<int> _terms = Count("--terms", "No election timer fires at a node in this term.", Usual.Terms);
        private readonly Option<int> _proposals = Count("--proposals", "Commands that leaders are given, together.", Usual.Proposals);
        private readonly Option<int> _crashes = Count("--crashes", "Restarts from the disk, together.", Usual.Crashes);
        private readonly Option<int> _timeouts = Count("--timeouts", "Election timers that fire, and leaders that find no quorum, together.", Usual.Timeouts);
        private readonly Option<int> _heartbeats = Count("--heartbeats", "Heartbeat timers that fire, together.", Usual.Heartbeats);
        private readonly Option<int> _duplicates = Count("--duplicates", "Messages that arrive once more, together.", Usual.Duplicates);
        private readonly Option<int> _drops = Count("--drops", "Messages that are lost, together. (One that never arrives is explored anyway.)", Usual.Drops);
        private readonly Option<bool> _counted = new("--counted") { Description = "Each message arrives once, but for --duplicates and --drops; without it any loss, repetition and order is explored." };
        private readonly Option<int> _append = Count("--append-entries", "Entries in one append message at the most.", Usual.AppendEntries);
        private readonly Option<bool> _noSymmetry = new("--no-symmetry") { Description = "States that differ in the names of nodes only count each." };
        private readonly Option<bool> _idle = new("--idle-steps") { Description = "Go also into deliveries that change nothing." };
        private readonly Option<bool> _dead = new("--keep-dead") { Description = "Do not forget messages of which nothing can come any more: many more states, the same nodes in them." };
        private readonly Option<bool> _pictures = new("--pictures") { Description = "Count also what there is of nodes and past whatever is under way: the same number with and without --keep-dead." };
        private readonly Option<int> _jobs = Count("--jobs", "Threads.", Environment.ProcessorCount);
        private readonly Option<string> _for = new("--for") { Description = "How long at the most: 90s, 10m, 2h.", DefaultValueFactory = _ => "10m" };
        private readonly Option<string> _memory = new("--memory") { Description = "For the hashes of seen states: 512M, 4G.", DefaultValueFactory = _ => "4G" };
        private readonly Option<bool> _json = new("--json") { Description = "Print the record as JSON on standard output; everything for people goes to standard error." };
        private readonly Option<string> _bug = new("--bug") { Description = "Switch a planted bug on (test build only).", DefaultValueFactory = _ => "" };

        public void AddTo(Command command)
        {
            foreach (var option in new Option[] { _nodes, _terms, _proposals, _crashes, _timeouts, _heartbeats, _duplicates, _drops, _counted, _append, _noSymmetry, _idle, _dead, _pictures, _jobs, _for, _memory, _json, _bug })
                command.Options.Add(option);
        }

        public Wish Read(ParseResult parse) => new(
            new ExhaustiveBounds
            {
                Nodes = parse.GetValue(_nodes), Terms = parse.GetValue(_terms), Proposals = parse.GetValue(_proposals), Crashes = parse.GetValue(_crashes),
                Timeouts = parse.GetValue(_timeouts), Heartbeats = parse.GetValue(_heartbeats), Duplicates = parse.GetValue(_duplicates), Drops = parse.GetValue(_drops),
                CountsMessages = parse.GetValue(_counted) || parse.GetValue(_duplicates) + parse.GetValue(_drops) > 0, AppendEntries = parse.GetValue(_append), UsesSymmetry = !parse.GetValue(_noSymmetry), SkipsIdleSteps = !parse.GetValue(_idle),
                ForgetsDeadMessages = !parse.GetValue(_dead), CountsPictures = parse.GetValue(_pictures),
            },
            Math.Max(1, parse.GetValue(_jobs)), Duration(parse.GetValue(_for)!), Bytes(parse.GetValue(_memory)!), parse.GetValue(_json), parse.GetValue(_bug)!);

        private static Option<int> Count(string name, string description, int usual) => new(name) { Description = description, DefaultValueFactory = _ => usual };

        private static TimeSpan Duration(string text) => text[^1] switch
        {
            's' => TimeSpan.FromSeconds(Number(text)),
            'm' => TimeSpan.FromMinutes(Number(text)),
            'h' => TimeSpan.FromHours(Number(text)),
            _ => throw new FormatException($"'{text}' is no time; write 90s, 10m or 2h"),
        };

        private static long Bytes(string text) => text[^1] switch
        {
            'M' => (long)Number(text) << 20,
            'G' => (long)Number(text) << 30,
            _ => throw new FormatException($"'{text}' is no amount of memory; write 512M or 4G"),
        };

        private static int Number(string text) => int.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number : throw new FormatException($"'{text}' does not begin with a positive number");
    }
}

/// <summary>What an exploration was asked and what came of it.</summary>
internal sealed record ExhaustiveRecord
{
    public required DateTimeOffset StartedAt { get; init; }
    public required string Command { get; init; }
    public required string Commit { get; init; }
    public required IReadOnlyDictionary<string, string> Machine { get; init; }
    public required int Jobs { get; init; }
    public required string? PlantedBug { get; init; }
    public required ExhaustiveBounds Bounds { get; init; }
    public required ExhaustiveResult Result { get; init; }

    /// <summary>Of all threads together, on a machine that others use as well: what the speed is measured by.</summary>
    public required double CpuSeconds { get; init; }
    public double StatesPerCpuSecond => Result.States / Math.Max(0.001, CpuSeconds);
}
