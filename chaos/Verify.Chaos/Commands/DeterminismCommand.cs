using System.CommandLine;
using System.Text.Json;
using Verify.Chaos.Determinism;
using Verify.Chaos.Running;
using Verify.Sim.Tracing;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos determinism: the gate that the same seed is the same run in other processes, builds and surroundings.</summary>
internal static class DeterminismCommand
{
    private const int Different = 1;
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public static Command Create()
    {
        var (worlds, seeds) = Common();
        var only = new Option<string>("--only") { Description = "Only the surroundings whose name contains this.", DefaultValueFactory = _ => "" };
        var other = new Option<string?>("--other-build") { Description = "The verify-chaos.dll of another build (default: the Debug build beside this one, when it is there)." };
        var seconds = new Option<int>("--seconds") { Description = "The longest that one process may take.", DefaultValueFactory = _ => 600 };
        var json = new Option<bool>("--json") { Description = "Print the hashes and the verdicts as JSON on standard output; everything for people goes to standard error." };
        var command = new Command("determinism", """
            Plays seeds here, here again, and in processes of their own: the same program; with the server's and the concurrent garbage collector;
            compiled in tiers; without the processor's newer instructions; with another time zone and language; the Debug build, when it was built.
            Prints every hash, and for a difference the first line of the trace that differs.
            Examples:
              verify-chaos determinism
              verify-chaos determinism --seeds 1..5 --worlds raft,fleet,dc-fencing,bench-short
              verify-chaos determinism --other-build path/to/verify-chaos.dll --only other
            Exit codes: 0 all hashes agree, 1 one differs, 3 a process failed or was not done in time.
            """) { worlds, seeds, only, other, seconds, json, Play() };
        command.SetAction((parse, cancel) => ProgramErrors.GuardAsync(() => RunAsync(
            new(Names(parse.GetValue(worlds)!), SeedRange.Parse(parse.GetValue(seeds)!), parse.GetValue(only)!, parse.GetValue(other),
                TimeSpan.FromSeconds(Math.Max(1, parse.GetValue(seconds))), parse.GetValue(json)), cancel)));
        return command;
    }

    private static Command Play()
    {
        var (worlds, seeds) = Common();
        var trace = new Option<string?>("--trace") { Description = "Write every line of the trace of the (last) run to this file." };
        var lying = new Option<bool>("--next-seed-instead") { Description = "Test only: plays the seed after the one that it names, so that the gate can be seen failing." };
        var command = new Command("play", "What the gate starts in other processes: prints \"played WORLD SEED HASH EVENTS\" per run. Exit codes: 0 played, 3 failed.") { worlds, seeds, trace, lying };
        command.SetAction((parse, _) => ProgramErrors.GuardAsync(() =>
        {
            foreach (var world in Names(parse.GetValue(worlds)!))
            {
                foreach (var seed in SeedRange.Parse(parse.GetValue(seeds)!))
                {
                    var played = HashPlayer.Play(world, parse.GetValue(lying) ? seed + 1 : seed, parse.GetValue(trace));
                    Console.WriteLine((played with { Seed = seed }).Line());
                }
            }

            return Task.FromResult(0);
        }));
        return command;
    }

    private static async Task<int> RunAsync(Wish wish, CancellationToken cancel)
    {
        var teller = new Teller(wish.Json);
        var surroundings = Surrounding.All(wish.OtherBuild).Where(s => s.Name.Contains(wish.Only, StringComparison.OrdinalIgnoreCase)).ToArray();
        var gate = new DeterminismGate(wish.Worlds, wish.Seeds, wish.Limit, teller.Line);
        var verdicts = await gate.RunAsync(surroundings, cancel);
        var different = verdicts.Sum(v => v.Differences.Count);
        if (!surroundings.Any(s => s.Name.Contains("build", StringComparison.Ordinal))) teller.Line("no Debug build was compared (dotnet build chaos/Verify.Chaos makes one)");
        var all = new TraceHash();
        foreach (var played in gate.Here) all.Add(Convert.ToUInt64(played.Hash, 16));
        teller.Line($"{(different == 0 ? "DETERMINISTIC" : "NOT DETERMINISTIC")}: {gate.Here.Count} runs in {verdicts.Count} surroundings, {different} differences; all hashes as one: {all.Value:x16}, commit {Machine.Commit(Machine.CheckoutRoot() ?? ".")}");
        if (wish.Json) Console.Out.WriteLine(JsonSerializer.Serialize(new { runs = gate.Here, surroundings = verdicts, hash = $"{all.Value:x16}", deterministic = different == 0 }, Json));
        return different == 0 ? 0 : Different;
    }

    private static (Option<string> Worlds, Option<string> Seeds) Common() =>
    (
        new Option<string>("--worlds") { Description = "raft (1,000 schedules per seed), fleet (drawn from the seed), and names of scenarios.", DefaultValueFactory = _ => "raft,bench-short,fleet" },
        new Option<string>("--seeds") { Description = "7, 1..3 or 1..3,9", DefaultValueFactory = _ => "1..2" });

    private static string[] Names(string list) => list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private sealed record Wish(IReadOnlyList<string> Worlds, IReadOnlyList<ulong> Seeds, string Only, string? OtherBuild, TimeSpan Limit, bool Json);
}
