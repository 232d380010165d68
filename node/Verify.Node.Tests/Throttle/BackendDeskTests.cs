using System.Globalization;
using Verify.MySql;
using Verify.Node.State.Throttle;
using Verify.Node.Throttle.Backend;

namespace Verify.Node.Tests.Throttle;

/// <summary>Two nodes that only throttle, at a backend of this test's own, which holds the row and has its own clock.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class BackendDeskTests
{
    private static readonly TimeSpan Term = TimeSpan.FromSeconds(5);
    private readonly ScriptedBackend _backend = new();
    private readonly BackendDesk _one = new("one", Term);
    private readonly BackendDesk _two = new("two", Term);
    private double _now = 100;

    private TimeSpan Now => TimeSpan.FromSeconds(_now);

    [Test]
    public void Nobody_leads_before_the_backend_has_answered() =>
        Assert.That((_one.LeadsUntil(Now), _one.Leader(Now), _one.ChangeOf(Throttle("archiver"), Now)), Is.EqualTo(((TimeSpan?)null, (string?)null, new BackendChange.NotLeader())));

    [Test]
    public void One_leads_and_the_other_knows_where()
    {
        Round(_one, "one");
        Round(_two, "two");
        Assert.That((_one.LeadsUntil(Now), _two.LeadsUntil(Now)), Is.EqualTo(((TimeSpan?)Seconds(104.5), (TimeSpan?)null)));
        Assert.That(_two.Leader(Now), Is.EqualTo("one:3000"));
    }

    [Test]
    public void A_leader_that_does_not_reach_the_backend_leads_no_longer_before_anybody_else_can()
    {
        Round(_one, "one");
        Pass(4.4);
        Assert.That(_one.LeadsUntil(Now), Is.Not.Null);
        Pass(0.2);
        Assert.That((_one.LeadsUntil(Now), _one.Leader(Now)), Is.EqualTo(((TimeSpan?)null, (string?)null)));
        Round(_two, "two");
        Assert.That(_two.LeadsUntil(Now), Is.Null, "the lease still goes by the backend's clock");
        Pass(0.5);
        Round(_two, "two");
        Assert.That((_two.LeadsUntil(Now), _backend.Token), Is.EqualTo(((TimeSpan?)Seconds(109.6), 2L)));
    }

    [Test]
    public void An_answer_that_took_four_seconds_leaves_half_a_second_of_the_lease()
    {
        _backend.Hold("one", Term);
        var askedAt = Now;
        var row = _backend.Read(_one.Changes);
        Pass(4);
        _one.Heard(askedAt, Now, row);
        Assert.That(_one.LeadsUntil(Now), Is.EqualTo(Seconds(104.5)));
        Pass(0.5);
        Assert.That(_one.LeadsUntil(Now), Is.Null);
    }

    [Test]
    public void A_backend_whose_clock_was_put_back_gives_no_longer_lease_than_the_term()
    {
        Round(_one, "one");
        _backend.NowUs -= 3_600_000_000;
        _one.Heard(Now, Now, _backend.Read(_one.Changes));
        Assert.That(_one.LeadsUntil(Now), Is.EqualTo(Seconds(104.5)));
    }

    [Test]
    public void What_one_leader_throttled_the_next_one_throttles()
    {
        Round(_one, "one");
        Assert.That(Save(_one, "one", Throttle("archiver", 60_000)), Is.True);
        Assert.That(Save(_one, "one", new ThrottleCommand.SkipHost("db3", 1_000)), Is.True);
        Assert.That(_one.Throttled.Apps.Select(a => a.Key), Is.EqualTo(new[] { "archiver" }));
        Pass(6);
        Round(_two, "two");
        Assert.That(_two.Throttled.Apps, Is.EqualTo(_one.Throttled.Apps));
        Assert.That(_two.Throttled.Hosts, Is.Empty, "its second is over by the backend's clock");
        Pass(55);
        _two.End(Now);
        Assert.That(_two.Throttled.Apps, Is.Empty);
    }

    [Test]
    public void A_write_of_a_leader_that_slept_is_not_taken_once_another_has_begun()
    {
        Round(_one, "one");
        var late = _one.ChangeOf(Throttle("archiver"), Now);
        Pass(6);
        Round(_two, "two");
        Assert.That(_backend.Write("one", (BackendChange.Write)late), Is.False);
        Assert.That(_one.ChangeOf(Throttle("archiver"), Now), Is.EqualTo(new BackendChange.NotLeader()));
    }

    [Test]
    public void A_write_whose_outcome_is_not_known_is_read_before_the_next_one_counts()
    {
        Round(_one, "one");
        var first = (BackendChange.Write)_one.ChangeOf(Throttle("archiver"), Now);
        Assert.That(_backend.Write("one", first), Is.True, "and its answer is lost");
        Assert.That(Save(_one, "one", Throttle("importer")), Is.False, "made from what the backend no longer has");
        Round(_one, "one");
        Assert.That(Save(_one, "one", Throttle("importer")), Is.True);
        Assert.That(_one.Throttled.Apps.Select(a => a.Key), Is.EqualTo(new[] { "archiver", "importer" }));
    }

    [Test]
    public void The_same_node_gets_a_larger_token_when_it_comes_back_late()
    {
        Round(_one, "one");
        Pass(1);
        Round(_one, "one");
        Assert.That(_backend.Token, Is.EqualTo(1));
        Pass(6);
        Round(_one, "one");
        Assert.That(_backend.Token, Is.EqualTo(2));
    }

    [Test]
    public void Content_that_nobody_wrote_gives_no_leadership()
    {
        _backend.Hold("one", Term);
        _backend.Content = "app\tarchiver";
        Assert.That(() => _one.Heard(Now, Now, _backend.Read(_one.Changes)), Throws.TypeOf<FormatException>());
        Assert.That((_one.LeadsUntil(Now), _one.Changes), Is.EqualTo(((TimeSpan?)null, -1L)));
    }

    [Test]
    public void More_than_a_row_should_hold_is_refused_with_the_limit()
    {
        Round(_one, "one");
        BackendChange? last = null;
        for (var i = 0; i < ThrottleState.AppsMax && last is null; i++)
        {
            var change = _one.ChangeOf(Throttle($"{i}-{new string('x', 240)}"), Now);
            if (change is BackendChange.Write write) _one.Saved(write);
            else last = change;
        }

        Assert.That(last, Is.EqualTo(new BackendChange.Refused("a backend keeps at most 1000000 characters of throttled applications and skipped hosts")));
    }

    private static ThrottleCommand.ThrottleApp Throttle(string app, long? ttlMs = null) => new(app, "", ttlMs, null);

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    private void Pass(double seconds)
    {
        _now = Math.Round(_now + seconds, 3);
        _backend.NowUs += (long)(seconds * 1e6);
    }

    private void Round(BackendDesk desk, string holder)
    {
        _backend.Hold(holder, Term);
        desk.Heard(Now, Now, _backend.Read(desk.Changes));
    }

    private bool Save(BackendDesk desk, string holder, ThrottleCommand command)
    {
        if (desk.ChangeOf(command, Now) is not BackendChange.Write write || !_backend.Write(holder, write)) return false;
        desk.Saved(write);
        return true;
    }

    /// <summary>What the statements of Statements.Backend.cs do to the row; that real servers do the same is shown by BackendTests of the host.</summary>
    private sealed class ScriptedBackend
    {
        private static readonly string[] Columns = ["holder", "address", "token", "left_us", "now_us", "changes", "content"];
        private string _holder = "";
        private long _endsUs;
        private long _changes;

        public long NowUs { get; set; } = 800_000_000_000_000;
        public long Token { get; private set; }
        public string Content { get; set; } = "";

        public void Hold(string holder, TimeSpan term)
        {
            var isOver = _endsUs <= NowUs;
            if (_holder != holder && !isOver) return;
            Token = _holder == holder && !isOver ? Token : Token + 1;
            (_holder, _endsUs) = (holder, NowUs + (long)term.TotalMicroseconds);
        }

        public ResultTable Read(long known) => new(Columns,
            [[_holder, _holder + ":3000", Text(Token), Text(_endsUs - NowUs), Text(NowUs), Text(_changes), known == _changes ? null : Content]], 0);

        public bool Write(string holder, BackendChange.Write write)
        {
            if (_holder != holder || Token != write.Token || _changes != write.From || _endsUs <= NowUs) return false;
            (Content, _changes) = (write.Content, _changes + 1);
            return true;
        }

        private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
    }
}
