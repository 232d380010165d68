using Verify.Chaos.Drawn;
using Verify.Chaos.Mutants;
using Verify.Checks;
using Verify.Checks.Linearizability;
using Verify.Node.Seam;
using Verify.Raft;
using Verify.Sim;
using Verify.Sim.Hosts;
using Verify.Sim.Scheduling;
using Verify.Sim.Watching;

namespace Verify.Chaos.Swarms;

/// <summary>What a schedule of whole nodes leans towards.</summary>
internal enum ClusterStory { Everything, Damage, InstallCrash, LostAnswers, ClockJumps, TakenOut, Kv, Catalogue }

/// <summary>What the parts of one schedule share.</summary>
internal sealed record StoryParts(
    ClusterWorld World, ClusterSwarmOptions Options, Dice Dice, ClusterPromises Promises, ClusterNemesis Nemesis, ClusterEnding Ending, List<Op> History, Action<string>? Tell)
{
    public ClusterClient Client(int number) => new(World, Options, number, Dice.Fork($"client {number}"), History);
}

/// <summary>Whole nodes with real frames and files and clients of the KV, while members come and go and everything breaks. Afterwards
/// all is healed: the group must come together, every node must hold the same state, and what clients saw must be linearizable.</summary>
/// <param name="strategy">Who goes first among those who could; random when null.</param>
internal sealed class ClusterSwarm(
    Action<string>? tell = null, ClusterStory story = ClusterStory.Everything, Func<IChoiceSource, IActorScheduler>? strategy = null) : IFalsifiable
{
    private const string Linearizable = "linearizable";
    private static readonly TimeSpan VirtualTimeMax = TimeSpan.FromMinutes(10);

    public string Name => story switch
    {
        ClusterStory.Damage => "cluster-damage",
        ClusterStory.InstallCrash => "cluster-install",
        ClusterStory.LostAnswers => "cluster-answers",
        ClusterStory.ClockJumps => "cluster-clocks",
        ClusterStory.TakenOut => "cluster-taken-out",
        ClusterStory.Kv => "cluster-kv",
        ClusterStory.Catalogue => "cluster-catalogue",
        _ => "cluster",
    };

    public string Story => story switch
    {
        ClusterStory.Damage =>
            "3 whole nodes: one lags behind while two acknowledge writes; one of the two loses power, space, a sync or a bit; then it has to go on with the one that lagged",
        ClusterStory.InstallCrash =>
            "3 whole nodes: one lags behind until only a snapshot helps; while it takes that on a slow disk it dies, and must have lost nothing of what it had applied",
        ClusterStory.LostAnswers =>
            "3 or 5 whole nodes: a leader is cut off, told of writes and paused; the others go on; when it wakes up, other entries stand where those writes stood",
        ClusterStory.Kv =>
            "1 to 8 whole nodes under the faults of every drawn schedule, wall clocks that jump among them; clients write several keys at once, compare, delete by prefix, set lifetimes, "
            + "hold sessions and take locks; linearizability of the whole store, one holder with a rising token, nothing gone early and nothing that stays",
        ClusterStory.Catalogue =>
            "1 to 8 whole nodes under the faults of every drawn schedule, wall clocks that jump among them; clients register, compare, deregister, query and pick services, and renew "
            + "instances by heartbeat or TTL check; linearizability of each service, nobody unlisted who was renewed in time, nobody listed on any node whose time is long over",
        ClusterStory.ClockJumps => "1 to 5 whole nodes whose wall clocks jump by minutes and hours; nobody may notice",
        ClusterStory.TakenOut => "3 or 5 whole nodes that are cut off from each other and taken out of the group; who was taken out leaves and disturbs nobody",
        _ => "1 to 8 whole nodes with KV clients, 4 to 12 virtual seconds of drawn faults: kills, cuts, pauses, disks that are full, slow, fail, rot, tear or write astray, zones with spares, joins, leaves, clean-up of the dead, "
            + "transfers, snapshots, clock steps and drift; linearizability, Raft's promises on line at every node and its disk, one state per log index, convergence",
    };

    public string FalsePromise => story switch { ClusterStory.Kv => KvStory.FalsePromise, ClusterStory.Catalogue => CatalogueStory.FalsePromise, _ => Linearizable };
    public string FalseSign => FalseAnswer.About;

    /// <summary>With fewer voters the story cannot be told: it is about a third who lags, or stays away.</summary>
    public static int VotersMin(ClusterStory story) => story is ClusterStory.Damage or ClusterStory.InstallCrash or ClusterStory.LostAnswers or ClusterStory.TakenOut ? 3 : 1;

    public SwarmTrial Play(ulong seed) => Play(seed, new ClusterHooks());

    public SwarmTrial PlayFalsified(ulong seed) => Play(seed, new ClusterHooks { IsFalsified = true });

    /// <summary>The schedule of a seed, or what was left of it, with somebody who looks on.</summary>
    public SwarmTrial Play(ulong seed, ClusterHooks hooks) => WorldThread.Run(() =>
    {
        var (trial, marks) = MarkCatalog.Counted(() => PlayHere(seed, hooks));
        return trial with { Counts = [.. trial.Counts, .. marks] };
    });

    private SwarmTrial PlayHere(ulong seed, ClusterHooks hooks)
    {
        var dice = new Dice(seed).Fork(Name);
        var options = Draw(dice);
        if (hooks.Schedule is { } kept)
            options = options with { Clients = kept.Clients ?? options.Clients, Voters = kept.Voters ?? options.Voters, Spares = kept.Spares ?? options.Spares };
        var choices = new DiceChoices(seed);
        using var sim = new SimWorld(
            options.WorldOptions() with { KeepWholeTrace = hooks.KeepsTrace }, choices, strategy?.Invoke(choices) ?? new RandomActors(choices), hooks.Named);
        var promises = new ClusterPromises();
        var watch = new RaftWatch(promises.Break);
        (sim.Trace.NodeEventSeen, sim.WitnessOf) = (promises.See, watch.WitnessOf);
        var history = new List<Op>();
        var world = new ClusterWorld(sim, options);
        if (options.DeadServerMs > 0)
            foreach (var name in world.Names) promises.Excuse(name); // Whoever is silent may find himself taken out.
        var nemesis = new ClusterNemesis(world, options, dice.Fork("nemesis"), promises, tell, hooks.Schedule?.Deeds);
        var ending = new ClusterEnding(world, options, nemesis, promises, tell);
        var parts = new StoryParts(world, options, dice, promises, nemesis, ending, history, tell);
        StoreStory? own = story switch { ClusterStory.Kv => new KvStory(parts), ClusterStory.Catalogue => new CatalogueStory(parts), _ => null };
        Discovery? discovery = null;
        var verdict = Verdict.Valid;
        try
        {
            hooks.Begun(sim);
            sim.Run(() => own?.RunAsync(SuperviseAsync) ?? RunAsync(parts), VirtualTimeMax);
            discovery = promises.Broken;
            if (hooks.IsFalsified) Falsify(history, own, sim.NowMicros);
            if (discovery is null) (verdict, discovery) = Judge(history, sim);
            if (discovery is null && own is not null) (verdict, discovery) = own.Judge();
        }
        catch (SimWorldException e)
        {
            tell?.Invoke(e.ToString());
            discovery = promises.Broken ?? new(Discovery.InvariantCrash, e.InnerException?.Message ?? e.Message);
        }
        catch (Exception e) when (e is DeadlockException or WorldTimeoutException)
        {
            discovery = promises.Broken ?? new("Live", e.Message.Split('\n')[0]);
        }

        hooks.Judged(history);
        hooks.Ended(sim, nemesis.Done, options);
        if (discovery is not null && verdict == Verdict.Valid) verdict = Verdict.Invalid;
        return new SwarmTrial(verdict, discovery, options.Describe(), sim.Trace.Hash,
        [
            ("elections", promises.Elections), ("operations", history.Count), ("entries applied", promises.Applied), ("halts", promises.Halts), ("commits judged", watch.Commits), ("syncs judged", watch.SyncsSeen),
            ("operations of unknown outcome", history.Count(o => o.Outcome == OpOutcome.Unknown)),
            .. own?.Counts ?? [],
            .. nemesis.Counts.Select(c => (c.Key, c.Value)),
        ]);
    }

    private static void Falsify(List<Op> history, StoreStory? own, long atUs)
    {
        if (own is not null) own.Falsify();
        else history.Add(FalseAnswer.To(history, atUs));
    }

    private ClusterSwarmOptions Draw(Dice dice) => story switch
    {
        ClusterStory.Damage => DamageStory.Draw(dice),
        ClusterStory.Kv or ClusterStory.Catalogue => StoreStory.Draw(dice),
        ClusterStory.InstallCrash => InstallCrashStory.Draw(dice),
        ClusterStory.LostAnswers => LostAnswersStory.Draw(dice),
        ClusterStory.ClockJumps => ClusterSwarmOptions.Calm(dice) with { ClockSteps = true },
        ClusterStory.TakenOut => ClusterSwarmOptions.Calm(dice) with { Voters = dice.Chance(500) ? 3 : 5, Cuts = true, Leaves = true },
        _ => ClusterSwarmOptions.Draw(dice),
    };

    private Task RunAsync(StoryParts parts) => story switch
    {
        ClusterStory.Damage => new DamageStory(parts).RunAsync(),
        ClusterStory.InstallCrash => new InstallCrashStory(parts).RunAsync(),
        ClusterStory.LostAnswers => new LostAnswersStory(parts).RunAsync(),
        _ => DrawnAsync(parts),
    };

    private static async Task DrawnAsync(StoryParts parts)
    {
        var (world, options, promises) = (parts.World, parts.Options, parts.Promises);
        world.Start();
        var until = world.Sim.Now + options.Duration;
        bool Goes() => world.Sim.Now < until && promises.Broken is null;
        var work = new List<Task> { parts.Nemesis.ActAsync(Goes), SuperviseAsync(world, parts.Nemesis, promises, Goes) };
        for (var i = 0; i < options.Clients; i++) work.Add(parts.Client(i).WorkAsync(Goes));
        foreach (var one in work) await one;
        if (promises.Broken is null) await parts.Ending.ConcludeAsync(new ClusterClient(world, options, options.Clients, parts.Dice.Fork("reader"), parts.History));
    }

    /// <summary>Looks at the states, and starts again who ended himself.</summary>
    private static async Task SuperviseAsync(ClusterWorld world, ClusterNemesis nemesis, ClusterPromises promises, Func<bool> goes)
    {
        while (goes())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(300), world.Time, CancellationToken.None);
            promises.CompareStates(world.Sim);
            foreach (var host in world.Hosts)
                if (!host.IsAlive && host.HaltReason is not null && promises.IsExcused(host.Name)) { nemesis.StartAgain(); break; }
        }
    }

    private static (Verdict, Discovery?) Judge(List<Op> history, SimWorld sim)
    {
        var facts = new RunFacts
        {
            History = new History([.. history.OrderBy(o => o.CalledUs).ThenBy(o => o.Id)]), Events = [], ObservationsAreExact = true, EndUs = sim.NowMicros,
            Nodes = new SortedDictionary<string, string>(StringComparer.Ordinal), Servers = new SortedDictionary<string, string>(StringComparer.Ordinal),
        };
        var finding = new LinearizableKvCheck(new SearchLimits { Time = TimeSpan.FromSeconds(20), Parallelism = 1 }).Judge(facts);
        return finding.Verdict == Verdict.Valid ? (Verdict.Valid, null) : (finding.Verdict, new(Linearizable, finding.Observed));
    }
}
