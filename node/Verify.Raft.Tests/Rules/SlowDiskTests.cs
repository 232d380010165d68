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
    public void A_leader_whose_majority_has_dead_disks_gives_up_in_the_end()
    {
        var group = Settled();
        group.Cut("n3");
        group.Propose("n1", "x");
        for (var tick = 0; tick < 100; tick++) TickWithoutSync(group);
        Assert.That(group["n1"].Core.Role, Is.Not.EqualTo(RaftRole.Leader));
    }

    [Test]
    public void A_leader_whose_majority_has_full_disks_serves_reads_for_as_long_as_it_hears_every_voter_and_gives_up_when_one_is_silent()
    {
        var group = Settled();
        foreach (var full in new[] { "n2", "n3" }) group[full].Core.IsDiskFull = true;
        group.Propose("n1", "x");
        for (var tick = 0; tick < 400; tick++) TickWithoutSync(group);
        Assert.That((group["n1"].Core.Role, group["n1"].Core.HasLease), Is.EqualTo((RaftRole.Leader, true)), "forty election times");
        Assert.That(group["n1"].Core.Commit, Is.LessThan(group["n1"].Core.Last.Index), "nothing is acknowledged that is not on a majority's disks");
        group["n1"].Core.RequestRead(new ReadTicket(7));
        for (var tick = 0; tick < 3; tick++) TickWithoutSync(group);
        Assert.That(group["n1"].Granted.Select(g => g.Ticket), Is.EqualTo(new[] { new ReadTicket(7) }));

        // n2 still answers. n3 is silent: it may be where a majority can write.
        group.Cut("n3");
        for (var tick = 0; tick < 20; tick++) TickWithoutSync(group);
        Assert.That(group["n1"].Core.Role, Is.Not.EqualTo(RaftRole.Leader));
    }

    /// <summary>Live, in two of five runs of the proof disk-full: the leader's disk was full first, then the heir's. The leader had
    /// stepped down, and until there was space nobody could be elected who knew what is committed.</summary>
    [TestCase(true, RaftRole.Leader)]
    [TestCase(false, RaftRole.Follower)]
    public void A_leader_whose_heir_does_not_take_over_goes_on_without_a_lease_while_its_disk_is_full(bool isFull, RaftRole then)
    {
        var group = Settled();
        var core = group["n1"].Core;
        core.IsDiskFull = isFull;
        _lost = body => body is Message.TimeoutNow;
        core.TransferLeadership(group["n2"].Id);
        for (var tick = 0; tick < 12; tick++) TickWithoutSync(group, "n2", "n3");
        Assert.That((core.Role, core.HasLease), Is.EqualTo((then, false)));
        if (!isFull) return;
        core.RequestRead(new ReadTicket(7));
        for (var tick = 0; tick < 3; tick++) TickWithoutSync(group, "n2", "n3");
        Assert.That(group["n1"].Granted.Select(g => g.Ticket), Is.EqualTo(new[] { new ReadTicket(7) }), "a round needs no lease");
        core.IsDiskFull = false;
        TickWithoutSync(group, "n2", "n3");
        Assert.That(core.Role, Is.EqualTo(RaftRole.Follower), "with space there is no reason to lead without a lease");
    }

    [Test]
    public void A_silent_voter_alone_is_no_reason_to_give_up()
    {
        var group = Settled();
        group.Cut("n3");
        group.Propose("n1", "x");
        for (var tick = 0; tick < 200; tick++) TickWithoutSync(group, "n2");
        Assert.That(group["n1"].Core.Role, Is.EqualTo(RaftRole.Leader), "nothing waits");
    }

    [Test]
    public void A_leader_waits_for_the_snapshot_that_the_follower_it_needs_is_being_sent_however_long_that_takes()
    {
        var group = Settled();
        group.Cut("n2");
        for (var i = 0; i < 8; i++) group.Propose("n1", $"{i}");
        group.Settle();
        group.Snapshot("n1");
        group.Settle();
        group.Heal();
        group.Cut("n3");
        group.Propose("n1", "waits for n2");
        var core = group["n1"].Core;
        var term = core.Status.Term;
        _lost = body => body is Message.SnapshotChunk;
        for (var tick = 0; tick < 200; tick++) TickWithoutSync(group, "n2");
        Assert.That(core.Status.Peers.Single(p => p.Peer == group["n2"].Id).State, Is.EqualTo("snapshot"));
        Assert.That((core.Role, core.Status.Term, core.Commit < core.Last.Index), Is.EqualTo((RaftRole.Leader, term, true)));
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
        NodeId me = new("n1"), leader = new("n2"), other = new("n3");
        var core = new RaftCore(new RaftOptions { Self = me, Voters = [me, leader, other], Draw = bound => bound - 1 }, new HardState(new Term(1), null), []);
        RaftWork Hear(long round)
        {
            var entry = new Entry(new EntryId(new Term(2), new LogIndex(1)), EntryKind.Command, new byte[] { 1 });
            for (var i = 0; i < 5; i++) core.Tick();
            core.Receive(new Envelope(leader, me, new Term(2), new Message.Append(EntryId.Zero, [entry], LogIndex.Zero, round)));
            Assert.That(core.TryTakeWork(out var work), Is.True);
            return work;
        }

        Hear(1);
        Assert.That(Hear(2).SendNow, Is.Empty, "term 2 is not on the disk: after a crash this node would not know that it had been in it");
        core.HardStateDurable(new HardState(new Term(1), null));
        Assert.That(Hear(3).SendNow, Is.Empty, "what became durable is the term before");
        core.HardStateDurable(new HardState(new Term(2), null));
        Assert.That(Hear(4).SendNow.Select(m => m.Body), Is.EqualTo(new Message[] { new Message.AppendReply(Accepted: true, EntryId.Zero, LogIndex.Zero, 4) }));
    }

    /// <summary>Found by the hunt for M44 on 2026-11-22 (raft swarm, seed 1005): a new member that was installing its second snapshot said that it had it.
    /// Had it crashed then, the leader would have taken each of its refusals for an old message, until the term ended.</summary>
    [Test]
    public void A_follower_that_is_installing_a_snapshot_does_not_claim_it_before_its_disk_does()
    {
        NodeId me = new("n1"), leader = new("n2"), other = new("n3");
        var (term, end) = (new Term(2), new EntryId(new Term(2), new LogIndex(5)));
        var mark = new SnapshotMark(end, Membership.OfVoters([me, leader, other]));
        var core = new RaftCore(new RaftOptions { Self = me, Voters = [me, leader, other], Draw = bound => bound - 1 }, new HardState(term, null), []);
        RaftWork Hear(Message message)
        {
            for (var i = 0; i < 5; i++) core.Tick();
            core.Receive(new Envelope(leader, me, term, message));
            Assert.That(core.TryTakeWork(out var work), Is.True);
            return work;
        }

        var piece = Hear(new Message.SnapshotChunk(new(end, 1, 0), mark.Membership, 0, new byte[] { 1 }, 0)).SnapshotPieces.Single();
        core.SnapshotArrived(piece, mark);
        Assert.That(core.TryTakeWork(out var install), Is.True);
        Assert.That(install.Install, Is.EqualTo(mark));

        var entry = new Entry(new EntryId(term, new LogIndex(6)), EntryKind.Command, new byte[] { 1 });
        Hear(new Message.Append(end, [entry], LogIndex.Zero, 1));
        Assert.That(Hear(new Message.Append(entry.Id, [], LogIndex.Zero, 2)).SendNow, Is.Empty, "after a crash this node would be at 0");
        core.Appended(mark.Last);
        Assert.That(Hear(new Message.Append(entry.Id, [], LogIndex.Zero, 3)).SendNow.Select(m => m.Body), Is.EqualTo(new Message[] { new Message.AppendReply(Accepted: true, end, LogIndex.Zero, 3) }));
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

    private Func<Message, bool> _lost = static _ => false;
    private List<Envelope> Spoken { get; } = [];

    [SetUp]
    public void Forget()
    {
        Spoken.Clear();
        _lost = static _ => false;
    }

    private static TestGroup Settled()
    {
        var group = new TestGroup(3, (_, options) => options with { TrailingEntries = 0 });
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
                if (_lost(envelope.Body)) group.Network.Remove(envelope);
                else group.Deliver(envelope);
            }
        }
    }
}
