using System.Collections.Immutable;
using FsCheck;
using FsCheck.Fluent;
using Verify.MySql;
using Verify.MySql.Gtid;
using Verify.Node.Recovery;

namespace Verify.Node.Tests.Recovery;

/// <summary>Who is promoted. "A3+1" is: three transactions of source A applied, one more fetched and not applied.</summary>
public sealed class CandidateRankingTests
{
    [TestCase("db2 west 5; db3 north 5", "north", "db3", Description = "equal: the leader's data centre")]
    [TestCase("db2 east 5; db3 west 5", "east", "db3", Description = "equal: not the dead one's data centre, though the leader is there")]
    [TestCase("db3 west 5; db2 west 5", "north", "db2", Description = "equal: by name")]
    [TestCase("db2 north 4; db3 west 5", "north", "db3", Description = "the one with everything, wherever it is")]
    [TestCase("db2 north 4; db3 east 5", "north", "db3", Description = "even in the dead one's data centre")]
    [TestCase("db2 north 4+1; db3 west 5", "north", "db3", Description = "what is fetched elsewhere is covered by what is applied here")]
    [TestCase("db2 north 5 lonely; db3 west 5", "north", "db3", Description = "equal: one that has a guardian")]
    [TestCase("db2 north 6 lonely; db3 west 5", "north", "db2", Description = "data goes before guardians")]
    public void The_choice(string replicas, string leader, string expected) =>
        Assert.That(Choose(replicas, leader).Chosen?.Host, Is.EqualTo(expected));

    [TestCase("", "no replica is reachable")]
    [TestCase("db2 north 4+1; db3 west 4", "db2:3306 holds a1111111-1111-1111-1111-111111111111:5 in its relay log")]
    [TestCase("db2 north 5 own; db3 west 6", "have parted")]
    public void No_choice_rather_than_a_lost_transaction(string replicas, string reason)
    {
        var choice = Choose(replicas, "north");
        Assert.That(choice.Chosen, Is.Null);
        Assert.That(choice.Reason, Does.Contain(reason));
    }

    [Test]
    public void Of_equal_ones_the_one_that_has_not_purged_what_another_lacks()
    {
        var thrifty = Replica("db3 east 5") with { Purged = Set('a', 4) };
        var choice = CandidateRanking.Choose([Replica("db2 west 3"), thrifty, Replica("db4 east 5") with { Purged = Set('a', 3) }], "east", "north");
        Assert.That(choice.Chosen?.Host, Is.EqualTo("db4"));
        Assert.That(CandidateRanking.Choose([Replica("db2 west 3"), thrifty], "east", "north").Reason, Does.Contain("has purged what db2:3306 lacks"));
    }

    [FsCheck.NUnit.Property]
    public Property Whoever_is_chosen_has_applied_all_that_anybody_has_and_the_order_of_asking_does_not_matter() => Prop.ForAll(
        Gen.Choose(0, 6).Two().Select(p => (Applied: p.Item1, Fetched: p.Item2)).NonEmptyListOf().ToArbitrary(),
        counts =>
        {
            var candidates = counts.Select((c, i) => Replica($"db{i + 2} west {c.Applied}+{c.Fetched}")).ToImmutableArray();
            var choice = CandidateRanking.Choose(candidates, "east", "north");
            var again = CandidateRanking.Choose([.. candidates.Reverse()], "east", "north");
            var most = counts.Max(c => c.Applied + c.Fetched);
            var isThere = counts.Any(c => c.Applied == most);
            return choice.Chosen == again.Chosen && choice.Chosen is not null == isThere
                && (choice.Chosen is not { } chosen || candidates.All(o => candidates.Single(c => c.Key == chosen).Executed.Contains(o.All)));
        });

    private static Choice Choose(string replicas, string leader) => CandidateRanking.Choose(
        [.. replicas.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(r => Replica(r.Trim()))], "east", leader);

    private static Candidate Replica(string text)
    {
        var words = text.Split(' ');
        var counts = words[2].Split('+').Select(int.Parse).ToArray();
        var fetched = counts[0] + (counts.Length > 1 ? counts[1] : 0);
        var executed = Set('a', counts[0]);
        if (words.Contains("own", StringComparer.Ordinal)) executed = executed.Union(Set('b', 1));
        return new(new(words[0], 3306), words[1], executed, Set('a', fetched), HasGuardian: !words.Contains("lonely", StringComparer.Ordinal));
    }

    private static Gtids Set(char source, int count) => count == 0
        ? Gtids.Empty(Flavor.MySql)
        : Gtids.Parse($"{source}1111111-1111-1111-1111-111111111111:1-{count}", Flavor.MySql);
}
