using Verify.Node.Codec;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Node.State.Kv;
using Verify.Node.State.Time;

namespace Verify.Node.Tests.State.Kv;

/// <summary>Several operations in one entry: all of them or none; lifetimes by the group's time.</summary>
public sealed class KvOpTests
{
    private KvBed _bed = null!;

    [SetUp]
    public void StartWithNothing() => _bed = new();

    [Test]
    public void Each_operation_sees_what_those_before_it_did()
    {
        var outcome = (KvOutcome.Done)_bed.Do(
            KvBed.Put("a/1", "one"), KvBed.Put("a/2"), new KvOp.GetPrefix("a/"), new KvOp.CheckIndex("a/1", 1), new KvOp.DeletePrefix("a/"), new KvOp.GetPrefix("a/"), KvBed.Put("a/1", "new", expected: 0));
        Assert.That(outcome.Answers.Select(a => a.Count), Is.EqualTo(new[] { 1, 1, 2, 0, 2, 0, 1 }));
        Assert.That((_bed.Text("a/1"), _bed.Text("a/2"), _bed.State.Kv.Get("a/1")!.CreateIndex), Is.EqualTo(("new", (string?)null, 1L)));
    }

    [Test]
    public void When_one_cannot_be_done_nothing_of_the_entry_has_happened()
    {
        _bed.Begin("s");
        _bed.Do(KvBed.Put("there", "old", ttlMs: 500), KvBed.Put("p/1"), KvBed.Acquire("held", "s"));
        var before = Records();
        var outcome = (KvOutcome.Failed)_bed.Do(
            KvBed.Put("there", "new"), KvBed.Put("born"), new KvOp.DeletePrefix("p/"), KvBed.Release("held", "s"), KvBed.Put("there", "newer", expected: 99));
        Assert.That((outcome.Op, outcome.Refusal, outcome.Why), Is.EqualTo((4, KvRefusal.IndexDiffers, "'there': modify_index 99 was expected")));
        Assert.That(Records(), Is.EqualTo(before));
        Assert.That(_bed.State.Kv.Changes.Newest, Is.EqualTo(2), "nobody who watches sees a trace of it");
        _bed.TimePasses(501);
        Assert.That(_bed.Text("there"), Is.Null, "the lifetime that was there before goes on");
    }

    [Test]
    public void A_prefix_is_deleted_in_one_entry_and_counted()
    {
        foreach (var key in new[] { "a", "a/1", "a/2", "ab", "b" }) _bed.Do(KvBed.Put(key));
        Assert.That(((KvOutcome.Done)_bed.Do(new KvOp.DeletePrefix("a/"))).Answers[0].Count, Is.EqualTo(2));
        Assert.That(_bed.State.Kv.List("").Select(p => p.Key), Is.EqualTo(new[] { "a", "ab", "b" }));
        Assert.That(((KvOutcome.Done)_bed.Do(new KvOp.DeletePrefix(""))).Answers[0].Count, Is.EqualTo(3), "the empty prefix is everything");
    }

    [Test]
    public void A_key_with_a_lifetime_is_there_until_then_and_gone_after_it_on_a_node_from_a_snapshot_too()
    {
        _bed.Do(KvBed.Put("k", ttlMs: 300));
        _bed.TimePasses(299);
        _bed.Restart();
        Assert.That(_bed.Text("k"), Is.EqualTo("v"));
        _bed.TimePasses(1);
        Assert.That((_bed.Text("k"), _bed.State.NextDeadlineMs), Is.EqualTo(((string?)null, (long?)null)));
        Assert.That(_bed.State.Kv.Changes.After(2, _ => true, 10, 9, out _)!.Single(), Is.EqualTo(new KvChange(3, "k", null)), "who watches sees it go");
    }

    [Test]
    public void A_touch_begins_the_lifetime_anew_and_changes_nothing_that_compare_and_set_compares()
    {
        _bed.Do(KvBed.Put("k", ttlMs: 300));
        _bed.NowMs += 200;
        Assert.That(KvBed.Left(_bed.Do(new KvOp.Touch("k", null))).DeadlineMs, Is.EqualTo(_bed.NowMs + 300));
        _bed.NowMs += 200;
        Assert.That((_bed.State.Kv.Get("k")!.ModifyIndex, _bed.State.Kv.Changes.Count), Is.EqualTo((1L, 1)));
        Assert.That(KvBed.Left(_bed.Do(new KvOp.Touch("k", 1_000))).DeadlineMs, Is.EqualTo(_bed.NowMs + 1_000));
        _bed.TimePasses(1_001);
        Assert.That(KvBed.RefusalOf(_bed.Do(new KvOp.Touch("k", null))), Is.EqualTo(KvRefusal.NoKey), "what has ended is not brought back");
    }

    [Test]
    public void A_key_that_is_set_without_a_lifetime_stays()
    {
        _bed.Do(KvBed.Put("k", ttlMs: 300));
        _bed.Apply(new Command.KvPut("k", new byte[] { 1 }, 0, null, null));
        _bed.TimePasses(10_000);
        Assert.That(_bed.Text("k"), Is.Not.Null);
        Assert.That(KvBed.RefusalOf(_bed.Do(new KvOp.Touch("k", null))), Is.EqualTo(KvRefusal.NoKey));
    }

    [Test]
    public void A_stamp_that_is_older_than_the_state_ends_nothing_early()
    {
        _bed.TimePasses(60_000);
        _bed.NowMs -= 59_000;
        _bed.Do(KvBed.Put("k", ttlMs: 1_000));
        Assert.That(_bed.State.Kv.Get("k")!.DeadlineMs, Is.EqualTo(62_000), "it counts from the group's time, not from the stamp");
        _bed.NowMs = 61_999;
        _bed.TimePasses(0);
        Assert.That(_bed.Text("k"), Is.Not.Null);
    }

    [Test]
    public void What_is_sent_again_is_done_once_and_answered_the_same()
    {
        var first = _bed.DoAs(new("c", 1), KvBed.Put("k", expected: 0));
        var again = _bed.DoAs(new("c", 1), KvBed.Put("k", expected: 0));
        Assert.That(Bytes(again), Is.EqualTo(Bytes(first)));
        _bed.Restart();
        Assert.That(Bytes(_bed.DoAs(new("c", 1), KvBed.Put("k", expected: 0))), Is.EqualTo(Bytes(first)), "the answer is in the snapshot");
        Assert.That(((KvOutcome.Done)_bed.DoAs(new("c", 2), KvBed.Put("a"), KvBed.Put("b"))).Answers, Is.Empty, "of several only the outcome is kept");
    }

    [Test]
    public void A_transaction_reads_no_more_than_fits_between_nodes()
    {
        for (var i = 0; i < 5; i++) _bed.Do(new KvOp.Put($"k{i}", new byte[1 << 20], 0, null, null));
        Assert.That(KvBed.RefusalOf(_bed.Do(new KvOp.GetPrefix(""))), Is.EqualTo(KvRefusal.TooLarge));
        Assert.That(_bed.Do(new KvOp.GetPrefix("k1")), Is.InstanceOf<KvOutcome.Done>());
    }

    [Test]
    public void A_store_without_lifetimes_and_locks_is_written_as_the_release_before_reads_it()
    {
        IStateSection kv = _bed.State.Kv;
        _bed.Apply(new Command.KvPut("plain", default, 0, null, null));
        Assert.That(kv.Version, Is.EqualTo(1));
        _bed.Do(KvBed.Put("k", ttlMs: 10));
        Assert.That(kv.Version, Is.EqualTo(2));
        _bed.TimePasses(20);
        Assert.That(kv.Version, Is.EqualTo(1));
    }

    [FsCheck.NUnit.Property(MaxTest = 300)]
    public void Any_operations_leave_all_or_nothing_and_the_indexes_stay_true(int seed)
    {
        var (bed, dice) = (new KvBed(), new Dice((ulong)seed));
        bed.Begin("s0", ttlMs: 400);
        bed.Begin("s1");
        for (var i = 0; i < 60; i++)
        {
            bed.NowMs += dice.Next(80);
            bed.TimePasses(0);
            var before = bed.State.Kv.List("").ToArray();
            var outcome = bed.Do([.. Enumerable.Range(0, 1 + dice.Next(4)).Select(_ => Draw(dice, bed.Index))]);
            if (outcome is KvOutcome.Failed) Assert.That(bed.State.Kv.List(""), Is.EqualTo(before));
            Assert.That(((IExpires)bed.State.Kv).NextDeadlineMs, Is.EqualTo(bed.State.Kv.List("").Min(p => p.DeadlineMs)));
            foreach (var session in new[] { "s0", "s1" })
                Assert.That(bed.State.Kv.HeldBy(session), Is.EqualTo(bed.State.Kv.List("").Where(p => p.Session == session).Select(p => p.Key)));
        }
    }

    private static KvOp Draw(Dice dice, long index)
    {
        var key = $"k{dice.Next(4)}";
        return dice.Next(7) switch
        {
            0 => KvBed.Put(key, ttlMs: 1 + dice.Next(200)),
            1 => KvBed.Put(key, expected: dice.Next((int)index + 1)),
            2 => new KvOp.Touch(key, null),
            3 => new KvOp.Delete(key, null),
            4 => KvBed.Acquire(key, $"s{dice.Next(2)}"),
            5 => KvBed.Release(key, $"s{dice.Next(2)}"),
            _ => KvBed.Put(key),
        };
    }

    private (string, string?, long, long?, long)[] Records() =>
        [.. _bed.State.Kv.List("").Select(p => (p.Key, p.Session, p.ModifyIndex, p.DeadlineMs, p.LockToken))];

    private static byte[] Bytes(KvOutcome outcome)
    {
        var to = new WireWriter();
        KvOpCodec.WriteOutcome(to, outcome);
        return to.Written.ToArray();
    }
}
