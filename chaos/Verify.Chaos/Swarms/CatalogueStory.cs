using System.Collections.Immutable;
using System.Globalization;
using Verify.Chaos.Mutants;
using Verify.Checks;
using Verify.Checks.Linearizability;
using Verify.Node.Api;
using Verify.Node.Seam;

namespace Verify.Chaos.Swarms;

/// <summary>What clients of the catalogue saw in one schedule.</summary>
internal sealed class CatalogueHistory : StoryHistory
{
    /// <summary>On the instances of one service, by the service.</summary>
    public SortedDictionary<string, List<TimedCall<StoreCall>?>> Calls { get; } = new(StringComparer.Ordinal);
    public List<ServiceRenewal> Renewals { get; } = [];
    public List<ServiceEnd> Ends { get; } = [];
    public List<ServiceLook> Looks { get; } = [];
    public SortedDictionary<string, long> GoneBy { get; } = new(StringComparer.Ordinal);
}

/// <summary>Whole nodes under the faults of every other schedule, wall clocks that jump among them, with clients that register, compare, deregister, query and
/// pick, and with instances that must be renewed: by heartbeat or by a TTL check. Judged by linearizability of each service, and by <see cref="ServiceExpiry"/>:
/// on every node, under the faults and in the peace after them.</summary>
internal sealed class CatalogueStory(StoryParts parts) : IStory
{
    /// <summary>In peace, after the last renewal was answered: besides the lifetime with drift a grain of the leader's clock, a second that a leader may
    /// lose, an election, and the way to the last follower.</summary>
    private static readonly TimeSpan GoneAfter = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(150);
    public const string FalsePromise = "serviceExpiry";
    private readonly CatalogueHistory _history = new();

    public IEnumerable<(string Name, long Count)> Counts =>
        [("operations on services", _history.Operations), ("renewals of instances", _history.Renewals.Count), ("looks at passing instances", _history.Looks.Count)];

    public static ClusterSwarmOptions Draw(Dice dice) =>
        ClusterSwarmOptions.Draw(dice) with { ClockSteps = dice.Chance(600), Keys = 1, Clients = 1, Duration = TimeSpan.FromMilliseconds(4_000 + dice.Next(5_000)) };

    public async Task RunAsync(Func<ClusterWorld, ClusterNemesis, ClusterPromises, Func<bool>, Task> supervise)
    {
        var (world, options, promises) = (parts.World, parts.Options, parts.Promises);
        world.Start();
        var until = world.Sim.Now + options.Duration;
        bool Goes() => world.Sim.Now < until && promises.Broken is null;
        List<Task> work = [parts.Nemesis.ActAsync(Goes), supervise(world, parts.Nemesis, promises, Goes), parts.Client(0).WorkAsync(Goes)];
        for (var i = 0; i < 3; i++) work.Add(new ServiceClient(Asker($"service {i}"), _history, parts.Dice.Fork($"services {i}")).WorkAsync(Goes));
        for (var i = 0; i < 2; i++) work.Add(new ServiceLifeClient(Asker($"life {i}"), world, _history, parts.Dice.Fork($"lives {i}"), $"t{i}").WorkAsync(Goes));
        foreach (var one in work) await one;
        if (promises.Broken is not null) return;
        await parts.Ending.ConcludeAsync(new ClusterClient(world, options, options.Clients, parts.Dice.Fork("reader"), parts.History));
        if (promises.Broken is null) await EndInPeaceAsync();
    }

    /// <summary>One that was deregistered and is listed.</summary>
    public void Falsify()
    {
        _history.Ends.Add(new(FalseAnswer.About, 1));
        _history.Looks.Add(new("n1", FalseAnswer.About, WasListed: true, AppliedIndex: 1, 0, 0));
    }

    public (Verdict, Discovery?) Judge()
    {
        if (ServiceExpiry.Objection(_history.Renewals, _history.Ends, _history.Looks, _history.GoneBy) is { } expiry) return (Verdict.Invalid, new(FalsePromise, expiry));
        var services = _history.Calls.Select(of => new Partition<StoreCall>(of.Key, [.. of.Value.OfType<TimedCall<StoreCall>>()])).ToArray();
        var result = new PartitionedSearch<StoreState, StoreCall>(new StoreModel(ServiceClient.Instances), new SearchLimits { Time = TimeSpan.FromSeconds(20), Parallelism = 1 }).Judge(services);
        if (result.Verdict == Verdict.Valid) return (Verdict.Valid, null);
        return (result.Verdict, new("linearizable", result.Verdict == Verdict.Invalid
            ? $"these calls on {result.Failed?.Name} have no order: {string.Join("; ", result.Smallest.Take(12).Select(KvStory.Text))}" : result.Why));
    }

    /// <summary>Nobody disturbs: some instances are renewed for a while and must be there on all nodes, then nobody speaks for them, and within
    /// their time and the bound they are gone on all nodes, without anything else being written to remind the leader.</summary>
    private async Task EndInPeaceAsync()
    {
        var client = new ServiceLifeClient(Asker("last"), parts.World, _history, parts.Dice.Fork("last"), "last");
        var goneBy = await client.RenewForTheLastTimeAsync(GoneAfter);
        while (parts.World.Sim.NowMicros <= goneBy && parts.Promises.Broken is null)
        {
            await Task.Delay(Glance, parts.World.Time, CancellationToken.None);
            await client.LookEverywhereAsync();
        }

        await client.LookEverywhereAsync();
        await new ServiceClient(Asker("reader"), _history, parts.Dice.Fork("last reader")).ReadAllAsync();
    }

    private KvAsker Asker(string name) => new(parts.World, parts.Dice.Fork($"asker {name}"), name.Replace(' ', '-'), _history);
}
