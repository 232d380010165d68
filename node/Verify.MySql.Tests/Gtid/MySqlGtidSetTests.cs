using FsCheck;
using FsCheck.Fluent;
using Verify.MySql.Gtid;

namespace Verify.MySql.Tests.Gtid;

/// <summary>The set against the plainest model of it: each transaction a member of its own.</summary>
public class MySqlGtidSetTests
{
    private const string A = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    private const string B = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

    [TestCase("", "")]
    [TestCase("  ", "")]
    [TestCase(A + ":1", A + ":1")]
    [TestCase(A + ":1-5", A + ":1-5")]
    [TestCase(A + ":5-1", "", TestName = "A_range_that_ends_before_it_begins_is_nothing")]
    [TestCase(A + ":1-3:4-5:7", A + ":1-5:7", TestName = "Neighbours_are_joined")]
    [TestCase(A + ":7:1-3,\n" + B + ":2", A + ":1-3:7," + B + ":2", TestName = "Line_breaks_of_servers_are_read")]
    [TestCase(B + ":2," + A + ":1", A + ":1," + B + ":2", TestName = "Servers_are_ordered")]
    [TestCase(A + ":1," + A + ":2", A + ":1-2", TestName = "A_server_named_twice_is_one")]
    [TestCase("3E11FA47-71CA-11E1-9E33-C80AA9429562:1", A + ":1", TestName = "Capitals_are_small_letters")]
    [TestCase(A + ":1-3:tag_1:5:6", A + ":1-3:tag_1:5-6", TestName = "A_tag_has_numbers_of_its_own")]
    [TestCase(A + ":zz:1:AA:2", A + ":aa:2:zz:1", TestName = "Tags_are_ordered_and_small")]
    [TestCase(A + ":t:1," + A + ":3", A + ":3:t:1", TestName = "Numbers_without_a_tag_come_first")]
    [TestCase(" " + A + " : 1 - 3 , , " + B + ":9223372036854775806", A + ":1-3," + B + ":9223372036854775806", TestName = "Blanks_and_empty_parts_mean_nothing")]
    public void Texts_have_one_canonical_form(string text, string canonical)
    {
        var set = MySqlGtidSet.Parse(text);
        Assert.That(set.ToString(), Is.EqualTo(canonical));
        Assert.That(MySqlGtidSet.Parse(canonical), Is.EqualTo(set));
        Assert.That(set.IsEmpty, Is.EqualTo(canonical.Length == 0));
        Assert.That(set.IsEmpty, Is.EqualTo(set.Equals(Gtids.Empty(Flavor.MySql))));
    }

    [TestCase("nonsense", "'nonsense' in 'nonsense' is no server uuid")]
    [TestCase(A, "'" + A + "' ends without numbers")]
    [TestCase(A + ":", "'' in")]
    [TestCase(A + ":0", "'0' in")]
    [TestCase(A + ":1-2-3", "'1-2-3' in")]
    [TestCase(A + ":-3", "'-3' in")]
    [TestCase(A + ":9223372036854775807", "'9223372036854775807' in")]
    [TestCase(A + ":99999999999999999999", "'99999999999999999999' in")]
    [TestCase(A + ":1:tag", "ends without numbers")]
    [TestCase(A + ":tag:other:1", "tag 'tag' in")]
    [TestCase(A + ":täg:1", "'täg' in")]
    [TestCase(A + ":a12345678901234567890123456789012:1", "'a12345678901234567890123456789012' in")]
    [TestCase("0-1-5", "is no server uuid")]
    [TestCase(A + ":1;" + B + ":1", "neither a range of numbers")]
    public void What_is_no_set_is_refused_with_its_place(string text, string message) =>
        Assert.That(Assert.Throws<FormatException>(() => Gtids.Parse(text, Flavor.MySql))!.Message, Does.Contain(message));

    [Test]
    public void An_errant_transaction_is_named()
    {
        var old = Gtids.Parse($"{A}:1-16141", Flavor.MySql);
        var promoted = Gtids.Parse($"{A}:1-16140,{B}:1-9", Flavor.MySql);
        Assert.That(old.Except(promoted).ToString(), Is.EqualTo($"{A}:16141"));
        Assert.That(promoted.Contains(old), Is.False);
        Assert.That(promoted.Union(old).Contains(old), Is.True);
    }

    [Test]
    public void A_tagged_transaction_is_another_one_than_the_untagged_with_its_number()
    {
        var tagged = Gtids.Parse($"{A}:x:1-5", Flavor.MySql);
        var plain = Gtids.Parse($"{A}:1-5", Flavor.MySql);
        Assert.That(plain.Contains(tagged), Is.False);
        Assert.That(plain.Union(tagged).Count, Is.EqualTo(10));
    }

    [Test]
    public void More_transactions_than_a_long_can_count_are_counted_as_the_most_there_can_be()
    {
        var all = Gtids.Parse($"{A}:1-9223372036854775806,{B}:1-9223372036854775806", Flavor.MySql);
        Assert.That(all.Count, Is.EqualTo(long.MaxValue));
        Assert.That(all.Except(Gtids.Parse($"{A}:1,{B}:1-9223372036854775806", Flavor.MySql)).ToString(), Is.EqualTo($"{A}:2-9223372036854775806"));
    }

    [Test]
    public void Sets_of_two_flavours_are_not_compared() =>
        Assert.Throws<ArgumentException>(() => Gtids.Empty(Flavor.MySql).Contains(Gtids.Empty(Flavor.MariaDb)));

    [FsCheck.NUnit.Property(MaxTest = 2000)]
    public Property Union_difference_containment_count_and_equality_are_those_of_sets() => Prop.ForAll(Texts().ToArbitrary(), Texts().ToArbitrary(), (a, b) =>
    {
        var (x, y) = (MySqlGtidSet.Parse(a), MySqlGtidSet.Parse(b));
        var (mx, my) = (Model(a), Model(b));
        Assert.That(Model(x.ToString()), Is.EqualTo(mx), "parsing");
        Assert.That(Model(x.Union(y).ToString()), Is.EqualTo(new SortedSet<string>(mx.Union(my, StringComparer.Ordinal), StringComparer.Ordinal)), "union");
        Assert.That(Model(x.Except(y).ToString()), Is.EqualTo(new SortedSet<string>(mx.Except(my, StringComparer.Ordinal), StringComparer.Ordinal)), "difference");
        Assert.That(x.Contains(y), Is.EqualTo(mx.IsSupersetOf(my)), "containment");
        Assert.That(x.Count, Is.EqualTo(mx.Count), "count");
        Assert.That(x.Equals(y), Is.EqualTo(mx.SetEquals(my)), "equality");
        Assert.That(x.ToString().Equals(y.ToString(), StringComparison.Ordinal), Is.EqualTo(mx.SetEquals(my)), "one text for one set");
        Assert.That(x.Union(y), Is.EqualTo(y.Union(x)), "union commutes");
        if (x.Equals(y)) Assert.That(x.GetHashCode(), Is.EqualTo(y.GetHashCode()));
    });

    [FsCheck.NUnit.Property(MaxTest = 2000)]
    public void Any_text_is_a_set_or_refused(NonNull<string> text)
    {
        try
        {
            Assert.That(MySqlGtidSet.Parse(MySqlGtidSet.Parse(text.Get).ToString()), Is.EqualTo(MySqlGtidSet.Parse(text.Get)));
        }
        catch (FormatException e)
        {
            Assert.That(e.Message, Is.Not.Empty);
        }
    }

    /// <summary>Small numbers, so that ranges touch, overlap and enclose one another.</summary>
    internal static Gen<string> Texts()
    {
        var range = from first in Gen.Choose(1, 30) from length in Gen.Choose(0, 8) select length == 0 ? $"{first}" : $"{first}-{first + length}";
        var ranges = from list in Gen.NonEmptyListOf(range) select string.Join(':', list.Take(6));
        var server = from uuid in Gen.Elements(A, B) from tag in Gen.Elements("", "", "t:", "other:") from numbers in ranges select $"{uuid}:{tag}{numbers}";
        return from servers in Gen.ListOf(server) from gap in Gen.Elements(",", ",\n", " , ") select string.Join(gap, servers.Take(5));
    }

    private static SortedSet<string> Model(string text)
    {
        var members = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var server in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var fields = server.Split(':');
            var source = fields[0];
            foreach (var field in fields.Skip(1))
            {
                if (char.IsAsciiLetter(field[0]))
                {
                    source = $"{fields[0]}:{field}";
                    continue;
                }

                var ends = field.Split('-').Select(long.Parse).ToArray();
                for (var n = ends[0]; n <= ends[^1]; n++) members.Add($"{source}:{n}");
            }
        }

        return members;
    }
}
