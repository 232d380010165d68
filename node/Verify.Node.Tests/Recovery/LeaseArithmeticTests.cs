using Verify.Node.Loop;
using Verify.Node.Recovery;
using Verify.Node.State.Ledger;

namespace Verify.Node.Tests.Recovery;

/// <summary>The holder's end comes before everybody else's, however the clocks drift within the bound.</summary>
public sealed class LeaseArithmeticTests
{
    [Test]
    public void The_figures_of_the_defaults()
    {
        var timing = new Timing();
        var holderEnd = LeaseArithmetic.HolderEnd(TimeSpan.Zero, timing.WriteLease, timing);
        Assert.That(holderEnd.TotalMilliseconds, Is.EqualTo(1960));
        Assert.That(LeaseArithmetic.FencingStart(holderEnd, timing).TotalMilliseconds, Is.EqualTo(1360));
        Assert.That(LeaseArithmetic.CertainEnd(TimeSpan.Zero, timing.WriteLease, timing).TotalMilliseconds, Is.EqualTo(2040));
    }

    [TestCase(0, 2000, 2500, Description = "nobody has said: as long as the releases that say nothing take one")]
    [TestCase(0, 4000, 4000)]
    [TestCase(2000, 2000, 2000)]
    [TestCase(4000, 2000, 4000, Description = "the guardian's settings are not mine")]
    [TestCase(2000, 4000, 4000)]
    public void Everybody_waits_for_the_longest_lease_that_anybody_may_hold(int saidMs, int ownMs, int longestMs)
    {
        var ledger = new ClusterLedger { Cluster = "main", Primary = HaBed.Key(1), Token = new(1), Guardian = "n1", LeaseMs = saidMs };
        Assert.That(LeaseArithmetic.Longest(ledger, new() { WriteLease = TimeSpan.FromMilliseconds(ownMs) }).TotalMilliseconds, Is.EqualTo(longestMs));
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
        var holderEnd = LeaseArithmetic.HolderEnd(TimeSpan.FromMilliseconds(sentAt * holderRate), timing.WriteLease, timing).TotalMilliseconds / holderRate;
        var certainEnd = LeaseArithmetic.CertainEnd(TimeSpan.FromMilliseconds(appliedAt * otherRate), timing.WriteLease, timing).TotalMilliseconds / otherRate;
        return holderEnd <= certainEnd + 0.001;
    }
}
