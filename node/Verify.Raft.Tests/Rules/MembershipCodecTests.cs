using System.Collections.Immutable;

namespace Verify.Raft.Tests.Rules;

/// <summary>The bytes of a membership are for ever: they stand in logs, snapshots and messages of every later version.</summary>
public sealed class MembershipCodecTests
{
    private static readonly Membership Full = new()
    {
        Voters = [new("a"), new("b")],
        Outgoing = [new("a"), new("ü")],
        Learners = [new("c")],
        Contacts = [new(new("a"), new("h:1", "dc1", "h:2", "z"))],
    };

    private const string Golden =
        "01" + "0200" + "0100" + "61" + "0100" + "62" + "0200" + "0100" + "61" + "0200" + "C3BC" + "0100" + "0100" + "63"
        + "0100" + "0100" + "61" + "0300" + "683A31" + "0300" + "646331" + "0300" + "683A32" + "0100" + "7A";

    [Test]
    public void Version_1_is_written_and_read_as_it_always_was()
    {
        Assert.That(Convert.ToHexString(MembershipCodec.Encode(Full)), Is.EqualTo(Golden));
        Assert.That(MembershipCodec.TryDecode(Convert.FromHexString(Golden)), Is.EqualTo(Full));
        Assert.That(Convert.ToHexString(MembershipCodec.Encode(Membership.None)), Is.EqualTo("010000000000000000"));
    }

    [TestCase("", TestName = "No_bytes_are_no_membership")]
    [TestCase("020000000000000000", TestName = "A_later_version_is_not_guessed_at")]
    [TestCase("01000000000000", TestName = "Bytes_that_end_early_are_no_membership")]
    [TestCase("01000000000000000000", TestName = "Bytes_that_go_on_are_no_membership")]
    [TestCase("010200010062010061000000000000", TestName = "Members_out_of_order_are_no_membership")]
    [TestCase("010104", TestName = "Too_many_members_are_no_membership")]
    public void Refused(string hex) => Assert.That(MembershipCodec.TryDecode(Convert.FromHexString(hex)), Is.Null);

    [Test]
    public void Half_a_million_garbled_memberships_are_read_or_refused_and_never_break_anything()
    {
        var (golden, state, read) = (Convert.FromHexString(Golden), 20_261_121ul, 0);
        int Draw(int bound)
        {
            state = (state * 6364136223846793005) + 1442695040888963407;
            return (int)((state >> 33) % (ulong)bound);
        }

        for (var i = 0; i < 500_000; i++)
        {
            var bytes = golden.AsSpan(0, Draw(8) == 0 ? Draw(golden.Length) : golden.Length).ToArray();
            for (var changes = Draw(4); changes > 0 && bytes.Length > 0; changes--) bytes[Draw(bytes.Length)] = (byte)Draw(256);
            if (MembershipCodec.TryDecode(bytes) is not { } membership) continue;
            read++;
            Assert.That(MembershipCodec.TryDecode(MembershipCodec.Encode(membership)), Is.EqualTo(membership));
        }
        Assert.That(read, Is.InRange(50_000, 499_999), "both happen");
    }

    [Test]
    public void What_is_written_is_read_again()
    {
        var ids = Enumerable.Range(0, 40).Select(i => new NodeId($"node-{i:00}")).ToImmutableArray();
        for (var i = 0; i < ids.Length; i++)
        {
            var membership = new Membership
            {
                Voters = ids[..i], Outgoing = ids[(i / 2)..i], Learners = ids[i..],
                Contacts = [.. ids.Select(id => new GroupMember(id, new($"{id}:7000", "dc", $"{id}:8000", "")))],
            };
            Assert.That(MembershipCodec.TryDecode(MembershipCodec.Encode(membership)), Is.EqualTo(membership));
        }
    }
}
