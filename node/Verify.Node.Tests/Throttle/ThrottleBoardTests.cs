using Verify.Node.Seam;
using Verify.Node.Throttle;

namespace Verify.Node.Tests.Throttle;

/// <summary>The order of the rules, and what is answered when nothing is sure: never "go on".</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ThrottleBoardTests
{
    private readonly Dictionary<string, StoreVerdict> _stores = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _apps = new(StringComparer.Ordinal);
    private readonly ThrottleBoard _board;
    private TimeSpan _now = TimeSpan.FromSeconds(10);
    private TimeSpan? _leadsUntil = TimeSpan.FromSeconds(20);

    public ThrottleBoardTests() => _board = new(() => _now, new(new Dice(1)), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));

    [Test]
    public void Within_the_threshold_the_answer_is_200_and_above_it_429()
    {
        Store("main", 1);
        Assert.That(Check(), Is.EqualTo(new CheckAnswer(200, 1, 1, "", CheckReason.Ok)), "equal is not above");
        Store("main", 1.01);
        Assert.That((Check().Status, Check().Reason), Is.EqualTo((429, CheckReason.Lag)));
        Assert.That(Check(flags: new(2, false, false, true)).Status, Is.EqualTo(200), "check-read has a threshold of its own");
    }

    [Test]
    public void The_rules_come_in_frenos_order()
    {
        Assert.That(Check(app: "").Status, Is.EqualTo(417), "no name");
        _apps["archive"] = 1_000_000;
        Assert.That(Check(app: "archive", store: "nowhere").Status, Is.EqualTo(417), "throttled counts before no such store");
        Assert.That(Check(store: "nowhere").Status, Is.EqualTo(404));
        Assert.That(Check(type: "redis").Status, Is.EqualTo(404));
        Assert.That(Check(store: "nowhere", flags: new(0, false, true, false)), Is.EqualTo(CheckAnswer.NotThere));
        Store("main", 5, fixedAnswer: new(500, 0, 1, "No hosts found", CheckReason.NoHosts));
        Assert.That(Check().Status, Is.EqualTo(500), "an error counts before the threshold");
        Assert.That(Check(app: ThrottleBoard.AbusingApp).Status, Is.EqualTo(417));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void Without_leadership_nothing_is_200_not_even_if_exists(bool hasLed)
    {
        Store("main", 0);
        _leadsUntil = hasLed ? _now : null;
        foreach (var store in new[] { "main", "nowhere" })
            foreach (var ifExists in new[] { false, true })
                Assert.That(Check(store: store, flags: new(0, false, ifExists, false)).Reason, Is.EqualTo(CheckReason.NotLeader));
    }

    [Test]
    public void A_loop_that_stands_still_does_not_keep_an_old_verdict_alive()
    {
        Store("main", 0, holds: TimeSpan.FromMilliseconds(800));
        _now += TimeSpan.FromMilliseconds(799);
        Assert.That(Check().Status, Is.EqualTo(200));
        _now += TimeSpan.FromMilliseconds(1);
        Assert.That((Check().Status, Check().Message), Is.EqualTo((500, "no sample of mysql/main is newer than 1000 ms")));
        _now += TimeSpan.FromSeconds(15);
        Assert.That(Check().Reason, Is.EqualTo(CheckReason.NotLeader), "and the lease has ended by itself");
    }

    [Test]
    public void Low_priority_waits_a_second_after_a_normal_check_was_refused_and_only_then()
    {
        var low = new CheckFlags(0, IsLowPriority: true, false, false);
        Store("main", 5);
        Assert.That(Check(flags: low).Reason, Is.EqualTo(CheckReason.Lag), "nobody else was refused yet");
        Check(app: ThrottleBoard.FrenoApp);
        Check(flags: new(1, false, false, IsRead: true));
        Assert.That(Check(flags: low).Reason, Is.EqualTo(CheckReason.Lag), "neither freno itself nor a read counts");
        Check();
        Store("main", 0);
        Assert.That(Check(flags: low), Is.EqualTo(CheckAnswer.LowPriorityDenied));
        Assert.That(Check().Status, Is.EqualTo(200), "others go on");
        _now += TimeSpan.FromMilliseconds(1_001);
        Assert.That(Check(flags: low).Status, Is.EqualTo(200));
    }

    [Test]
    public void A_ratio_is_drawn_from_the_seed_and_holds_for_the_store_it_names()
    {
        Store("main", 0);
        Store("other", 0);
        _apps["archive/main"] = 250_000;
        var refused = Enumerable.Range(0, 10_000).Count(_ => Check(app: "archive").Reason == CheckReason.AppThrottled);
        Assert.That(refused, Is.InRange(2_300, 2_700));
        Assert.That(Enumerable.Range(0, 100).All(_ => Check(app: "archive", store: "other").Status == 200), Is.True);
        var again = new ThrottleBoard(() => _now, new(new Dice(1)), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        again.Publish(_board.Picture);
        Assert.That(Enumerable.Range(0, 10_000).Count(_ => again.Check("archive", "mysql", "main", default).Reason == CheckReason.AppThrottled), Is.EqualTo(refused));
    }

    [Test]
    public void A_shared_dice_draws_what_the_dice_of_its_seed_draws()
    {
        var (alone, shared) = (new Dice(7), new SharedDice(new Dice(7)));
        for (var i = 0; i < 1_000; i++) Assert.That(shared.Next(1_000), Is.EqualTo(alone.Next(1_000)));
    }

    private void Store(string name, double value, TimeSpan? holds = null, CheckAnswer? fixedAnswer = null) => _stores[name] = new(name, 1, _now + (holds ?? TimeSpan.FromSeconds(9)))
    {
        Value = value, Fixed = fixedAnswer, Mark = _stores.TryGetValue(name, out var known) ? known.Mark : new LagMark(),
    };

    private CheckAnswer Check(string app = "gh-ost", string type = "mysql", string store = "main", CheckFlags flags = default)
    {
        _board.Publish(new(_leadsUntil, _stores, _apps));
        return _board.Check(app, type, store, flags);
    }
}
