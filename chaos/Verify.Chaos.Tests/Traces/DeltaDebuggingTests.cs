using Verify.Chaos.Traces;

namespace Verify.Chaos.Tests.Traces;

public sealed class DeltaDebuggingTests
{
    [Test]
    public void Exactly_the_parts_that_are_needed_are_left([Values(1, 2, 7)] int count)
    {
        var needed = new[] { 3, 17, 40, 41, 63, 88, 99 }[..count];
        var tries = 0;
        var left = DeltaDebugging.Minimize([.. Enumerable.Range(0, 100)], rest =>
        {
            tries++;
            return needed.All(rest.Contains);
        }, () => true);
        Assert.That(left, Is.EqualTo(needed));
        Assert.That(tries, Is.LessThan(400));
    }

    [Test]
    public void What_fails_without_any_of_them_needs_none() =>
        Assert.That(DeltaDebugging.Minimize([1, 2, 3], _ => true, () => true), Is.Empty);

    [Test]
    public void When_the_time_is_over_what_was_found_so_far_is_returned_and_it_fails()
    {
        var tries = 0;
        bool Fails(IReadOnlyList<int> rest) => rest.Contains(5) && rest.Contains(70);
        var left = DeltaDebugging.Minimize([.. Enumerable.Range(0, 100)], Fails, () => tries++ < 12);
        Assert.That(Fails(left), Is.True);
        Assert.That(left.Count, Is.InRange(3, 99));
    }
}
