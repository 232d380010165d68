using System.Collections.Immutable;
using Verify.Chaos.Drawn;
using Verify.Scenarios;

namespace Verify.Chaos.Tests.Drawn;

public sealed class FaultAtlasTests
{
    [TestCase(1, 0)]
    [TestCase(2, 0)]
    [TestCase(3, 1)]
    [TestCase(4, 1)]
    [TestCase(5, 2)]
    [TestCase(6, 2)]
    public void The_data_of_a_minority_may_be_damaged_and_of_nobody_more(int nodes, int most)
    {
        var atlas = new FaultAtlas(Fleet(nodes));
        var damaged = Enumerable.Range(1, nodes).Count(i => atlas.TryDamage($"n{i}"));
        Assert.That((atlas.DamagedMax, damaged, atlas.Damaged.Count), Is.EqualTo((most, most, most)));
        if (most > 0) Assert.That(atlas.TryDamage("n1"), Is.True, "who is damaged may be damaged again");
    }

    [Test]
    public void Damage_to_two_of_three_is_beyond_the_claim_and_the_atlas_says_so() =>
        Assert.That(FaultAtlas.Objection(Fleet(3), Steps(new Fault.BitRot(Node("n1")), new Fault.LostDisk(Node("n2")))), Does.Contain("n2").And.Contains("n1"));

    [Test]
    public void Damage_to_a_role_could_hit_another_node_each_time_and_is_refused() =>
        Assert.That(FaultAtlas.Objection(Fleet(3), Steps(new Fault.Misdirect(new Target.Leader()))), Does.Contain("name its node"));

    [Test]
    public void Crashes_of_everybody_and_damage_to_one_are_within_the_claim() =>
        Assert.That(FaultAtlas.Objection(Fleet(3), Steps(new Fault.Kill(Node("n1")), new Fault.Kill(Node("n2")), new Fault.TornSector(Node("n3")), new Fault.BitRot(Node("n3")))), Is.Null);

    [Test]
    public void A_guardian_that_may_be_dead_while_its_data_centre_is_cut_off_leaves_the_promise_to_the_switch_inside_the_server()
    {
        Fault cut = new Fault.Partition([[new Target.DataCenter("dc1")]]);
        Assert.That(FaultAtlas.KeepsSinglePrimary(Fleet(3, servers: 2), Steps(cut)), Is.True);
        Assert.That(FaultAtlas.KeepsSinglePrimary(Fleet(3, servers: 2), Steps(new Fault.Kill(Node("n1")))), Is.True);
        Assert.That(FaultAtlas.KeepsSinglePrimary(Fleet(3, servers: 2), Steps(cut, new Fault.Kill(Node("n1")))), Is.True);
        Assert.That(FaultAtlas.KeepsSinglePrimary(Fleet(3, servers: 2), Steps(new Fault.Pause(Node("db1")))), Is.False, "nobody can close a server that stands still");
        Assert.That(FaultAtlas.KeepsRows(Fleet(3, servers: 1), Steps()), Is.False, "a single server has nobody to acknowledge");
    }

    private static Target.Named Node(string name) => new(name);

    private static ImmutableArray<Step> Steps(params Fault[] faults) => [.. faults.Select((f, i) => new Step(TimeSpan.FromSeconds(i + 1), null, f))];

    private static FleetSpec Fleet(int nodes, int servers = 0) => new(Places("n", nodes), Places("db", servers), servers > 0 ? "db1" : null) { Durability = "semi_sync" };

    private static ImmutableSortedDictionary<string, ImmutableArray<string>> Places(string prefix, int count) =>
        Enumerable.Range(1, count).ToImmutableSortedDictionary(i => $"dc{i}", i => ImmutableArray.Create($"{prefix}{i}"), StringComparer.Ordinal);
}
