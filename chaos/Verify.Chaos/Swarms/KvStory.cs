using System.Globalization;
using Verify.Chaos.Mutants;
using Verify.Checks;
using Verify.Checks.Linearizability;
using Verify.Node.Api;
using Verify.Node.Seam;

namespace Verify.Chaos.Swarms;

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
internal sealed class KvStory(StoryParts parts) : StoreStory(parts)
{
    /// <summary>After everything was healed: the lifetime with drift, a grain, a second that a leader may lose, an election.</summary>
    private static readonly TimeSpan GoneAfter = KvLifeClient.TtlMax + TimeSpan.FromSeconds(4);
    public const string FalsePromise = "lockExclusion";
    private readonly KvHistory _history = new();

    protected override StoryHistory Seen => _history;

    public override IEnumerable<(string Name, long Count)> Counts => [("operations on several keys, lifetimes and locks", _history.Operations), ("locks held", _history.Grants.Count)];

    protected override IEnumerable<Task> Work(Func<bool> goes)
    {
        for (var i = 0; i < 2; i++) yield return new KvBatchClient(Asker($"batch {i}"), _history, Parts.Dice.Fork($"batches {i}")).WorkAsync(goes);
        for (var i = 0; i < 3; i++) yield return new KvLockClient(Asker($"lock {i}"), _history, Parts.Dice.Fork($"locks {i}"), $"c{i}").WorkAsync(goes);
        yield return Lives.WorkAsync(goes);
    }

    protected override async Task EndInPeaceAsync()
    {
        await Task.Delay(GoneAfter, Parts.World.Time, CancellationToken.None);
        await Lives.LookAtAllAsync();
        await new KvBatchClient(Asker("last"), _history, Parts.Dice.Fork("last")).ReadAsync();
    }

    /// <summary>Two who believe in the same lock at the same time.</summary>
    public override void Falsify()
    {
        for (var token = 1; token <= 2; token++) _history.Grants.Add(new(FalseAnswer.About, $"c{token}", token, 0, 0, 1_000_000));
    }

    public override (Verdict, Discovery?) Judge()
    {
        if (LockExclusion.Objection(_history.Grants) is { } locks) return (Verdict.Invalid, new(FalsePromise, locks));
        if (Lifetimes.Objection(_history.Spans, _history.Looks, _history.GoneBy) is { } lives) return (Verdict.Invalid, new("lifetimes", lives));
        return JudgeOrder(KvBatchClient.Keys, [new("the store", [.. _history.Calls.OfType<TimedCall<StoreCall>>()])]);
    }

    private KvLifeClient Lives => field ??= new(Asker("lives"), _history, Parts.Dice.Fork("lives"));
}
