using Verify.Node.Loop;
using Verify.Node.State.Ledger;

namespace Verify.Node.Recovery;

/// <summary>The write lease on two clocks that may drift apart by ρ (architecture.md §11; the idea is that of Gray and Cheriton,
/// "Leases", SOSP 1989): the holder counts less than the lease from the moment it asked, everybody else more than the
/// lease from the moment they learned of it, which is never before it was asked for. So the holder's end comes first.</summary>
internal static class LeaseArithmetic
{
    /// <summary>Until when the guardian may keep the server open, given when it sent the renewal.</summary>
    public static TimeSpan HolderEnd(TimeSpan sentAt, TimeSpan lease, Timing timing) =>
        sentAt + TimeSpan.FromTicks(lease.Ticks * (1000 - timing.ClockDriftPerMille) / 1000);

    /// <summary>When to begin closing, so that it is closed at <see cref="HolderEnd"/>.</summary>
    public static TimeSpan FencingStart(TimeSpan holderEnd, Timing timing) => holderEnd - timing.FencingMargin;

    /// <summary>When the switch inside the server closes it, should the guardian not have: later than the guardian would
    /// (<see cref="FencingStart"/>), and early enough to be done at <see cref="HolderEnd"/>.</summary>
    public static TimeSpan SwitchDue(TimeSpan holderEnd, Timing timing) => holderEnd - (timing.FencingMargin / 2);

    /// <summary>A moment of this node's clock on the server's, in microseconds, rounded towards the earlier: the server's clock showed
    /// <paramref name="serverUs"/> at <paramref name="seenAt"/> or before, and runs slower than this node's by ρ at the most.</summary>
    public static long OnServerClock(long serverUs, TimeSpan seenAt, TimeSpan moment, Timing timing) =>
        serverUs + (long)((moment - seenAt).TotalMicroseconds * (1000 - timing.ClockDriftPerMille) / 1000);

    /// <summary>From when on the lease has certainly run out, given when this node applied its last grant. Rounded up.</summary>
    public static TimeSpan CertainEnd(TimeSpan appliedAt, TimeSpan lease, Timing timing) =>
        appliedAt + TimeSpan.FromTicks(((lease.Ticks * (1000 + timing.ClockDriftPerMille)) + 999) / 1000);

    /// <summary>The longest lease that anybody may hold on the primary of this ledger: what the guardians said, or this node's own where that is longer.</summary>
    public static TimeSpan Longest(ClusterLedger? ledger, Timing timing)
    {
        var said = TimeSpan.FromMilliseconds(ledger is { LeaseMs: > 0 } ? ledger.LeaseMs : ClusterLedger.UnsaidLeaseMs);
        return said > timing.WriteLease ? said : timing.WriteLease;
    }
}
