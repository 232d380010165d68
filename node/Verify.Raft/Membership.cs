using System.Collections.Immutable;

namespace Verify.Raft;

/// <summary>How to reach a member, and where it stands. Raft itself never looks inside; it only keeps the record together with
/// the membership, so that a node that restarts, or has just joined, knows its peers from the log alone.</summary>
/// <param name="Address">The peer listener, "host:port". A host name is resolved anew for each dial.</param>
/// <param name="ApiAddress">The HTTP listener, "host:port", for redirects; empty when the member has not said.</param>
/// <param name="Zone">Failure domain for autopilot's redundancy zones; empty: the data centre.</param>
public readonly record struct Contact(string Address, string DataCenter, string ApiAddress, string Zone)
{
    public static readonly Contact Unknown = new("", "", "", "");
}

/// <summary>One member of the group and how to reach it.</summary>
public readonly record struct GroupMember(NodeId Id, Contact Contact);

/// <summary>Who belongs to the Raft group: the voters, during a joint change also the outgoing voters (Raft paper §6), and the
/// learners, which receive the log and do not vote (thesis §4.2.1). A node acts on the latest membership in its log, committed or
/// not (thesis §4.1).</summary>
/// <remarks>All lists are sorted by id and distinct. A learner is no voter. A member of <see cref="Outgoing"/> may also be in
/// <see cref="Voters"/> (it stays), in <see cref="Learners"/> (it becomes one when the change is over) or in neither (it leaves then).</remarks>
public sealed record Membership
{
    /// <summary>Nobody: the membership of a node that waits to be let into a group.</summary>
    public static Membership None { get; } = new();

    public ImmutableArray<NodeId> Voters { get; init; } = [];

    /// <summary>The voters before the change, while it runs (joint consensus); empty otherwise.</summary>
    public ImmutableArray<NodeId> Outgoing { get; init; } = [];
    public ImmutableArray<NodeId> Learners { get; init; } = [];

    /// <summary>How to reach each of them, sorted by id; a member may lack one (a group that was configured by names alone).</summary>
    public ImmutableArray<GroupMember> Contacts { get; init; } = [];

    public bool IsJoint => !Outgoing.IsEmpty;

    /// <summary>Nobody is in it.</summary>
    public bool IsEmpty => Voters.IsEmpty && Outgoing.IsEmpty && Learners.IsEmpty;

    /// <summary>Everybody who receives the log: voters, outgoing voters and learners, sorted.</summary>
    public ImmutableArray<NodeId> All => [.. Voters.Concat(Outgoing).Concat(Learners).Distinct().Order()];

    public bool IsVoter(NodeId id) => Voters.Contains(id) || Outgoing.Contains(id);
    public bool IsLearner(NodeId id) => Learners.Contains(id) && !IsVoter(id);
    public bool Contains(NodeId id) => IsVoter(id) || Learners.Contains(id);

    public Contact ContactOf(NodeId id)
    {
        foreach (var member in Contacts)
            if (member.Id == id) return member.Contact;
        return Contact.Unknown;
    }

    public static Membership OfVoters(IEnumerable<NodeId> voters) => new() { Voters = [.. voters.Distinct().Order()] };

    /// <summary>The same with this member's contact set (or changed).</summary>
    public Membership With(NodeId id, Contact contact) => this with
    {
        Contacts = [.. Contacts.Where(m => m.Id != id).Append(new(id, contact)).OrderBy(m => m.Id)],
    };

    public Membership WithLearner(NodeId id, Contact contact) =>
        (this with { Learners = [.. Learners.Append(id).Distinct().Order()] }).With(id, contact);

    /// <summary>A learner becomes a voter.</summary>
    public Membership WithVoter(NodeId id) => this with
    {
        Voters = [.. Voters.Append(id).Distinct().Order()],
        Learners = Learners.Remove(id),
    };

    /// <summary>A voter becomes a learner.</summary>
    public Membership Demoted(NodeId id) => this with
    {
        Voters = Voters.Remove(id),
        Learners = [.. Learners.Append(id).Distinct().Order()],
    };

    public Membership Without(NodeId id) => this with
    {
        Voters = Voters.Remove(id),
        Learners = Learners.Remove(id),
        Contacts = [.. Contacts.Where(m => m.Id != id)],
    };

    /// <summary>Why no group can be asked to become this; null when it can.</summary>
    public string? WhyNot()
    {
        if (Voters.IsDefault || Outgoing.IsDefault || Learners.IsDefault || Contacts.IsDefault) return "a list of the membership is missing";
        if (Voters.IsEmpty) return "a group needs a voter";
        if (IsJoint) return "the joint phase of a change is the group's own business; name the voters that it shall have";
        if (!AreSorted(Voters) || !AreSorted(Learners) || !AreSorted([.. Contacts.Select(m => m.Id)])) return "members are listed once and sorted by name";
        if (Voters.Length > MembershipCodec.MembersMax || Learners.Length > MembershipCodec.MembersMax || Contacts.Length > MembershipCodec.MembersMax)
            return $"a group has at most {MembershipCodec.MembersMax} members";
        foreach (var learner in Learners)
            if (Voters.Contains(learner)) return $"{learner} cannot be voter and learner at once";
        return Voters.Concat(Learners).Any(id => string.IsNullOrEmpty(id.Name)) ? "a member needs a name" : null;
    }

    private static bool AreSorted(ImmutableArray<NodeId> ids)
    {
        for (var i = 1; i < ids.Length; i++)
            if (ids[i - 1].CompareTo(ids[i]) >= 0) return false;
        return true;
    }

    /// <summary>For log lines and transcripts: "voters=(a b c) outgoing=(a b) learners=(d)"; empty lists are left out.</summary>
    public override string ToString()
    {
        var text = $"voters=({string.Join(' ', Voters)})";
        if (!Outgoing.IsEmpty) text += $" outgoing=({string.Join(' ', Outgoing)})";
        if (!Learners.IsEmpty) text += $" learners=({string.Join(' ', Learners)})";
        return text;
    }

    public bool Equals(Membership? other) => other is not null && Voters.SequenceEqual(other.Voters)
        && Outgoing.SequenceEqual(other.Outgoing) && Learners.SequenceEqual(other.Learners) && Contacts.SequenceEqual(other.Contacts);

    public override int GetHashCode() => Voters.Length + (31 * Outgoing.Length) + (961 * Learners.Length);
}
