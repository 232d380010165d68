using FsCheck;
using FsCheck.Fluent;
using Verify.Checks.Linearizability;

namespace Verify.Checks.Tests.Linearizability;

[TestFixture]
internal sealed class SearchPropertyTests
{
    [FsCheck.NUnit.Property(MaxTest = 3_000)]
    public Property The_search_agrees_with_trying_every_order_on_small_histories() =>
        Prop.ForAll(SmallHistories().ToArbitrary(), calls => Judge(calls).Verdict == (HasLegalOrder(calls) ? Verdict.Valid : Verdict.Invalid));

    [FsCheck.NUnit.Property(MaxTest = 200)]
    public Property A_history_that_is_linearizable_by_construction_is_never_called_illegal() =>
        Prop.ForAll(Gen.Choose(0, 1_000_000).ToArbitrary(), seed =>
            Judge(RandomHistory.OfRegister(seed, calls: 120, clients: 6, values: seed % 5, unknownPerMille: 40)).Verdict == Verdict.Valid);

    [FsCheck.NUnit.Property(MaxTest = 2_000)]
    public Property The_smallest_failing_part_fails_by_itself_and_lets_no_lie_in() =>
        Prop.ForAll(SmallHistories().ToArbitrary(), calls =>
        {
            var result = Judge(calls);
            return result.Verdict != Verdict.Invalid || (!HasLegalOrder(result.Smallest.ToArray()) && result.Smallest.Count <= calls.Length);
        });

    [Test]
    public void The_order_in_which_partitions_are_reported_does_not_depend_on_threads()
    {
        var partitions = Enumerable.Range(0, 40)
            .Select(k => new Partition<RegisterCall>($"k{k}", k % 7 == 5 ? Impossible() : RandomHistory.OfRegister(k, 50, 4, 3)))
            .ToArray();
        for (var i = 0; i < 20; i++)
        {
            var result = new PartitionedSearch<int, RegisterCall>(new RegisterModel(), new SearchLimits { Parallelism = 4 }).Judge(partitions);
            Assert.That(result.Failed!.Name, Is.EqualTo("k5"));
        }
    }

    [Test]
    public void A_hopeless_partition_does_not_hide_an_illegal_one_behind_it()
    {
        var hopeless = Enumerable.Range(0, 40).Select(i => Call(new(RegisterCallKind.Write, i + 1), 0, 1_000_000, i)).ToList();
        hopeless.Add(Call(new(RegisterCallKind.Read, 99), 0, 1_000_000, 99));
        var result = new PartitionedSearch<int, RegisterCall>(new RegisterModel(), new SearchLimits { Time = TimeSpan.FromSeconds(30), Parallelism = 1 })
            .Judge([new("a", hopeless), new("b", Impossible())]);
        Assert.That(result.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(result.Failed!.Name, Is.EqualTo("b"));
    }

    [Test]
    public void A_search_that_runs_out_of_memory_or_time_is_unknown()
    {
        var hopeless = Enumerable.Range(0, 40).Select(i => Call(new(RegisterCallKind.Write, i + 1), 0, 1_000_000, i)).ToList();
        hopeless.Add(Call(new(RegisterCallKind.Read, 99), 0, 1_000_000, 99));
        var memory = new PartitionedSearch<int, RegisterCall>(new RegisterModel(), new SearchLimits { CacheWordsMax = 100_000 }).Judge([new("a", hopeless)]);
        Assert.That((memory.Verdict, memory.Why), Is.EqualTo((Verdict.Unknown, "the search ran out of memory in 'a' (41 calls)")));
        var time = new PartitionedSearch<int, RegisterCall>(new RegisterModel(), new SearchLimits { Time = TimeSpan.Zero }).Judge([new("a", hopeless)]);
        Assert.That((time.Verdict, time.Why), Is.EqualTo((Verdict.Unknown, "the search ran out of time in 'a' (41 calls)")));
    }

    [Test]
    public void Intervals_are_closed_calls_of_one_microsecond_are_concurrent()
    {
        Assert.That(Judge([Call(new(RegisterCallKind.Write, 1), 0, 10, 0), Call(new(RegisterCallKind.Read, 0), 10, 20, 1)]).Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(Judge([Call(new(RegisterCallKind.Write, 1), 0, 10, 0), Call(new(RegisterCallKind.Read, 0), 11, 20, 1)]).Verdict, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public void The_longest_order_and_the_smallest_failing_part_are_told()
    {
        var result = Judge(
        [
            Call(new(RegisterCallKind.Write, 1), 0, 10, 0), Call(new(RegisterCallKind.Read, 1), 11, 12, 1), Call(new(RegisterCallKind.Write, 2), 20, 30, 2),
            Call(new(RegisterCallKind.Write, 3), 40, 50, 3), Call(new(RegisterCallKind.Read, 2), 60, 70, 4), Call(new(RegisterCallKind.Write, 4), 80, 90, 5),
        ]);
        Assert.That(result.Longest.Select(c => c.Id), Is.EqualTo(new[] { 0, 1, 2, 3 }));
        Assert.That(result.Smallest.Select(c => c.Id), Is.EqualTo(new[] { 2, 3, 4 }));
    }

    private static LinearizationResult<RegisterCall> Judge(IReadOnlyList<TimedCall<RegisterCall>> calls) =>
        new PartitionedSearch<int, RegisterCall>(new RegisterModel(), new SearchLimits()).Judge([new("r", calls)]);

    private static TimedCall<RegisterCall> Call(RegisterCall call, long from, long to, int id, bool isOptional = false) =>
        new(call, from, to, isOptional, id);

    private static List<TimedCall<RegisterCall>> Impossible() => [Call(new(RegisterCallKind.Read, 1), 5, 6, 0)];

    private static Gen<TimedCall<RegisterCall>[]> SmallHistories() =>
        from count in Gen.Choose(1, 6)
        from numbers in Gen.Choose(0, 999).ArrayOf(count * 6)
        select Enumerable.Range(0, count).Select(i =>
        {
            var n = numbers.AsSpan(i * 6, 6);
            var kind = (RegisterCallKind)(n[0] % 4);
            var call = new RegisterCall(kind, kind == RegisterCallKind.CasRefused ? 0 : n[1] % 3, n[2] % 3);
            return Call(call, n[3] % 12, (n[3] % 12) + (n[4] % 6), i, isOptional: n[5] % 4 == 0);
        }).ToArray();

    private static bool HasLegalOrder(TimedCall<RegisterCall>[] calls) => EveryOrder.HasLegalOne(new RegisterModel(), calls);
}
