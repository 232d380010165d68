using Verify.Checks.Linearizability;

namespace Verify.Checks.Tests;

/// <summary>What is said of batches, locks and lifetimes is seen failing on stories that are wrong.</summary>
public sealed class KvPromiseTests
{
    [Test]
    public void A_batch_that_is_seen_by_half_has_no_order()
    {
        var batch = Call(StoreCallKind.Write, 0, 10, [], [(0, 1), (1, 2)]);
        Assert.That(Judge(batch, Call(StoreCallKind.Read, 11, 12, [], [(0, 1), (1, 2)])), Is.EqualTo(Verdict.Valid));
        Assert.That(Judge(batch, Call(StoreCallKind.Read, 5, 6, [], [(0, 1), (1, 0)])), Is.EqualTo(Verdict.Invalid));
        Assert.That(Judge(batch, Call(StoreCallKind.Write, 11, 20, [(0, 1), (1, 0)], [(0, 3)])), Is.EqualTo(Verdict.Invalid), "what it compared was not there");
        Assert.That(Judge(batch, Call(StoreCallKind.WriteRefused, 11, 20, [(0, 1), (1, 2)], [])), Is.EqualTo(Verdict.Invalid), "what it compared was there");
    }

    [Test]
    public void Two_who_surely_hold_the_same_lock_are_found_and_so_is_a_token_that_falls()
    {
        var first = new LockGrant("l", "a", 5, 0, 10, 100);
        Assert.That(LockExclusion.Objection([first, new("l", "b", 9, 90, 110, 200)]), Is.Null);
        Assert.That(LockExclusion.Objection([first, new("l", "b", 9, 20, 50, 60)]), Does.Contain("b (token 9)"));
        Assert.That(LockExclusion.Objection([first, new("l", "b", 4, 90, 110, 200)]), Does.Contain("lower token 4"));
        Assert.That(LockExclusion.Objection([first, new("l", "b", 5, 90, 110, 200)]), Does.Contain("same token"));
        Assert.That(LockExclusion.Objection([first, new("other", "b", 4, 20, 50, 60)]), Is.Null);
        Assert.That(LockExclusion.Objection([first, new("l", "b", 9, 20, 50, 40)]), Is.Null, "it heard of it when it could be over already");
    }

    [Test]
    public void A_key_that_is_gone_early_and_one_that_stays_are_found()
    {
        var none = new Dictionary<string, long>(StringComparer.Ordinal);
        LifetimeSpan[] sure = [new("k", 10, 1_000)];
        Assert.That(Lifetimes.Objection(sure, [new("k", WasThere: false, 20, 30)], none), Does.StartWith("k was gone"));
        Assert.That(Lifetimes.Objection(sure, [new("k", WasThere: false, 990, 1_010), new("k", WasThere: false, 5, 15)], none), Is.Null, "it may have been before or after");
        Assert.That(Lifetimes.Objection(sure, [new("k", WasThere: true, 5_000, 5_010)], new Dictionary<string, long>(StringComparer.Ordinal) { ["k"] = 4_000 }), Does.Contain("still there"));
    }

    private static Verdict Judge(params TimedCall<StoreCall>[] calls) =>
        new PartitionedSearch<StoreState, StoreCall>(new StoreModel(2), new SearchLimits { Parallelism = 1 }).Judge([new("store", calls)]).Verdict;

    private static TimedCall<StoreCall> Call(StoreCallKind kind, long called, long returned, (int Key, int Value)[] expected, (int Key, int Value)[] cells) =>
        new(new(kind, [.. expected.Select(cell => new StoreCell(cell.Key, cell.Value))], [.. cells.Select(cell => new StoreCell(cell.Key, cell.Value))]), called, returned, IsOptional: false, (int)called);
}
