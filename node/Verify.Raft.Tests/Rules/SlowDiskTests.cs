using Verify.Raft.Tests.Groups;

namespace Verify.Raft.Tests.Rules;

/// <summary>A follower whose disk stands still for some heartbeats: what it may say meanwhile, and what not.</summary>
public sealed class SlowDiskTests
{
    [Test]
    public void A_leader_keeps_its_lease_while_the_disk_of_the_only_other_node_stands_still_and_commits_nothing_on_its_word()
    {
        var group = Settled();
        group.Cut("n3");
        group.Propose("n1", "x");
        var refusals = 0;
        for (var tick = 0; tick < 40; tick++)
        {
            TickWithoutSync(group);
            if (!group["n1"].Core.HasLease) refusals++;
        }

        Assert.That((group["n1"].Core.Role, refusals), Is.EqualTo((RaftRole.Leader, 0)), "four election times without a disk");
        Assert.That(group["n1"].Core.Commit, Is.LessThan(group["n1"].Core.Last.Index), "nothing is acknowledged that is not on n2's disk");

        group["n2"].SyncAll(group.Send);
        group.Settle();
        Assert.That(group["n1"].Core.Commit, Is.EqualTo(group["n1"].Core.Last.Index));
    }

    [Test]
    public void Reads_are_confirmed_while_a_followers_disk_stands_still()
    {
        var group = Settled();
        group.Cut("n3");
        group.Propose("n1", "x");
        for (var tick = 0; tick < 5; tick++) TickWithoutSync(group);
        group["n1"].Core.RequestRead(new ReadTicket(7));
        for (var tick = 0; tick < 3; tick++) TickWithoutSync(group);
        Assert.That(group["n1"].Granted.Select(g => g.Ticket), Is.EqualTo(new[] { new ReadTicket(7) }));
    }

    [Test]
    public void A_follower_whose_term_is_not_durable_says_nothing_before_its_disk_does()
    {
        var group = new TestGroup(3);
        group.Cut("n2");
        group.Elect("n1");
        group.Heal();
        group.Propose("n1", "x");
        for (var tick = 0; tick < 30; tick++) TickWithoutSync(group, "n3");
        Assert.That(group.Network.Concat(Spoken).Where(m => m.From == group["n2"].Id && m.Body is Message.AppendReply), Is.Empty);
        group["n2"].Restart();
        Assert.That(group["n2"].Core.Term, Is.EqualTo(Term.Zero), "a crash now leaves no trace, and nobody counts on it");
    }

    [Test]
    public void An_early_answer_claims_what_is_durable_once_per_round_and_only_after_a_heartbeat_of_silence()
    {
        var group = Settled();
        group.Cut("n3");
        group.Propose("n1", "x");
        for (var tick = 0; tick < 12; tick++) TickWithoutSync(group);
        var early = Spoken.Where(m => m.From == group["n2"].Id).Select(m => (Message.AppendReply)m.Body).ToArray();
        Assert.That(early, Is.Not.Empty);
        Assert.That(early.Select(r => r.ReadRound), Is.Unique);
        Assert.That(early.Select(r => r.Hint), Is.All.EqualTo(group["n2"].Disk[^1].Id), "the last entry on its disk");
        Assert.That(early, Has.Length.LessThanOrEqualTo(5), "at most one per heartbeat of two ticks, and none for the first");
    }

    private List<Envelope> Spoken { get; } = [];

    [SetUp]
    public void Forget() => Spoken.Clear();

    private static TestGroup Settled()
    {
        var group = new TestGroup(3);
        group.Elect("n1");
        group.Propose("n1", "first");
        group.Settle();
        return group;
    }

    /// <summary>A tick for everybody; messages travel, but only n1 (and whoever is named) has a disk that answers.</summary>
    private void TickWithoutSync(TestGroup group, params string[] others)
    {
        foreach (var node in group.Nodes) node.Core.Tick();
        for (var turn = 0; turn < 4; turn++)
        {
            foreach (var node in group.Nodes)
            {
                while (node.TakeWork(group.Send) is not null)
                {
                }

                if (node == group["n1"] || others.Any(o => node == group[o])) node.SyncAll(group.Send);
            }

            foreach (var envelope in group.Network.ToArray())
            {
                Spoken.Add(envelope);
                group.Deliver(envelope);
            }
        }
    }
}
