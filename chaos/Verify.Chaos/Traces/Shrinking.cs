using System.Collections.Immutable;
using System.Globalization;
using Verify.Chaos.Swarms;
using Verify.Checks;
using Verify.Scenarios;
using Verify.Sim.RaftOnly;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Traces;

/// <summary>How far a shrinking got.</summary>
/// <param name="Faults">What hurt: injections, and messages that were lost, doubled, late or overtaken.</param>
internal sealed record ShrinkSize(int Faults, int Deeds, int Clients, int Nodes, int Choices);

/// <summary>What is left, and how much it was before.</summary>
internal sealed record Shrunk(IPlayable Playable, string Check, string Observed, ShrinkSize Before, ShrinkSize After, int Tries, RecordedTrace? Trace)
{
    public double FaultsLessPercent => Before.Faults == 0 ? 0 : 100.0 * (Before.Faults - After.Faults) / Before.Faults;
}

/// <summary>Takes parts away while the same check fails: deeds (steps, faults), clients, nodes, then choices.</summary>
/// <param name="check">Null: the one that fails first.</param>
internal sealed class Shrinking(TimeSpan budget, TimeProvider time, Action<string> tell, string? check)
{
    private const ulong SeedsTried = 3;
    private static readonly TimeSpan Progress = TimeSpan.FromSeconds(5);
    private readonly long _start = time.GetTimestamp();
    private TimeSpan _told;
    private int _tries;
    private string _check = "";

    private bool GoesOn => time.GetElapsedTime(_start) < budget;

    /// <exception cref="Running.HarnessException">It does not fail, or not by that check.</exception>
    public Shrunk Run(PlayTarget target)
    {
        var first = target.Playable.Play(Named(target.Recorded));
        if (first.Verdict != Verdict.Invalid) throw new Running.HarnessException($"{target.Playable.What} breaks no promise ({first}): there is nothing to shrink");
        _check = check ?? (target.Recorded?.Header.Check is { Length: > 0 } recorded && first.Failed.Contains(recorded, StringComparer.Ordinal) ? recorded : first.Check);
        if (!first.Failed.Contains(_check, StringComparer.Ordinal)) throw new Running.HarnessException($"{target.Playable.What} does not break '{_check}', but {string.Join(", ", first.Failed)}");
        tell($"{target.Playable.What}: {_check} is broken; shrinking for at most {budget.TotalSeconds:0} s");
        return target.Playable switch
        {
            RaftPlay raft => Shrink(raft, first),
            ClusterPlay cluster => Shrink(cluster),
            ScenarioPlay scenario => Shrink(scenario, first),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    private static PlayHooks Named(RecordedTrace? recorded) =>
        recorded is { Header.QuietOtherwise: true } ? new() { Named = new(recorded.Choices, recorded.Header.Seed, otherwise: true) } : new();

    /// <param name="faultsMax">With more faults than this it is no gain.</param>
    private bool Fails(Func<Played> play, Func<string> left, int faultsMax = int.MaxValue)
    {
        if (!GoesOn) return false;
        _tries++;
        var played = play();
        var fails = played.Faults <= faultsMax && played.Failed.Contains(_check, StringComparer.Ordinal);
        var elapsed = time.GetElapsedTime(_start);
        if (elapsed - _told < Progress) return fails;
        _told = elapsed;
        tell(string.Create(CultureInfo.InvariantCulture, $"  {elapsed.TotalSeconds:0} s, {_tries} tries: {left()}"));
        return fails;
    }

    private Shrunk Shrink(RaftPlay raft, Played first)
    {
        var shrinking = new RaftShrinking(budget, time, (candidate, parts, faultsMax) => Fails(() => candidate.Play(new()), () => $"{parts} parts left", faultsMax));
        var least = shrinking.Least(raft);
        var last = least.Play(new());
        return new(least, _check, last.Observed, SizeOf(raft.Schedule, first), SizeOf(least.Schedule, last), _tries, null);
    }

    private static ShrinkSize SizeOf(SwarmSchedule schedule, Played played) =>
        new(played.Faults, schedule.Deeds.Length, 0, schedule.Options.Nodes, schedule.Deeds.Sum(d => d.Choices.Length));

    private Shrunk Shrink(ClusterPlay cluster)
    {
        // The choices of the whole run, by their names: what is left keeps its delays when something else is taken away.
        var whole = cluster.Play(new() { Records = true }).Trace!;
        var (schedule, choices) = (whole.Header.Cluster!, whole.Choices);
        bool Holds(ClusterSchedule s) => Fails(() => (cluster with { Schedule = s }).Play(new() { Named = new(choices, cluster.Seed) }), () => $"{s.Deeds?.Count} deeds, {s.Clients} clients");
        if (!Holds(schedule))
        {
            tell("  the written schedule does not fail as the drawn one does; nothing was taken away");
            return new(cluster, _check, whole.Header.Observed, SizeOf(schedule, whole), SizeOf(schedule, whole), _tries, whole);
        }

        var deeds = DeltaDebugging.Minimize(schedule.Deeds!, d => Holds(schedule with { Deeds = [.. d] }), () => GoesOn);
        var least = schedule with { Deeds = [.. deeds] };
        for (var clients = 0; clients < least.Clients && GoesOn; clients++)
        {
            if (!Holds(least with { Clients = clients })) continue;
            least = least with { Clients = clients };
            break;
        }

        if (least.Spares > 0 && Holds(least with { Spares = 0 })) least = least with { Spares = 0 };
        var votersMin = ClusterSwarm.VotersMin(Enum.Parse<ClusterStory>(schedule.Story, ignoreCase: true));
        foreach (var voters in new[] { 1, 3 })
        {
            if (voters < votersMin || least.Voters <= voters || !Holds(least with { Voters = voters })) continue;
            least = least with { Voters = voters };
            break;
        }

        // Recorded as it is now played: the trace and the schedule in its header belong together.
        var last = (cluster with { Schedule = least }).Play(new() { Named = new(choices, cluster.Seed), Records = true });
        var trace = last.Trace! with { Choices = choices };
        return new(cluster with { Schedule = least }, _check, last.Observed, SizeOf(schedule, whole), SizeOf(least, last.Trace!), _tries, trace);
    }

    private static ShrinkSize SizeOf(ClusterSchedule schedule, RecordedTrace trace) =>
        new(schedule.Deeds?.Count(d => d.Name != ClusterDeed.Nothing) ?? 0, schedule.Deeds?.Count ?? 0, schedule.Clients ?? 0, (schedule.Voters ?? 0) + (schedule.Spares ?? 0), trace.Choices.Count);

    private Shrunk Shrink(ScenarioPlay whole, Played first)
    {
        var least = whole;
        // What fails is what is left: each part that can go is gone from here on. A neighbouring seed will do, when this one has moved.
        bool Holds(Scenario smaller)
        {
            if (!IsScenario(smaller)) return false;
            for (var seed = least.Seed; seed < least.Seed + SeedsTried; seed++)
            {
                var candidate = least with { Scenario = smaller, Seed = seed };
                if (!Fails(() => candidate.Play(new()), () => ScenarioParts.Describe(least.Scenario))) continue;
                least = candidate;
                return true;
            }

            return false;
        }

        DeltaDebugging.Minimize(least.Scenario.Steps, s => Holds(least.Scenario with { Steps = [.. s] }), () => GoesOn);
        // Until nothing of it can go any more: with fewer nodes a shorter time may be enough.
        for (var again = true; again && GoesOn;)
        {
            again = false;
            foreach (var smaller in ScenarioParts.Smaller(least.Scenario, whole.Scenario)) again |= smaller(least.Scenario) is { } next && Holds(next);
        }

        var story = $"Shrunk from {whole.What}: {_check} is broken.";
        least = least with { Scenario = least.Scenario with { Name = $"{whole.Scenario.Name}-shrunk", Story = story } };
        var recorded = least.Play(new() { Records = true });
        var quiet = Quieter(least, recorded.Trace!);
        var trace = quiet ?? recorded.Trace!;
        return new(least, _check, recorded.Observed, SizeOf(whole.Scenario, first.Faults, recorded.Trace!.Choices.Count), SizeOf(least.Scenario, recorded.Faults, trace.Choices.Count), _tries, trace);
    }

    /// <summary>Which choices it needs: groups of one name are made as quiet as possible. Null: it does not fail that way.</summary>
    private RecordedTrace? Quieter(ScenarioPlay play, RecordedTrace trace)
    {
        var groups = trace.Choices.Select(c => (c.Kind, c.Actor, c.Name)).Distinct().ToArray();
        IReadOnlyList<NamedChoice> Of(IReadOnlyList<(ChoiceKind, string, string)> kept)
        {
            var names = new SortedSet<(ChoiceKind, string, string)>(kept);
            return [.. trace.Choices.Where(c => names.Contains((c.Kind, c.Actor, c.Name)))];
        }

        bool Holds(IReadOnlyList<(ChoiceKind, string, string)> kept) =>
            Fails(() => play.Play(new() { Named = new(Of(kept), play.Seed, otherwise: true) }), () => $"{kept.Count} of {groups.Length} groups of choices");
        var needed = DeltaDebugging.Minimize(groups, Holds, () => GoesOn);
        if (needed.Count == groups.Length) return null;
        var last = play.Play(new() { Named = new(Of(needed), play.Seed, otherwise: true), Records = true });
        if (!last.Failed.Contains(_check, StringComparer.Ordinal)) return null;
        return last.Trace! with { Header = last.Trace!.Header with { QuietOtherwise = true }, Choices = Of(needed) };
    }

    private static bool IsScenario(Scenario scenario)
    {
        try
        {
            ScenarioReader.Read(ScenarioWriter.Write(scenario));
            return true;
        }
        catch (ScenarioException)
        {
            return false;
        }
    }

    private static ShrinkSize SizeOf(Scenario scenario, int faults, int choices) =>
        new(Math.Max(faults, scenario.Steps.Length), scenario.Steps.Length, scenario.Workload.Clients, scenario.Fleet.Nodes.Sum(n => n.Value.Length) + scenario.Fleet.Servers.Sum(s => s.Value.Length), choices);
}
