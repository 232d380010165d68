using Verify.Chaos.Running;
using Verify.Chaos.Worlds;

namespace Verify.Chaos.Tests.Running;

public sealed class FleetJudgeTests
{
    private static readonly (string, NodeView?)[] Healthy = [("n1", new("n1", true, true)), ("n2", new("n2", false, true)), ("n3", new("n3", false, true))];
    private static readonly string[] AllServers = ["db1", "db2"];
    private static readonly ClusterView Whole = new("db1", RecoveryOpen: false, "", [new("db1", true, false, "", false), new("db2", true, true, "db1", true)]);

    [Test]
    public void One_leader_all_in_its_quorum_one_open_primary_and_a_replica_behind_it_is_whole()
    {
        var state = FleetJudge.Judge(Healthy, Whole, AllServers);
        Assert.That((state.Leader, state.Primary, state.Converged, state.Waiting, state.GroupIsWhole), Is.EqualTo(("n1", "db1", true, "", true)));
        Assert.That(state.Running, Is.EqualTo(new[] { "n1", "n2", "n3" }));
        Assert.That(state.SetAside, Is.Empty);
    }

    [Test]
    public void A_server_that_is_set_aside_by_name_need_not_replicate() =>
        Assert.That(FleetJudge.Judge(Healthy, Whole with { SetAside = "db2:3306: uuid:1-2", Servers = [Whole.Servers[0], new("db2", true, true, "", false)] }, AllServers).Converged, Is.True);

    /// <summary>primary-disk-stalled-replaced on MariaDB, 2026-11-23: the new primary, which had refused the old one's position, passed for set aside, and its rows were not looked at.</summary>
    [Test]
    public void A_server_that_is_only_named_in_the_reason_is_not_set_aside()
    {
        var view = Whole with { SetAside = "db1:3306: refused by db2:3306: error 1236", Servers = [Whole.Servers[0] with { Source = "" }, Whole.Servers[1]] };
        Assert.That(FleetJudge.Judge(Healthy, view, AllServers).SetAside, Is.EqualTo(new[] { "db1" }));
    }

    [Test]
    public void A_replica_below_a_replica_is_in_its_place_as_long_as_its_chain_ends_at_the_primary()
    {
        ServerView Below(string name, string source, bool replicates = true) => new(name, IsUp: true, IsReadOnly: true, source, replicates);
        FleetState Judge(params ServerView[] others) => FleetJudge.Judge(Healthy, Whole with { Servers = [Whole.Servers[0], .. others] }, ["db1", "db2", "db3"]);
        Assert.That(Judge(Below("db2", "db1"), Below("db3", "db2")).Converged, Is.True);
        Assert.That(Judge(Below("db2", "db1", replicates: false), Below("db3", "db2")).Converged, Is.False, "the one above it gets nothing");
        Assert.That(Judge(Below("db2", "db3"), Below("db3", "db2")).Waiting, Is.EqualTo("db2 to replicate from db1"), "a circle");
    }

    [Test]
    public void Whatever_is_missing_is_said()
    {
        string Waiting(ClusterView cluster) => FleetJudge.Judge(Healthy, cluster, AllServers).Waiting;
        Assert.Multiple(() =>
        {
            Assert.That(FleetJudge.Judge([("n1", new("n1", false, true))], null, []).Waiting, Is.EqualTo("a leader"));
            Assert.That(FleetJudge.Judge([("n1", new("n1", true, true)), ("n2", new("n2", true, true))], Whole, AllServers).Waiting, Is.EqualTo("one leader instead of n1 and n2"));
            Assert.That(FleetJudge.Judge([.. Healthy, ("n4", null)], Whole, AllServers).Waiting, Is.EqualTo("n4 to answer"));
            Assert.That(FleetJudge.Judge([.. Healthy, ("n4", new("n4", false, false))], Whole, AllServers).Waiting, Is.EqualTo("n4 to join the quorum"));
            Assert.That(Waiting(Whole with { RecoveryOpen = true }), Is.EqualTo("the end of the recovery"));
            Assert.That(Waiting(Whole with { Primary = null }), Is.EqualTo("a primary"));
            Assert.That(Waiting(Whole with { Servers = [Whole.Servers[0] with { IsReadOnly = true }, Whole.Servers[1]] }), Is.EqualTo("db1 to be opened for writes"));
            Assert.That(Waiting(Whole with { Servers = [Whole.Servers[0], Whole.Servers[1] with { IsReadOnly = false }] }), Is.EqualTo("db2 to be read-only"));
            Assert.That(Waiting(Whole with { Servers = [Whole.Servers[0], Whole.Servers[1] with { Source = "db9" }] }), Is.EqualTo("db2 to replicate from db1"));
            Assert.That(Waiting(Whole with { Servers = [Whole.Servers[0]] }), Is.EqualTo("db2 to be seen"));
        });
    }

    [TestCase("7", new ulong[] { 7 })]
    [TestCase("1..3,9", new ulong[] { 1, 2, 3, 9 })]
    public void Seeds_are_written_as_numbers_and_ranges(string text, ulong[] seeds) => Assert.That(SeedRange.Parse(text), Is.EqualTo(seeds));

    [TestCase("")]
    [TestCase("3..1")]
    [TestCase("x")]
    [TestCase("1..99999999999")]
    public void What_is_no_range_of_seeds_is_refused(string text) => Assert.Throws<FormatException>(() => SeedRange.Parse(text));
}
