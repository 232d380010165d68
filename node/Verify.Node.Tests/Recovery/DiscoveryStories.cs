using System.Collections.Immutable;
using Verify.MySql;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.State;
using Verify.Node.State.Fleet;
using Verify.Node.Topology;

namespace Verify.Node.Tests.Recovery;

/// <summary>What the operator's own queries change, who looks at a server, and who is forgotten.</summary>
internal sealed class DiscoveryStories
{
    private const string Query = "select what";

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    [Test]
    public void The_promotion_rule_that_a_server_answers_decides_who_is_promoted_and_a_word_that_is_none_does_not()
    {
        foreach (var (db2, db3, promoted) in new[] { ("must_not", "neutral", 3), ("prefer_not", "prefer", 3), ("prefer", "prefer_not", 2), ("never", "best", 2) })
        {
            var bed = Asked(new() { PromotionRuleQuery = Query }, "", db2, db3).Started();
            bed.RunFor(Seconds(6));
            Assert.That(bed.Leader!.Fleet.Servers.GetValueOrDefault(HaBed.Key(2))?.PromotionRule, Is.EqualTo(db2 == "never" ? null : db2));
            bed.Servers[0].Die();
            bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(10), "a new primary");
            Assert.That(bed.Servers[promoted - 1].TakesWrites, $"{db2} and {db3}");
        }
    }

    [Test]
    public void The_alias_that_a_server_answers_is_the_one_by_which_it_is_known_and_follows_when_it_changes()
    {
        var bed = Asked(new() { InstanceAliasQuery = Query }, "red", "green", "blue").Started();
        bed.RunFor(Seconds(6));
        Assert.That(bed.Leader!.Fleet.Servers.Values.Select(s => s.Alias), Is.EqualTo(new[] { "red", "green", "blue" }));
        bed.Servers[1].Answers[Query] = "yellow";
        bed.RunFor(Seconds(6));
        Assert.That(bed.Nodes.Select(n => n.Fleet.Servers[HaBed.Key(2)].Alias), Is.All.EqualTo("yellow"));
    }

    [Test]
    public void A_cluster_that_is_found_from_a_seed_has_the_alias_and_the_domain_that_its_primary_answers()
    {
        var settings = new DiscoverySettings { Seeds = [HaBed.Key(3)], ClusterAliasQuery = "select alias", ClusterDomainQuery = "select domain" };
        var bed = new HaBed(c => c with { Clusters = [], Discovery = settings });
        foreach (var server in bed.Servers)
        {
            server.Answers["select alias"] = server == bed.Servers[0] ? "shop" : "not asked of a replica";
            server.Answers["select domain"] = server == bed.Servers[0] ? "shop.example" : "nor this";
        }

        foreach (var node in bed.Nodes) node.Start();
        bed.Elect("north");
        bed.RunUntil(() => bed.Leader!.Fleet.Servers.Count == 2, Seconds(10), "the seed and its source");
        Assert.That(bed.Leader!.Fleet.Clusters.Values.Single(), Is.EqualTo(new FleetCluster("shop", "shop", "shop.example", IsManaged: false)));
    }

    [Test]
    public void A_replica_that_says_that_it_is_not_enforced_is_not_made_to_acknowledge()
    {
        var bed = Asked(new() { SemiSyncEnforcedQuery = Query }, "1", "0", "1", Durability.SemiSync);
        bed.Servers[0].SemiSync.Source = true;
        bed.Started();
        bed.RunUntil(() => bed.Servers[2].SemiSync.Replica, Seconds(20), "the one that is enforced acknowledges");
        bed.RunFor(Seconds(10));
        Assert.That(bed.Servers[1].SemiSync.Replica, Is.False);
        Assert.That(bed.Sent.Any(s => s.Server == HaBed.Key(2) && s.Statement is Statement.SetSemiSyncReplica { On: true }), Is.False);
    }

    [Test]
    public void The_lag_that_the_operator_s_query_answers_is_the_one_that_is_shown_and_judged()
    {
        var bed = Asked(new() { ReplicationLagQuery = Query }, "", "42.5", "nonsense").Started();
        bed.RunFor(Seconds(6));
        var shown = bed.Leader!.Part.Clusters().Single().Instances;
        Assert.That((shown[1].SecondsBehind, shown[2].SecondsBehind), Is.EqualTo(((double?)42.5, (double?)0)), "an answer that is no number is not one");
        var primary = bed.Leader.Part.TopologyAnalysis().Single(a => a.Replicas.Count == 2);
        Assert.That(primary.Of(AnalysisNumber.LaggingReplicas), Is.EqualTo(1), "one of the replicas lags");
    }

    /// <summary>It counted from the beginning of each leadership: where leaders change now and then, nothing was ever forgotten.</summary>
    [Test]
    public void A_server_that_nobody_reaches_is_forgotten_in_time_however_often_the_leader_changes()
    {
        var bed = Forgetting();
        bed.Servers[2].Die();
        for (var turn = 0; turn < 3; turn++)
        {
            bed.RunFor(Seconds(70));
            Assert.That(bed.Leader!.Fleet.Servers, Has.Count.EqualTo(1), $"not before 240 s: {turn}");
            bed.Elect(turn % 2 == 0 ? "west" : "north");
        }

        bed.RunFor(Seconds(100));
        Assert.That(bed.Nodes.Select(n => n.Fleet.Servers.Count), Is.All.EqualTo(0));
        Assert.That(bed.Leader!.Part.Clusters().Single().Instances, Has.Count.EqualTo(2), "those of the configuration stay");
    }

    [Test]
    public void A_server_that_one_node_alone_still_reaches_is_not_forgotten_even_by_a_new_leader()
    {
        var bed = Forgetting();
        bed.Node("north").IsBlindFor = bed.Node("east").IsBlindFor = HaBed.Key(3);
        bed.RunFor(Seconds(300));
        bed.Elect("east");
        bed.RunFor(Seconds(120));
        Assert.That(bed.Leader!.Fleet.Servers, Has.Count.EqualTo(1));
    }

    [Test]
    public void With_shared_probing_each_replica_is_looked_at_by_those_who_must_the_primary_by_all_and_a_failover_goes_on_as_ever()
    {
        var bed = new HaBed(c => c with { Discovery = new() { Probing = ProbingMode.Shared } }, nodesBeside: 2).Started();
        bed.RunFor(Seconds(3));
        Assert.That(Askers(bed, 1), Has.Length.EqualTo(5), "its death needs a majority of all");
        foreach (var replica in new[] { 2, 3 })
        {
            var members = bed.Members.Select(m => new Observer(m.Id, m.DataCenter, IsHeard: true)).ToImmutableArray();
            var wanted = Observers.Of(new(HaBed.Key(replica), bed.Members[replica - 1].DataCenter), members, bed.Leader!.Config.Self);
            Assert.That(Askers(bed, replica), Is.EquivalentTo(bed.Members.Where(m => wanted.Contains(m.Id)).Select(m => m.DataCenter)));
            Assert.That(wanted, Has.Count.InRange(2, 4));
        }

        var lost = Askers(bed, 3).First(place => place is not ("north" or "west" or "east"));
        bed.Node(lost).Kill();
        bed.RunFor(Seconds(4));
        Assert.That(Askers(bed, 3), Has.Length.GreaterThanOrEqualTo(3).And.None.EqualTo(lost), "its share is somebody else's");

        bed.Servers[0].Die();
        bed.RunUntil(() => bed.Servers.Skip(1).Any(s => s.TakesWrites), Seconds(10), "a new primary");
        Assert.That(bed.TwoWriters, Is.Null);
        var primary = bed.Servers.ToList().FindIndex(s => s.TakesWrites) + 1;
        bed.RunFor(Seconds(3));
        Assert.That(Askers(bed, primary), Has.Length.EqualTo(4), "all that live look at the new one");
    }

    /// <summary>The data centres whose nodes asked the server within the last two seconds.</summary>
    private static string[] Askers(HaBed bed, int server) =>
        [.. bed.Sent.Where(s => s.Statement is Statement.ReadFacts && s.Server == HaBed.Key(server) && s.At > bed.Now - Seconds(2))
            .Select(s => s.Node).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    private static HaBed Forgetting()
    {
        var bed = new HaBed(c => c with
        {
            Clusters = [c.Clusters[0] with { Instances = c.Clusters[0].Instances.RemoveAt(2) }], Discovery = new() { ForgetUnseenAfter = Seconds(240) },
        }).Started();
        var found = new FleetCommand.Learn([new(HaBed.Key(3), "main", "west", "", "")], []);
        bed.Submit(bed.Leader!, new Command.Fleet(found), _ => { });
        bed.RunFor(Seconds(2));
        return bed;
    }

    private static HaBed Asked(DiscoverySettings settings, string first, string second, string third, Durability? durability = null)
    {
        var bed = new HaBed(c => c with { Discovery = settings, Clusters = [c.Clusters[0] with { Durability = durability ?? Durability.None }] });
        foreach (var (server, answer) in bed.Servers.Zip([first, second, third])) server.Answers[Query] = answer;
        return bed;
    }
}
