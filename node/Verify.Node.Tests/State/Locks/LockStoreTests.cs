using Verify.Node.State;
using Verify.Node.State.Kv;
using Verify.Node.State.Locks;
using Verify.Node.Tests.State.Kv;

namespace Verify.Node.Tests.State.Locks;

/// <summary>Sessions and locks: one holder, a higher token each time, an end by the group's time only.</summary>
public sealed class LockStoreTests
{
    private KvBed _bed = null!;

    [SetUp]
    public void StartWithNothing() => _bed = new();

    [Test]
    public void One_holds_the_lock_and_the_next_one_has_a_higher_token()
    {
        _bed.Begin("s1");
        _bed.Begin("s2");
        var first = KvBed.Left(_bed.Do(KvBed.Acquire("l", "s1")));
        Assert.That((first.Session, first.LockIndex, first.LockToken), Is.EqualTo(("s1", 1L, _bed.Index)));
        var refused = (KvOutcome.Failed)_bed.Do(KvBed.Acquire("l", "s2"));
        Assert.That((refused.Refusal, refused.Why), Is.EqualTo((KvRefusal.HeldByOther, "'l': session s1 holds the lock")));
        Assert.That(KvBed.RefusalOf(_bed.Do(KvBed.Release("l", "s2"))), Is.EqualTo(KvRefusal.NotHolder));
        Assert.That(_bed.Do(KvBed.Release("l", "s1")), Is.InstanceOf<KvOutcome.Done>());
        var second = KvBed.Left(_bed.Do(KvBed.Acquire("l", "s2")));
        Assert.That((second.LockIndex, second.LockToken > first.LockToken), Is.EqualTo((2L, true)));
    }

    [Test]
    public void Who_holds_it_already_keeps_it_with_the_same_token()
    {
        _bed.Begin("s1");
        var first = KvBed.Left(_bed.Do(KvBed.Acquire("l", "s1", "one")));
        var again = KvBed.Left(_bed.Do(KvBed.Acquire("l", "s1", "two")));
        Assert.That((again.LockToken, again.LockIndex, _bed.Text("l")), Is.EqualTo((first.LockToken, 1L, "two")));
    }

    [Test]
    public void A_key_that_was_deleted_and_made_again_gives_a_higher_token_all_the_same()
    {
        _bed.Begin("s1");
        var first = KvBed.Left(_bed.Do(KvBed.Acquire("l", "s1")));
        _bed.Do(new KvOp.Delete("l", null));
        var second = KvBed.Left(_bed.Do(KvBed.Acquire("l", "s1")));
        Assert.That((second.LockIndex, second.LockToken > first.LockToken), Is.EqualTo((1L, true)));
    }

    [Test]
    public void A_session_that_is_not_renewed_ends_and_what_it_held_is_free()
    {
        _bed.Begin("s1", ttlMs: 500);
        _bed.Begin("s2");
        _bed.Do(KvBed.Acquire("l", "s1"));
        _bed.NowMs += 400;
        Assert.That(_bed.Session(new SessionCommand.Renew("s1")), Is.InstanceOf<CommandResult.Done>());
        _bed.TimePasses(499);
        Assert.That(KvBed.RefusalOf(_bed.Do(KvBed.Acquire("l", "s2"))), Is.EqualTo(KvRefusal.HeldByOther));
        _bed.Restart();
        _bed.TimePasses(1);
        Assert.That((_bed.State.Kv.Get("l")!.Session, _bed.State.Locks.Get("s1"), _bed.Text("l")), Is.EqualTo(((string?)null, (LockSession?)null, "v")));
        Assert.That(_bed.Session(new SessionCommand.Renew("s1")), Is.InstanceOf<CommandResult.NotFound>(), "what has ended is not renewed");
        Assert.That(_bed.Do(KvBed.Acquire("l", "s2")), Is.InstanceOf<KvOutcome.Done>());
    }

    [Test]
    public void A_session_whose_behaviour_is_delete_takes_its_keys_along()
    {
        _bed.Begin("s1", behaviour: SessionBehaviour.Delete);
        _bed.Do(KvBed.Acquire("l", "s1"), KvBed.Put("other"));
        _bed.Session(new SessionCommand.Destroy("s1"));
        Assert.That((_bed.Text("l"), _bed.Text("other")), Is.EqualTo(((string?)null, "v")));
        Assert.That(_bed.State.Kv.Changes.After(2, _ => true, 10, 9, out _)!.Single(), Is.EqualTo(new KvChange(3, "l", null)));
    }

    [TestCase(SessionBehaviour.Release)]
    [TestCase(SessionBehaviour.Delete)]
    public void For_the_lock_delay_nobody_gets_what_a_session_held_that_ended(SessionBehaviour behaviour)
    {
        _bed.Begin("s1", ttlMs: 500, behaviour, lockDelayMs: 2_000);
        _bed.Begin("s2");
        _bed.Do(KvBed.Acquire("l", "s1"));
        _bed.TimePasses(500);
        _bed.NowMs += 1_999;
        Assert.That(KvBed.RefusalOf(_bed.Do(KvBed.Acquire("l", "s2"))), Is.EqualTo(KvRefusal.LockDelay));
        _bed.Restart();
        Assert.That(KvBed.RefusalOf(_bed.Do(KvBed.Acquire("l", "s2"))), Is.EqualTo(KvRefusal.LockDelay), "a node from a snapshot knows of it");
        _bed.NowMs += 1;
        Assert.That(_bed.Do(KvBed.Acquire("l", "s2")), Is.InstanceOf<KvOutcome.Done>());
    }

    [Test]
    public void Who_gives_the_lock_back_leaves_no_delay()
    {
        _bed.Begin("s1", lockDelayMs: 2_000);
        _bed.Begin("s2");
        _bed.Do(KvBed.Acquire("l", "s1"));
        _bed.Do(KvBed.Release("l", "s1"));
        Assert.That(_bed.Do(KvBed.Acquire("l", "s2")), Is.InstanceOf<KvOutcome.Done>());
    }

    [Test]
    public void A_session_that_has_ended_gets_no_lock_and_its_id_begins_anew()
    {
        Assert.That(KvBed.RefusalOf(_bed.Do(KvBed.Acquire("l", "nobody"))), Is.EqualTo(KvRefusal.NoSession));
        _bed.Begin("s", ttlMs: 500);
        Assert.That(_bed.Session(new SessionCommand.Create("s", "", "n", 500, SessionBehaviour.Release, 0)), Is.EqualTo(new CommandResult.Done(2)), "the same again is the same");
        Assert.That(_bed.Session(new SessionCommand.Create("s", "", "n", 900, SessionBehaviour.Release, 0)), Is.EqualTo(new CommandResult.CasConflict(2)));
    }

    [Test]
    public void A_lock_and_what_goes_with_it_are_one_entry()
    {
        _bed.Begin("s1");
        _bed.Begin("s2");
        _bed.Do(KvBed.Acquire("l", "s1"));
        Assert.That(KvBed.RefusalOf(_bed.Do(new KvOp.CheckSession("l", "s2"), KvBed.Put("guarded", "s2"))), Is.EqualTo(KvRefusal.NotHolder));
        Assert.That(_bed.Do(new KvOp.CheckSession("l", "s1"), KvBed.Put("guarded", "s1")), Is.InstanceOf<KvOutcome.Done>());
        Assert.That(_bed.Text("guarded"), Is.EqualTo("s1"));
    }
}
