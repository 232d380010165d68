using System.Diagnostics;
using Verify.Chaos.Running;
using Verify.Checks;
using Verify.Node.Seam;
using Verify.Reports.Model;
using Verify.Scenarios;

namespace Verify.Chaos.Live;

/// <summary>Plays a scenario once against real processes and servers.</summary>
internal static class LiveRun
{
    /// <param name="seed">Draws the workload and the targets; a live run cannot be repeated exactly.</param>
    /// <param name="folder">Where logs go (sub-folder "live").</param>
    public static async Task<RunRecord> PlayAsync(Scenario scenario, ulong seed, LiveOptions options, string folder, Action<string> say, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        LiveWorld? world = null;
        try
        {
            world = await LiveWorld.BuildAsync(scenario, options, say, cancel);
            clock.Restart();
            var runner = new ScenarioRunner(scenario, world, new Dice(seed)) { Progress = say };
            using var ticking = Ticking(runner, world, say);
            var facts = await runner.RunAsync(cancel);
            await world.StopWatchingAsync();
            world.Collect(Path.Combine(folder, "live"));
            facts = facts with { Events = world.Events.Sorted() };
            var findings = RunOutcome.Judge(CheckMapping.For(scenario), facts, runner.Troubles);
            return new()
            {
                World = "live",
                Seed = seed,
                Verdict = findings.Worst(),
                FailureClass = RunOutcome.Class(findings, facts.Events),
                RunSeconds = facts.EndUs / 1e6,
                WallSeconds = clock.Elapsed.TotalSeconds,
                Findings = findings,
                Nodes = world.Nodes,
                Servers = world.Servers,
                Details = world.Details,
                Events = facts.Events,
                Ops = facts.History.Ops,
                FinalRows = facts.History.FinalRows,
                FinalPrimary = facts.History.FinalPrimary,
            };
        }
        catch (HarnessException e)
        {
            say($"the live run broke off: {e.Message}");
            world?.Collect(Path.Combine(folder, "live"));
            return RunOutcome.Broken("live", seed, e.Message, world?.Nodes ?? Empty, world?.Servers ?? Empty) with { WallSeconds = clock.Elapsed.TotalSeconds };
        }
        finally
        {
            if (world is not null) await world.DisposeAsync();
        }
    }

    private static IReadOnlyDictionary<string, string> Empty { get; } = new SortedDictionary<string, string>(StringComparer.Ordinal);

    /// <summary>A line every five seconds: what the clients saw so far.</summary>
    private static Timer Ticking(ScenarioRunner runner, LiveWorld world, Action<string> say) => new(
        _ =>
        {
            var (ok, failed, unknown) = runner.Ops.Count();
            if (ok + failed + unknown > 0) say($"{world.Events.NowUs / 1e6,5:0.0} s: {ok} operations ok, {failed} refused, {unknown} unknown or under way");
        }, null, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(5));
}
