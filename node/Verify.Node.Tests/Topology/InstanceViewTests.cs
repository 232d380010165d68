using Verify.Node.Topology;

namespace Verify.Node.Tests.Topology;

/// <summary>When a server counts as up or down for one observer. A row is a sequence of probes 250 ms apart: o answered, s spoke of
/// something else, m missed; then how long after the last one it is asked.</summary>
public sealed class InstanceViewTests
{
    [TestCase("", 0, SightState.Never)]
    [TestCase("o", 0, SightState.Up)]
    [TestCase("s", 0, SightState.Up, Description = "too many connections is a sign of life")]
    [TestCase("om", 10_000, SightState.Up, Description = "one missed probe says nothing; its age does")]
    [TestCase("omm", 0, SightState.Up, Description = "two missed, but answered two intervals ago")]
    [TestCase("omm", 1, SightState.Down)]
    [TestCase("ommm", 0, SightState.Down)]
    [TestCase("m", 10_000, SightState.Never)]
    [TestCase("mm", 0, SightState.Down, Description = "never reached at all")]
    [TestCase("ommmo", 0, SightState.Up)]
    [TestCase("ommmom", 0, SightState.Up)]
    public void Up_and_down(string probes, int msLater, SightState expected)
    {
        var interval = TimeSpan.FromMilliseconds(250);
        var now = TimeSpan.FromSeconds(10);
        var view = new InstanceView(new("db1", 3306), "east");
        foreach (var probe in probes)
        {
            now += interval;
            view = view.After(
                probe switch { 'm' => new Observation.Missed("no answer", Refused: false), _ => new Observation.Spoke("1040: too many connections") }, now, now);
        }

        Assert.That(view.StateAt(now + TimeSpan.FromMilliseconds(msLater), interval), Is.EqualTo(expected));
    }
}
