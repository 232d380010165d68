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
internal sealed class CatalogueStory(StoryParts parts) : StoreStory(parts)
{
    /// <summary>In peace, after the last renewal was answered: besides the lifetime with drift a grain of the leader's clock, a second that a leader may
    /// lose, an election, and the way to the last follower.</summary>
    private static readonly TimeSpan GoneAfter = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(150);
    public const string FalsePromise = "serviceExpiry";
    private readonly CatalogueHistory _history = new();

    protected override StoryHistory Seen => _history;

    public override IEnumerable<(string Name, long Count)> Counts =>
        [("operations on services", _history.Operations), ("renewals of instances", _history.Renewals.Count), ("looks at passing instances", _history.Looks.Count)];

    protected override IEnumerable<Task> Work(Func<bool> goes)
    {
        for (var i = 0; i < 3; i++) yield return new ServiceClient(Asker($"service {i}"), _history, Parts.Dice.Fork($"services {i}")).WorkAsync(goes);
        for (var i = 0; i < 2; i++) yield return new ServiceLifeClient(Asker($"life {i}"), Parts.World, _history, Parts.Dice.Fork($"lives {i}"), $"t{i}").WorkAsync(goes);
    }

    /// <summary>One that was deregistered and is listed.</summary>
    public override void Falsify()
    {
        _history.Ends.Add(new(FalseAnswer.About, 1));
        _history.Looks.Add(new("n1", FalseAnswer.About, WasListed: true, AppliedIndex: 1, 0, 0));
    }

    public override (Verdict, Discovery?) Judge() =>
        ServiceExpiry.Objection(_history.Renewals, _history.Ends, _history.Looks, _history.GoneBy) is { } expiry
            ? (Verdict.Invalid, new(FalsePromise, expiry))
            : JudgeOrder(ServiceClient.Instances, [.. _history.Calls.Select(of => new Partition<StoreCall>(of.Key, [.. of.Value.OfType<TimedCall<StoreCall>>()]))]);

    /// <summary>Nobody disturbs: some instances are renewed for a while and must be there on all nodes, then nobody speaks for them, and within
    /// their time and the bound they are gone on all nodes, without anything else being written to remind the leader.</summary>
    protected override async Task EndInPeaceAsync()
    {
        var client = new ServiceLifeClient(Asker("last"), Parts.World, _history, Parts.Dice.Fork("last"), "last");
        var goneBy = await client.RenewForTheLastTimeAsync(GoneAfter);
        while (Parts.World.Sim.NowMicros <= goneBy && Parts.Promises.Broken is null)
        {
            await Task.Delay(Glance, Parts.World.Time, CancellationToken.None);
            await client.LookEverywhereAsync();
        }

        await client.LookEverywhereAsync();
        await new ServiceClient(Asker("reader"), _history, Parts.Dice.Fork("last reader")).ReadAllAsync();
    }
}
