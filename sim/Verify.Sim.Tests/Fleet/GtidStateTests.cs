using FsCheck;
using FsCheck.Fluent;
using Verify.MySql.Gtid;
using Verify.Sim.Fleet;

namespace Verify.Sim.Tests.Fleet;

/// <summary>The model counts transactions in its own way, quicker than the node's set; both must say the same.</summary>
[TestFixture]
public sealed class GtidStateTests
{
    private const string A = "00000001-0000-11f0-8000-000000000000";
    private const string B = "00000002-0000-11f0-8000-000000000000";

    [Test]
    public void Numbers_in_any_order_make_the_set_that_the_node_would_read()
    {
        var ids = Gen.Choose(1, 12).SelectMany(number => Gen.Elements(A, B), (number, origin) => new TransactionId(origin, number)).ListOf();
        Check.One(Config.QuickThrowOnFailure, Prop.ForAll(ids.ToArbitrary(), list =>
        {
            var ranges = new GtidRanges();
            Gtids set = Gtids.Empty(MySql.Flavor.MySql);
            foreach (var id in list)
            {
                ranges.Add(id);
                set = set.Union(Gtids.Parse($"{id.Origin}:{id.Number}", MySql.Flavor.MySql));
            }

            var text = ranges.ToString();
            return string.Equals(text.Replace("\n", "", StringComparison.Ordinal), set.ToString(), StringComparison.Ordinal)
                && string.Equals(GtidRanges.Parse(text).ToString(), text, StringComparison.Ordinal)
                && list.All(ranges.Contains) && !ranges.Contains(new(A, 99));
        }));
    }

    [Test]
    public void The_next_number_of_a_MySQL_server_is_the_first_free_one()
    {
        var ranges = new GtidRanges();
        Assert.That(ranges.NextOf(A), Is.EqualTo(1));
        ranges.Add(new(A, 1));
        ranges.Add(new(A, 2));
        ranges.Add(new(A, 7));
        Assert.That((ranges.NextOf(A), ranges.LastOf(A), ranges.NextOf(B)), Is.EqualTo((3, 7, 1)));
    }

    [Test]
    public void A_promoted_MariaDB_server_goes_on_behind_the_last_number_it_has_seen()
    {
        var state = new MariaGtidState(serverId: 2);
        state.Logged(new("1", 7));
        state.Committed(new("1", 7), isReplicated: true);
        var own = state.NextOwn();
        Assert.That(own, Is.EqualTo(new TransactionId("2", 8)));
        state.Logged(own);
        state.Committed(own, isReplicated: false);
        Assert.That((state.BinlogText, state.SlaveText, state.CurrentText), Is.EqualTo(("0-2-8", "0-1-7", "0-2-8")));
    }
}
