using Verify.Node.Telemetry;

namespace Verify.Node.Tests.Telemetry;

/// <summary>A log that somebody outside tries to fill.</summary>
internal sealed class OncePerMinuteTests
{
    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);

    [Test]
    public void Each_matter_is_said_once_a_minute()
    {
        var once = new OncePerMinute(8);
        Assert.That((once.MaySay("a", At(0)), once.MaySay("a", At(59.9)), once.MaySay("b", At(59.9))), Is.EqualTo((true, false, true)));
        Assert.That((once.MaySay("a", At(60)), once.MaySay("b", At(60)), once.MaySay("b", At(120))), Is.EqualTo((true, false, true)));
    }

    [Test]
    public void Somebody_with_ever_new_addresses_is_silent_after_a_few_and_what_was_said_before_is_not_said_again()
    {
        var once = new OncePerMinute(8);
        Assert.That(once.MaySay("a real trouble", At(0)), Is.True);
        var said = Enumerable.Range(0, 10_000).Count(i => once.MaySay($"10.0.{i / 256}.{i % 256}", At(1 + (i * 0.001))));
        Assert.That((said, once.MaySay("a real trouble", At(20))), Is.EqualTo((7, false)));
        Assert.That(once.MaySay("another", At(60.5)), Is.True, "the first one's minute is over: there is room");
        Assert.That(once.MaySay("one more", At(60.6)), Is.False, "and for one only");
        Assert.That(Enumerable.Range(0, 20).Count(i => once.MaySay($"later {i}", At(122))), Is.EqualTo(8));
    }
}
