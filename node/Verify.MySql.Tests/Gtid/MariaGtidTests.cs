using FsCheck;
using FsCheck.Fluent;
using Verify.MySql.Gtid;

namespace Verify.MySql.Tests.Gtid;

/// <summary>MariaDB's positions, and the laws that recovery relies on.</summary>
public class MariaGtidTests
{
    [TestCase("", "")]
    [TestCase("0-1-29995", "0-1-29995")]
    [TestCase("5-2-17, 0-1-3", "0-1-3,5-2-17", TestName = "Domains_are_ordered")]
    [TestCase("0-1-3,0-2-7,0-1-5", "0-2-7", TestName = "The_furthest_of_a_domain_counts")]
    [TestCase("4294967295-4294967295-18446744073709551615", "4294967295-4294967295-18446744073709551615", TestName = "The_largest_numbers_are_read")]
    public void Positions_have_one_canonical_form(string text, string canonical)
    {
        var position = MariaGtid.Parse(text);
        Assert.That(position.ToString(), Is.EqualTo(canonical));
        Assert.That(MariaGtid.Parse(canonical), Is.EqualTo(position));
        Assert.That(position.IsEmpty, Is.EqualTo(canonical.Length == 0));
    }

    [TestCase("0-1", "'0-1' is no MariaDB GTID")]
    [TestCase("0-1-2-3", "'0-1-2-3' is no")]
    [TestCase("4294967296-1-1", "'4294967296-1-1' is no")]
    [TestCase("0-1-2,x", "'x' is no")]
    [TestCase("0--1-2", "'0--1-2' is no")]
    [TestCase("0-1-+2", "'0-1-+2' is no")]
    [TestCase("3e11fa47-71ca-11e1-9e33-c80aa9429562:1", "is no MariaDB GTID")]
    public void What_is_no_position_is_refused_with_its_place(string text, string message) =>
        Assert.That(Assert.Throws<FormatException>(() => Gtids.Parse(text, Flavor.MariaDb))!.Message, Does.Contain(message));

    [TestCase("0-1-5", "0-1-4", true)]
    [TestCase("0-1-5", "0-2-4", true, TestName = "What_another_server_wrote_earlier_is_behind_us")]
    [TestCase("0-1-5", "0-2-5", false, TestName = "The_same_number_from_another_server_is_another_transaction")]
    [TestCase("0-1-5", "0-1-6", false)]
    [TestCase("0-1-5", "0-1-5,1-1-1", false, TestName = "A_domain_that_we_do_not_know_is_ahead_of_us")]
    [TestCase("0-1-5,1-1-1", "0-1-5", true)]
    [TestCase("0-1-5", "", true)]
    [TestCase("", "", true)]
    public void A_position_contains_what_it_has_passed(string position, string other, bool contains)
    {
        var (x, y) = (MariaGtid.Parse(position), MariaGtid.Parse(other));
        Assert.That(x.Contains(y), Is.EqualTo(contains));
        Assert.That(y.Except(x).IsEmpty, Is.EqualTo(contains), "what is left over says the same");
    }

    [Test]
    public void A_diverged_primary_is_named()
    {
        var old = Gtids.Parse("0-1-100,3-1-7", Flavor.MariaDb);
        var promoted = Gtids.Parse("0-2-100,3-1-7", Flavor.MariaDb);
        Assert.That(old.Except(promoted).ToString(), Is.EqualTo("0-1-100"));
    }

    [TestCase("0-2-501", "0-1-500", "0-2-501", Description = "a local write on a replica, after what it has applied")]
    [TestCase("0-1-501", "0-1-501", "", Description = "a replica that only applies")]
    [TestCase("0-2-3", "0-1-500", "", Description = "accounts made before it became a replica, and nothing applied since")]
    [TestCase("0-2-501", "", "0-2-501")]
    [TestCase("0-1-9,3-2-4", "0-1-9,3-1-3", "3-2-4", Description = "each domain counts for itself")]
    public void What_a_server_wrote_itself_after_what_it_applied_is_told_from_its_two_positions(string logged, string applied, string own) =>
        Assert.That(MariaGtid.Parse(logged).OwnSince(MariaGtid.Parse(applied), server: 2).ToString(), Is.EqualTo(own));

    /// <summary>Fleet seed 100070: the primary had counted on, to 900, and by its position it had everything.</summary>
    [TestCase("0-1-900", "0-2-501")]
    [TestCase("0-2-500,0-1-900", "0-2-501")]
    [TestCase("1-2-501,0-1-900", "0-2-501", Description = "another domain")]
    [TestCase("0-1-900,0-2-501", "")]
    [TestCase("0-2-600,0-1-900", "")]
    [TestCase("", "0-2-501")]
    public void Only_the_binary_logs_state_tells_whether_a_transaction_went_through_it(string state, string missing) =>
        Assert.That(MariaGtid.Parse("0-2-501").NotLogged(state).ToString(), Is.EqualTo(missing));

    [FsCheck.NUnit.Property(MaxTest = 2000)]
    public Property Union_and_containment_are_those_of_the_highest_number_per_domain() => Prop.ForAll(Texts().ToArbitrary(), Texts().ToArbitrary(), (a, b) =>
    {
        var (x, y) = (MariaGtid.Parse(a), MariaGtid.Parse(b));
        var (mx, my) = (Model(a), Model(b));
        var union = x.Union(y);
        Assert.That(Model(union.ToString()).Values, Is.EqualTo(Model($"{a},{b}").Values), "union");
        Assert.That(union, Is.EqualTo(y.Union(x)), "union commutes");
        Assert.That(x.Union(x), Is.EqualTo(x), "union with itself");
        Assert.That(x.Contains(y), Is.EqualTo(my.All(d => mx.TryGetValue(d.Key, out var mine)
            && (mine.Sequence > d.Value.Sequence || mine == d.Value))), "containment");
        Assert.That(x.Contains(y), Is.EqualTo(y.Except(x).IsEmpty), "containment and difference agree");
        Assert.That(x.Contains(y) && y.Contains(x), Is.EqualTo(x.Equals(y)), "only equal positions contain each other");
        Assert.That(x.Count, Is.EqualTo(mx.Values.Sum(v => v.Sequence)), "count");
        if (x.Equals(y)) Assert.That(x.GetHashCode(), Is.EqualTo(y.GetHashCode()));
    });

    private static Gen<string> Texts()
    {
        var gtid = from domain in Gen.Choose(0, 2) from server in Gen.Choose(1, 2) from sequence in Gen.Choose(0, 4) select $"{domain}-{server}-{sequence}";
        return from gtids in Gen.ListOf(gtid) select string.Join(',', gtids.Take(4));
    }

    private static SortedDictionary<int, (long Sequence, int Server)> Model(string text)
    {
        var model = new SortedDictionary<int, (long Sequence, int Server)>();
        foreach (var gtid in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var n = gtid.Split('-').Select(int.Parse).ToArray();
            if (!model.TryGetValue(n[0], out var known) || (n[2], n[1]).CompareTo(((int)known.Sequence, known.Server)) > 0) model[n[0]] = (n[2], n[1]);
        }

        return model;
    }
}
