using System.Collections.Immutable;
using Verify.Node.Loop;
using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.Node.Tests.Topology;

/// <summary>Who looks at a server when the probing is shared, and when a node doubts itself.</summary>
internal sealed class ObserverTests
{
    private static readonly string[] Places = ["east", "east", "north", "north", "west"];

    private static ImmutableArray<Observer> Members(params int[] silent) =>
        [.. Places.Select((dc, i) => new Observer(new($"n{i + 1}"), dc, !silent.Contains(i + 1)))];

    private static Instance Server(int number) => new(new($"db{number}", 3306), Places[number % Places.Length]);

    [Test]
    public void Every_server_has_two_observers_besides_the_leader_in_different_data_centres()
    {
        var leader = new NodeId("n3");
        for (var number = 0; number < 200; number++)
        {
            var observers = Observers.Of(Server(number), Members(), leader);
            var besides = observers.Remove(leader);
            Assert.That(observers, Does.Contain(leader));
            Assert.That(besides.Union(observers).Select(o => Places[o.Name[1] - '1']).Distinct(StringComparer.Ordinal).Count(), Is.GreaterThanOrEqualTo(2), $"{number}: {string.Join(' ', observers)}");
            Assert.That(besides, Has.Count.InRange(1, 2));
        }
    }

    [Test]
    public void The_load_is_divided_and_a_silent_observers_share_is_moved()
    {
        var leader = new NodeId("n3");
        var looks = Enumerable.Range(0, 1000).SelectMany(n => Observers.Of(Server(n), Members(), leader)).GroupBy(o => o.Name, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);
        Assert.That(looks["n3"], Is.EqualTo(1000), "the leader looks at everything");
        Assert.That(looks["n2"], Is.InRange(50, 700), "nobody else has to");
        for (var number = 0; number < 200; number++)
        {
            var after = Observers.Of(Server(number), Members(5), leader);
            Assert.That(after, Has.None.EqualTo(new NodeId("n5")));
            Assert.That(after, Has.Count.GreaterThanOrEqualTo(2));
        }
    }

    [Test]
    public void A_node_whose_loop_stood_still_doubts_itself_for_a_moment()
    {
        var health = new SelfHealth();
        var timing = new Timing();
        health.Ticked(TimeSpan.FromSeconds(1), timing);
        health.Ticked(TimeSpan.FromSeconds(1.01), timing);
        Assert.That(health.Doubt, Is.Null);
        health.Ticked(TimeSpan.FromSeconds(3), timing);
        Assert.That(health.Doubt, Is.Not.Null);
        for (var at = 3.0; at < 4; at += 0.01) health.Ticked(TimeSpan.FromSeconds(at), timing);
        Assert.That(health.Doubt, Is.Null);
    }

    [Test]
    public void A_node_that_alone_does_not_reach_most_servers_doubts_itself_after_a_while_and_not_for_one_dead_server()
    {
        var health = new SelfHealth();
        var patience = TimeSpan.FromSeconds(1);
        health.Compared(TimeSpan.FromSeconds(1), compared: 3, alone: 2, patience);
        Assert.That(health.Doubt, Is.Null, "it may only have looked first");
        health.Compared(TimeSpan.FromSeconds(2), compared: 3, alone: 2, patience);
        Assert.That(health.Doubt, Does.Contain("most others reach"));
        health.Compared(TimeSpan.FromSeconds(2.1), compared: 3, alone: 1, patience);
        Assert.That(health.Doubt, Is.Null);
        health.DiskIs(silent: true);
        health.Ticked(TimeSpan.FromSeconds(3), new Timing { ProbeTimeout = TimeSpan.FromMinutes(1) });
        Assert.That(health.Doubt, Does.Contain("disk"));
    }

    [Test]
    public void What_is_told_besides_comes_through_unchanged()
    {
        PeerExtras extras = new([
            new(new("db1", 3306), IsHung: true, IsRefused: false, 0, null, null),
            new(new("db2", 3307), IsHung: false, IsRefused: true, 1040, Verify.MySql.ThreadState.Running, 1.5),
        ]);
        var bytes = extras.Encode();
        Assert.That(PeerExtras.Is(bytes.Span), Is.True);
        Assert.That(PeerExtras.Decode(bytes.Span).Instances, Is.EqualTo(extras.Instances));
        Assert.That(PeerExtras.Is(new PeerReport([], []).Encode().Span), Is.False);
    }
}
