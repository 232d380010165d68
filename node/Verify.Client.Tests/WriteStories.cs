using System.Diagnostics;
using Verify.Client.Tests.Fakes;

namespace Verify.Client.Tests;

/// <summary>What may go wrong with a write, and what the caller is told.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class WriteStories
{
    private readonly FakeGroup _group = new();
    private readonly List<FakeNode> _nodes = [];

    [TearDown]
    public async Task CloseAsync()
    {
        foreach (var node in _nodes) await node.DisposeAsync();
        _nodes.Clear();
    }

    [Test]
    public async Task A_write_whose_answer_was_lost_is_sent_again_under_the_same_id_and_applied_once()
    {
        var lost = 0;
        using var client = Client(Node(request =>
        {
            var answer = _group.Write(request);
            return lost++ == 0 ? FakeAnswer.HangUp : answer;
        }));
        Assert.That(await client.Kv.PutAsync("a", "1"), Is.InstanceOf<KvWrite.Written>());
        Assert.That(_group.Applied, Has.Count.EqualTo(1));
        Assert.That(_group.SentCount(_group.Applied.Single()), Is.EqualTo(2));
    }

    [Test]
    public async Task A_node_that_is_silent_does_not_hold_a_write_up_for_longer_than_one_attempt()
    {
        var silent = Node(_ => FakeAnswer.Silence);
        var good = Node(_group.Write);
        using var client = Client(o => o with { AttemptTimeout = TimeSpan.FromMilliseconds(200) }, silent, good);
        Assert.That(await client.Kv.PutAsync("a", "1"), Is.InstanceOf<KvWrite.Written>());
        Assert.That(good.Asked.Single().Headers["X-Verify-Session"], Is.EqualTo(silent.Asked.Single().Headers["X-Verify-Session"]));
    }

    [Test]
    public async Task The_outcome_unknown_is_asked_for_until_it_is_known()
    {
        var times = 0;
        using var client = Client(Node(request => ++times < 4 ? FakeGroup.Json(504, new { error = "outcome unknown", message = "the leader changed" }) : _group.Write(request)));
        Assert.That(await client.Kv.PutAsync("a", "1"), Is.InstanceOf<KvWrite.Written>());
        Assert.That(_nodes[0].Asked.Select(r => r.Headers["X-Verify-Sequence"]), Is.All.EqualTo("1"));
    }

    [Test]
    public async Task An_outcome_that_stays_unknown_is_called_unknown_and_can_be_resolved_later_under_the_same_id()
    {
        var isBroken = true;
        using var client = Client(o => o with { Deadline = TimeSpan.FromMilliseconds(300) }, Node(request =>
        {
            var answer = _group.Write(request);
            return isBroken ? FakeAnswer.HangUp : answer;
        }));
        var unknown = (await Assert.ThrowsAsync<OutcomeUnknownException>(() => client.Kv.PutAsync("a", "1")))!;
        isBroken = false;
        Assert.That(await client.Kv.ResolveAsync(unknown.Write!), Is.InstanceOf<KvWrite.Written>());
        Assert.That(_group.Applied, Has.Count.EqualTo(1));

        // The session of an unknown outcome is not used for the next write: its number would hide the outcome for ever.
        await client.Kv.PutAsync("b", "2");
        Assert.That(_group.Applied.Select(a => a.Split('/')[0]).Distinct(StringComparer.Ordinal).Count(), Is.EqualTo(2));
    }

    [Test]
    public async Task A_refusal_after_an_attempt_that_may_have_worked_is_reported_as_unknown_and_not_as_refused()
    {
        var times = 0;
        using var client = Client(Node(_ => ++times == 1 ? FakeAnswer.HangUp : FakeGroup.Json(400, new { error = "refused", message = "session has gone on" })));
        var unknown = (await Assert.ThrowsAsync<OutcomeUnknownException>(() => client.Kv.PutAsync("a", "1")))!;
        Assert.That(unknown.Message, Does.Contain("session has gone on"));
    }

    [Test]
    public async Task A_refusal_of_the_first_attempt_is_a_refusal()
    {
        using var client = Client(Node(_ => FakeGroup.Json(413, new { error = "refused", message = "the value is too large" })));
        var refused = (await Assert.ThrowsAsync<RefusedException>(() => client.Kv.PutAsync("a", "1")))!;
        Assert.That((refused.Status, refused.Message), Is.EqualTo((413, "the value is too large")));
        Assert.That(_nodes[0].Asked, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_full_disk_is_waited_for_and_named_when_it_stays_full()
    {
        var times = 0;
        var full = FakeGroup.Json(507, new { error = "refused", message = "disk full: 0 bytes free" });
        using var patient = Client(Node(request => ++times < 3 ? full : _group.Write(request)));
        Assert.That(await patient.Kv.PutAsync("a", "1"), Is.InstanceOf<KvWrite.Written>());
        using var hasty = Client(o => o with { Deadline = TimeSpan.FromMilliseconds(200) }, Node(_ => full));
        Assert.That((await Assert.ThrowsAsync<RefusedException>(() => hasty.Kv.PutAsync("a", "1")))!.Message, Does.Contain("disk full"));
    }

    [Test]
    public async Task Concurrent_writes_use_sessions_of_their_own_and_later_writes_use_them_again()
    {
        using var arrived = new CountdownEvent(8);
        using var client = Client(Node(request =>
        {
            if (!arrived.IsSet) arrived.Signal();
            return _group.Write(request);
        }));
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => client.Kv.PutAsync($"k{i}", "1")));
        for (var i = 0; i < 20; i++) await client.Kv.PutAsync($"again{i}", "2");
        var ids = _group.Applied.ToList();
        Assert.That(ids, Is.Unique);
        Assert.That(ids, Has.Count.EqualTo(28));
        Assert.That(ids.Select(i => i.Split('/')[0]).Distinct(StringComparer.Ordinal).Count(), Is.LessThanOrEqualTo(8));
    }

    [Test]
    public async Task A_compare_and_set_that_lost_is_a_result_and_no_failure()
    {
        using var client = Client(Node(_ => FakeGroup.Json(409, new { error = "CAS conflict", modify_index = 17 })));
        Assert.That(await client.Kv.PutAsync("a", "1", expectedIndex: 3), Is.EqualTo(new KvWrite.Conflict(17)));
        Assert.That(_nodes[0].Asked.Single().Body, Is.EqualTo("""{"value":"1","cas":3}"""));
    }

    [Test]
    public async Task A_caller_who_loses_patience_gets_the_write_to_resolve_it_later()
    {
        var isBroken = true;
        using var client = Client(Node(request => isBroken ? FakeAnswer.Silence : _group.Write(request)));
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(150));
        var unknown = (await Assert.ThrowsAsync<OutcomeUnknownException>(() => client.Kv.PutAsync("a", "1", cancel: patience.Token)))!;
        isBroken = false;
        Assert.That(await client.Kv.ResolveAsync(unknown.Write!), Is.InstanceOf<KvWrite.Written>());
    }

    /// <summary>The nodes promise to remember a session for two minutes after its last write; a repetition after that is a second write.</summary>
    [Test]
    public async Task A_write_is_not_sent_again_when_the_nodes_may_have_forgotten_it()
    {
        var (clock, isBroken) = (new ClockAhead(), true);
        using var client = Client(o => o with { Deadline = TimeSpan.FromMilliseconds(300), Time = clock }, Node(request =>
        {
            var answer = _group.Write(request);
            return isBroken ? FakeAnswer.HangUp : answer;
        }));
        var unknown = (await Assert.ThrowsAsync<OutcomeUnknownException>(() => client.Kv.PutAsync("a", "1")))!;
        isBroken = false;
        clock.Ahead = TimeSpan.FromSeconds(61);
        var sent = _nodes[0].Asked.Count;
        var late = (await Assert.ThrowsAsync<OutcomeUnknownException>(() => client.Kv.ResolveAsync(unknown.Write!)))!;
        Assert.That(late.Message, Does.Contain("more than 60 s ago"));
        Assert.That((_nodes[0].Asked.Count, _group.Applied.Count), Is.EqualTo((sent, 1)));
    }

    [Test]
    public async Task However_patient_a_client_is_it_gives_a_write_up_after_a_minute()
    {
        var clock = new ClockAhead();
        using var client = Client(o => o with { Deadline = TimeSpan.FromHours(1), Time = clock }, Node(request =>
        {
            _group.Write(request);
            clock.Ahead += TimeSpan.FromSeconds(25);
            return FakeAnswer.HangUp;
        }));
        await Assert.ThrowsAsync<OutcomeUnknownException>(() => client.Kv.PutAsync("a", "1"));
        Assert.That((_nodes[0].Asked.Count, _group.Applied.Count), Is.EqualTo((3, 1)), "sent at 0, 25 and 50 s");
    }

    [Test]
    public async Task A_change_of_the_group_whose_answer_was_lost_is_not_sent_again()
    {
        using var client = Client(Node(_ => FakeAnswer.HangUp));
        var unknown = (await Assert.ThrowsAsync<OutcomeUnknownException>(() => client.Cluster.JoinAsync("n4", "127.0.0.1:7000")))!;
        Assert.That(unknown.Write, Is.Null);
        Assert.That(_nodes[0].Asked, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_change_of_the_group_that_was_certainly_not_done_is_sent_again()
    {
        var times = 0;
        using var client = Client(Node(r => r.Path == "/cluster/leader" || ++times < 3 ? FakeGroup.NoLeader() : FakeGroup.Json(200, new { status = "ok" })));
        await client.Cluster.LeaveAsync("n3");
        Assert.That(_nodes[0].Asked, Has.Count.EqualTo(3));
    }

    [TestCase("Retry-After", "1", 900)]
    [TestCase("X-Verify-Retry-After-Ms", "150", 140)]
    public async Task An_overloaded_node_is_left_alone_for_as_long_as_it_asked(string header, string value, int waitedMsMin)
    {
        var times = 0;
        using var client = Client(Node(r => ++times == 1 ? FakeGroup.Json(429, new { error = "overloaded", message = "the queue is full" }, (header, value)) : _group.Write(r)));
        var clock = Stopwatch.StartNew();
        await client.Kv.PutAsync("a", "1");
        Assert.That(clock.ElapsedMilliseconds, Is.GreaterThanOrEqualTo(waitedMsMin));
    }

    /// <summary>As when the group remembers as many sessions as it can: the caller hears that, and that nothing was done.</summary>
    [Test]
    public async Task A_group_that_stays_overloaded_is_named_with_its_reason()
    {
        using var client = Client(o => o with { Deadline = TimeSpan.FromMilliseconds(200) }, Node(_ => FakeGroup.Json(429, new { error = "overloaded", message = "no more sessions are remembered" }, ("X-Verify-Retry-After-Ms", "60000"))));
        var refused = (await Assert.ThrowsAsync<RefusedException>(() => client.Kv.PutAsync("a", "1")))!;
        Assert.That((refused.Status, refused.Message), Is.EqualTo((429, "no more sessions are remembered")));
    }

    private FakeNode Node(Func<FakeRequest, FakeAnswer> answer)
    {
        var node = new FakeNode(request => request.Path == "/cluster/leader" ? FakeGroup.NoLeader() : answer(request));
        _nodes.Add(node);
        return node;
    }

    /// <summary>The machine's clock, and further on as it is told.</summary>
    private sealed class ClockAhead : TimeProvider
    {
        public TimeSpan Ahead { get; set; }

        public override long GetTimestamp() => base.GetTimestamp() + (long)(Ahead.TotalSeconds * TimestampFrequency);
    }

    private static VerifyClient Client(params FakeNode[] nodes) => Client(o => o, nodes);

    private static VerifyClient Client(Func<ClientOptions, ClientOptions> change, params FakeNode[] nodes) => new(change(new()
    {
        Endpoints = [.. nodes.Select(n => n.Uri)],
        AttemptTimeout = TimeSpan.FromSeconds(5),
        Deadline = TimeSpan.FromSeconds(20),
        PauseMin = TimeSpan.FromMilliseconds(1),
    }));
}
