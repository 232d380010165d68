using System.Globalization;
using Verify.Chaos.Mutants;
using Verify.Checks;
using Verify.Checks.Linearizability;
using Verify.Node.Seam;

namespace Verify.Chaos.Swarms;

/// <summary>What clients of a story saw in one schedule.</summary>
internal abstract class StoryHistory
{
    public int Operations { get; set; }

    /// <summary>Values are written once; 0 is "nothing there".</summary>
    public int NextValue { get; set; } = 1;
}

/// <summary>Whole nodes under the faults of every other schedule, wall clocks that jump among them, with clients and a judge of its own.
/// Afterwards everything is healed, and the clients have a last look in peace.</summary>
internal abstract class StoreStory(StoryParts parts)
{
    protected StoryParts Parts => parts;
    protected abstract StoryHistory Seen { get; }

    public abstract IEnumerable<(string Name, long Count)> Counts { get; }

    public static ClusterSwarmOptions Draw(Dice dice) =>
        ClusterSwarmOptions.Draw(dice) with { ClockSteps = dice.Chance(600), Keys = 1, Clients = 1, Duration = TimeSpan.FromMilliseconds(4_000 + dice.Next(5_000)) };

    /// <param name="supervise">Looks at the states, and starts again who ended himself.</param>
    public async Task RunAsync(Func<ClusterWorld, ClusterNemesis, ClusterPromises, Func<bool>, Task> supervise)
    {
        var (world, options, promises) = (parts.World, parts.Options, parts.Promises);
        world.Start();
        var until = world.Sim.Now + options.Duration;
        bool Goes() => world.Sim.Now < until && promises.Broken is null;
        List<Task> work = [parts.Nemesis.ActAsync(Goes), supervise(world, parts.Nemesis, promises, Goes), parts.Client(0).WorkAsync(Goes), .. Work(Goes)];
        foreach (var one in work) await one;
        if (promises.Broken is not null) return;
        await parts.Ending.ConcludeAsync(new ClusterClient(world, options, options.Clients, parts.Dice.Fork("reader"), parts.History));
        if (promises.Broken is null) await EndInPeaceAsync();
    }

    /// <summary>Puts something into what its clients saw that no node answered; <see cref="Judge"/> must find it.</summary>
    public abstract void Falsify();

    public abstract (Verdict, Discovery?) Judge();

    /// <summary>The clients, at work.</summary>
    protected abstract IEnumerable<Task> Work(Func<bool> goes);

    /// <summary>After everything was healed.</summary>
    protected abstract Task EndInPeaceAsync();

    /// <summary>Whether the calls on each part of the store have an order in which it could have answered so.</summary>
    protected static (Verdict, Discovery?) JudgeOrder(int keys, Partition<StoreCall>[] calls)
    {
        var result = new PartitionedSearch<StoreState, StoreCall>(new StoreModel(keys), new SearchLimits { Time = TimeSpan.FromSeconds(20), Parallelism = 1 }).Judge(calls);
        if (result.Verdict == Verdict.Valid) return (Verdict.Valid, null);
        return (result.Verdict, new("linearizable", result.Verdict == Verdict.Invalid
            ? $"these calls on {result.Failed?.Name} have no order: {string.Join("; ", result.Smallest.Take(12).Select(Text))}" : result.Why));
    }

    protected KvAsker Asker(string name) => new(parts.World, parts.Dice.Fork($"asker {name}"), name.Replace(' ', '-'), Seen);

    private static string Text(TimedCall<StoreCall> call)
    {
        static string Cells(IEnumerable<StoreCell> cells) => string.Join(',', cells.Select(cell => string.Create(CultureInfo.InvariantCulture, $"{cell.Key}={cell.Value}")));
        return string.Create(CultureInfo.InvariantCulture,
            $"{call.Call.Kind}[{Cells(call.Call.Expected)}]({Cells(call.Call.Cells)}) at {call.CalledUs}..{(call.IsOptional ? "?" : $"{call.ReturnedUs}")}");
    }
}
