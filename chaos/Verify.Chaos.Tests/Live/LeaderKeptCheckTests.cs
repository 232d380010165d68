using System.Collections.Immutable;
using Verify.Chaos.Live.Proofs;
using Verify.Checks;

namespace Verify.Chaos.Tests.Live;

/// <summary>The check behind "a follower that comes back deposes nobody".</summary>
public sealed class LeaderKeptCheckTests
{
    [Test]
    public void A_leader_that_stays_in_its_term_is_valid() =>
        Assert.That(Judge(Role(1, "n1", "Leader", 2), Fault(5), Role(9, "n3", "Follower", 2)), Is.EqualTo(Verdict.Valid));

    [Test]
    public void Another_leader_after_the_fault_is_a_violation() =>
        Assert.That(Judge(Role(1, "n1", "Leader", 2), Fault(5), Role(9, "n3", "Leader", 3)), Is.EqualTo(Verdict.Invalid));

    [Test]
    public void A_raised_term_is_a_violation_even_when_the_old_leader_wins_again() =>
        Assert.That(Judge(Role(1, "n1", "Leader", 2), Fault(5), Role(9, "n3", "Candidate", 3)), Is.EqualTo(Verdict.Invalid));

    [Test]
    public void Without_a_fault_or_without_a_leader_before_it_nothing_is_shown() => Assert.Multiple(() =>
    {
        Assert.That(Judge(Role(1, "n1", "Leader", 2)), Is.EqualTo(Verdict.Unknown));
        Assert.That(Judge(Fault(5), Role(9, "n1", "Leader", 2)), Is.EqualTo(Verdict.Unknown));
    });

    private static Verdict Judge(params RunEvent[] events) => new LeaderKeptCheck().Judge(new()
    {
        History = new([]), Events = events, Nodes = ImmutableSortedDictionary<string, string>.Empty, Servers = ImmutableSortedDictionary<string, string>.Empty,
        ObservationsAreExact = false, EndUs = 100,
    }).Verdict;

    private static RunEvent Role(long atUs, string node, string role, int term) =>
        new(atUs, 0, EventKinds.RoleChanged, node, "dc1", new EventFields(("role", role), ("term", $"{term}"), ("leader", node)));

    private static RunEvent Fault(long atUs) => new(atUs, 0, EventKinds.FaultBegun, "step 1", "", new EventFields(("fault", "pause")));
}
