namespace Verify.Raft.Tests.Rules;

public class InvariantTests
{
    [Test]
    public void A_promise_that_holds_formats_nothing()
    {
        var formatted = 0;
        string Told() => $"value {++formatted}";
        Invariant.Holds(formatted == 0, $"entries are applied in order ({Told()})");
        Assert.That(formatted, Is.Zero);
    }

    [Test]
    public void A_broken_promise_says_its_values()
    {
        var broken = Assert.Throws<InvariantBrokenException>(() =>
            Invariant.Holds(new LogIndex(3) == new LogIndex(4), $"the log grows without gaps (last {new LogIndex(3)}, new {7:D3})"));
        Assert.That(broken!.Message, Is.EqualTo("Invariant broken: the log grows without gaps (last 3, new 007)"));
    }
}
