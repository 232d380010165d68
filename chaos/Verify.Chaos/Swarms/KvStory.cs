using System.Globalization;
using Verify.Chaos.Mutants;
using Verify.Checks;
using Verify.Checks.Linearizability;
using Verify.Node.Api;
using Verify.Node.Seam;

namespace Verify.Chaos.Swarms;

/// <summary>What clients of a story saw in one schedule.</summary>
internal abstract class StoryHistory
{
    public int Operations { get; set; }

    /// <summary>Values are written once; 0 is "nothing there".</summary>
    public int NextValue { get; set; } = 1;
}

/// <summary>A story with clients and judges of its own.</summary>
internal interface IStory
{
    IEnumerable<(string Name, long Count)> Counts { get; }

    /// <param name="supervise">Looks at the states, and starts again who ended himself.</param>
    Task RunAsync(Func<ClusterWorld, ClusterNemesis, ClusterPromises, Func<bool>, Task> supervise);

    /// <summary>Puts something into what its clients saw that no node answered; <see cref="Judge"/> must find it.</summary>
    void Falsify();

    (Verdict, Discovery?) Judge();
}

/// <summary>What clients of batches, lifetimes and locks saw in one schedule.</summary>
internal sealed class KvHistory : StoryHistory
{
    public List<TimedCall<StoreCall>?> Calls { get; } = [];
    public List<LifetimeSpan> Spans { get; } = [];
    public List<LifetimeLook> Looks { get; } = [];
    public SortedDictionary<string, long> GoneBy { get; } = new(StringComparer.Ordinal);
    public List<LockGrant> Grants { get; } = [];
}

/// <summary>Whole nodes under the faults of every other schedule, with clients that write several keys at once, compare, delete by prefix, set
/// lifetimes, hold sessions and take locks. Judged by linearizability of the whole store, by mutual exclusion with tokens, and by lifetimes.</summary>
internal sealed class KvStory(StoryParts parts) : IStory
{
    /// <summary>After everything was healed: the lifetime with drift, a grain, a second that a leader may lose, an election.</summary>
    private static readonly TimeSpan GoneAfter = KvLifeClient.TtlMax + TimeSpan.FromSeconds(4);
    public const string FalsePromise = "lockExclusion";
    private readonly KvHistory _history = new();

    public IEnumerable<(string Name, long Count)> Counts => [("operations on several keys, lifetimes and locks", _history.Operations), ("locks held", _history.Grants.Count)];

    public static ClusterSwarmOptions Draw(Dice dice) =>
        ClusterSwarmOptions.Draw(dice) with { ClockSteps = dice.Chance(600), Keys = 1, Clients = 1, Duration = TimeSpan.FromMilliseconds(4_000 + dice.Next(5_000)) };

    public async Task RunAsync(Func<ClusterWorld, ClusterNemesis, ClusterPromises, Func<bool>, Task> supervise)
    {
        var (world, options, promises) = (parts.World, parts.Options, parts.Promises);
        world.Start();
        var until = world.Sim.Now + options.Duration;
        bool Goes() => world.Sim.Now < until && promises.Broken is null;
        List<Task> work = [parts.Nemesis.ActAsync(Goes), supervise(world, parts.Nemesis, promises, Goes), parts.Client(0).WorkAsync(Goes)];
        for (var i = 0; i < 2; i++) work.Add(new KvBatchClient(Asker($"batch {i}"), _history, parts.Dice.Fork($"batches {i}")).WorkAsync(Goes));
        for (var i = 0; i < 3; i++) work.Add(new KvLockClient(Asker($"lock {i}"), _history, parts.Dice.Fork($"locks {i}"), $"c{i}").WorkAsync(Goes));
        var lives = new KvLifeClient(Asker("lives"), _history, parts.Dice.Fork("lives"));
        work.Add(lives.WorkAsync(Goes));
        foreach (var one in work) await one;
        if (promises.Broken is not null) return;
        await parts.Ending.ConcludeAsync(new ClusterClient(world, options, options.Clients, parts.Dice.Fork("reader"), parts.History));
        if (promises.Broken is not null) return;
        await Task.Delay(GoneAfter, world.Time, CancellationToken.None);
        await lives.LookAtAllAsync();
        await new KvBatchClient(Asker("last"), _history, parts.Dice.Fork("last")).ReadAsync();
    }

    /// <summary>Two who believe in the same lock at the same time.</summary>
    public void Falsify()
    {
        for (var token = 1; token <= 2; token++) _history.Grants.Add(new(FalseAnswer.About, $"c{token}", token, 0, 0, 1_000_000));
    }

    public (Verdict, Discovery?) Judge()
    {
        if (LockExclusion.Objection(_history.Grants) is { } locks) return (Verdict.Invalid, new(FalsePromise, locks));
        if (Lifetimes.Objection(_history.Spans, _history.Looks, _history.GoneBy) is { } lives) return (Verdict.Invalid, new("lifetimes", lives));
        var calls = _history.Calls.OfType<TimedCall<StoreCall>>().ToArray();
        var result = new PartitionedSearch<StoreState, StoreCall>(new StoreModel(KvBatchClient.Keys), new SearchLimits { Time = TimeSpan.FromSeconds(20), Parallelism = 1 })
            .Judge([new("store", calls)]);
        if (result.Verdict == Verdict.Valid) return (Verdict.Valid, null);
        return (result.Verdict, new("linearizable", result.Verdict == Verdict.Invalid
            ? $"these calls on the store have no order: {string.Join("; ", result.Smallest.Take(12).Select(Text))}" : result.Why));
    }

    private KvAsker Asker(string name) => new(parts.World, parts.Dice.Fork($"asker {name}"), name.Replace(' ', '-'), _history);

    /// <summary>For people.</summary>
    public static string Text(TimedCall<StoreCall> call)
    {
        static string Cells(IEnumerable<StoreCell> cells) => string.Join(',', cells.Select(cell => string.Create(CultureInfo.InvariantCulture, $"{cell.Key}={cell.Value}")));
        return string.Create(CultureInfo.InvariantCulture,
            $"{call.Call.Kind}[{Cells(call.Call.Expected)}]({Cells(call.Call.Cells)}) at {call.CalledUs}..{(call.IsOptional ? "?" : $"{call.ReturnedUs}")}");
    }
}
