using Verify.Checks.Linearizability;

namespace Verify.Checks.Tests.Linearizability;

[TestFixture, Category("Speed")]
internal sealed class SpeedTests
{
    [Test]
    public void Ten_thousand_calls_of_eight_clients_on_one_register_take_less_than_a_second()
    {
        var history = RandomHistory.OfRegister(seed: 7, calls: 10_000, clients: 8, values: 5);
        var took = Judge([new("r", history)], out var result);
        TestContext.Out.WriteLine($"10,000 calls on one register: {took.TotalMilliseconds:0} ms, {result.Steps} steps");
        Assert.That(result.Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(took, Is.LessThan(TimeSpan.FromSeconds(1)));
    }

    [Test]
    public void One_wrong_read_among_ten_thousand_calls_is_found_in_less_than_five_seconds_with_its_smallest_part()
    {
        var history = RandomHistory.OfRegister(seed: 8, calls: 10_000, clients: 8, values: 0);
        var read = history.FindIndex(5_000, c => c.Call.Kind == RegisterCallKind.Read);
        var stale = history.Where((c, i) => i < read - 400 && c.Call.Kind == RegisterCallKind.Write).Last().Call.Value;
        history[read] = history[read] with { Call = history[read].Call with { Value = stale } };
        var took = Judge([new("r", history)], out var result);
        TestContext.Out.WriteLine($"illegal: {took.TotalMilliseconds:0} ms, {result.Steps} steps, smallest part {result.Smallest.Count} calls");
        Assert.That(result.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(result.Smallest, Has.Count.LessThanOrEqualTo(4));
        Assert.That(took, Is.LessThan(TimeSpan.FromSeconds(5)));
    }

    [Test]
    public void A_hundred_thousand_calls_on_a_thousand_keys_take_less_than_three_seconds()
    {
        var partitions = Enumerable.Range(0, 1_000)
            .Select(k => new Partition<RegisterCall>($"k{k}", RandomHistory.OfRegister(seed: k, calls: 100, clients: 8, values: 5)))
            .ToArray();
        var took = Judge(partitions, out var result);
        TestContext.Out.WriteLine($"100,000 calls on 1,000 keys: {took.TotalMilliseconds:0} ms, {result.Steps} steps");
        Assert.That(result.Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(took, Is.LessThan(TimeSpan.FromSeconds(3)));
    }

    [Test]
    public void Calls_that_nobody_answered_stay_affordable()
    {
        // As in a run with a partition: ten keys, 700 calls each, some twenty of them without an answer.
        var partitions = Enumerable.Range(0, 10)
            .Select(k => new Partition<RegisterCall>($"k{k}", RandomHistory.OfRegister(seed: k, calls: 700, clients: 6, values: 0, unknownPerMille: 30)))
            .ToArray();
        var took = Judge(partitions, out var result);
        TestContext.Out.WriteLine($"7,000 calls, 3 % without an answer: {took.TotalMilliseconds:0} ms, {result.Steps} steps");
        Assert.That(result.Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(took, Is.LessThan(TimeSpan.FromSeconds(3)));

        var last = (List<TimedCall<RegisterCall>>)partitions[^1].Calls;
        var read = last.FindLastIndex(c => c.Call.Kind == RegisterCallKind.Read && !c.IsOptional);
        last[read] = last[read] with { Call = last[read].Call with { Value = last[100].Call.Value + 100_000 } };
        took = Judge(partitions, out result);
        TestContext.Out.WriteLine($"the same with one wrong read at the end: {took.TotalMilliseconds:0} ms, {result.Verdict}, {result.Steps} steps, smallest {result.Smallest.Count}");
        Assert.That(result.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(took, Is.LessThan(TimeSpan.FromSeconds(20)));
    }

    private static TimeSpan Judge(IReadOnlyList<Partition<RegisterCall>> partitions, out LinearizationResult<RegisterCall> result)
    {
        LinearizationResult<RegisterCall>? judged = null;
        var took = CpuTime.Of(() =>
            judged = new PartitionedSearch<int, RegisterCall>(new RegisterModel(), new SearchLimits()).Judge(partitions));
        result = judged!;
        return took;
    }
}
