using Verify.Node.Loop;
using Verify.Node.Recovery;

namespace Verify.Node.Tests.Recovery;

/// <summary>The holder's end comes before everybody else's, however the clocks drift within the bound.</summary>
public sealed class LeaseArithmeticTests
{
    [Test]
    public void The_figures_of_the_defaults()
    {
        var timing = new Timing();
        Assert.That(LeaseArithmetic.HolderEnd(TimeSpan.Zero, timing).TotalMilliseconds, Is.EqualTo(2450));
        Assert.That(LeaseArithmetic.FencingStart(LeaseArithmetic.HolderEnd(TimeSpan.Zero, timing), timing).TotalMilliseconds, Is.EqualTo(1850));
        Assert.That(LeaseArithmetic.CertainEnd(TimeSpan.Zero, timing).TotalMilliseconds, Is.EqualTo(2550));
    }

    [FsCheck.NUnit.Property(MaxTest = 1000)]
    public bool The_holder_stops_before_the_others_start_if_the_clocks_differ_by_no_more_than_the_bound(
        FsCheck.PositiveInt leaseMs, byte driftPerMille, sbyte holderFast, sbyte otherFast, ushort delayMs)
    {
        var drift = driftPerMille % 100;
        var timing = new Timing { WriteLease = TimeSpan.FromMilliseconds(leaseMs.Get), ClockDriftPerMille = drift };

        // Each clock runs at 1 ± ρ/2, so that they differ by ρ at the most. The entry is applied after it was sent.
        var holderRate = 1 + (drift / 2000.0 * holderFast / 128);
        var otherRate = 1 + (drift / 2000.0 * otherFast / 128);
        var sentAt = 5000.0;
        var appliedAt = sentAt + delayMs;
        var holderEnd = LeaseArithmetic.HolderEnd(TimeSpan.FromMilliseconds(sentAt * holderRate), timing).TotalMilliseconds / holderRate;
        var certainEnd = LeaseArithmetic.CertainEnd(TimeSpan.FromMilliseconds(appliedAt * otherRate), timing).TotalMilliseconds / otherRate;
        return holderEnd <= certainEnd + 0.001;
    }
}
