using System.Text;
using Verify.Node.Api;
using Verify.Node.Seam;
using Verify.Node.State.Catalogue;
using Verify.Node.Tests.Fakes;

namespace Verify.Node.Tests.Catalogue;

/// <summary>The catalogue in a group of nodes: forwarding, expiry, checks that are run, and what becomes of them when their node dies.</summary>
public sealed class CatalogueGroupTests
{
    [Test]
    public void A_registration_through_a_follower_is_the_same_on_all_nodes_and_a_follower_reads_its_own_write()
    {
        var cluster = FakeCluster.Settled(3);
        var follower = Followers(cluster)[0];
        Assert.That(cluster.Ask(follower, new ApiRequest.RegisterService(Spec("web-1", follower), null, null)), Is.InstanceOf<ApiReply.Done>());
        var read = (ApiReply.Services)cluster.Ask(follower, new ApiRequest.QueryServices(new() { Name = "web" }, ReadConsistency.Consistent));
        Assert.That(read.Instances.Select(i => i.Id), Is.EqualTo(new[] { "web-1" }));
        cluster.World.RunUntil(() => cluster.Names.Select(n => cluster.Node(n).StateHash).Distinct().Count() == 1, TimeSpan.FromSeconds(5), "the same state everywhere");
    }

    [Test]
    public void A_service_that_falls_silent_goes_on_all_nodes_after_its_time_and_never_before_it()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        cluster.Ask(leader, new ApiRequest.RegisterService(Spec("web-1", "a") with { TtlMs = 2000 }, null, null));
        var began = cluster.World.Now;
        cluster.World.RunUntil(() => cluster.Names.All(n => Local(cluster, n).Length == 0), TimeSpan.FromSeconds(10), "the instance to end");
        Assert.That(TimeSpan.FromTicks(cluster.World.Now - began).TotalMilliseconds, Is.InRange(1990, 2600));
    }

    [Test]
    public void A_leader_that_dies_makes_an_expiry_late_and_never_early()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        cluster.Ask(leader, new ApiRequest.RegisterService(Spec("web-1", Followers(cluster)[0]) with { TtlMs = 3000 }, null, null));
        var began = cluster.World.Now;
        cluster.Kill(leader);
        cluster.WaitForLeader();
        cluster.World.RunUntil(() => cluster.Running.All(n => Local(cluster, n).Length == 0), TimeSpan.FromSeconds(20), "the instance to end");
        Assert.That(TimeSpan.FromTicks(cluster.World.Now - began).TotalMilliseconds, Is.InRange(2990, 6000));
    }

    [Test]
    public void The_owner_runs_a_check_over_HTTP_and_only_what_changes_goes_into_the_log()
    {
        var cluster = FakeCluster.Settled(3);
        var status = "200 OK";
        Serve(cluster, new("a", 8080), () => status);
        var spec = Spec("web-1", "a") with { Checks = [new() { Id = "h", Name = "h", Kind = CheckKind.Http, Target = "http://a:8080/health", IntervalMs = 200, TimeoutMs = 150 }] };
        cluster.Ask("b", new ApiRequest.RegisterService(spec, null, null));
        RunUntil(cluster, CheckStatus.Passing);
        cluster.World.RunFor(TimeSpan.FromSeconds(2)); // Meanwhile the members have told each other their addresses.
        var before = cluster.Raft("a").Last.Index.Value;
        cluster.World.RunFor(TimeSpan.FromSeconds(3));
        Assert.That(cluster.Raft("a").Last.Index.Value, Is.EqualTo(before), "15 runs that say the same write nothing");
        status = "429 Too Many Requests";
        RunUntil(cluster, CheckStatus.Warning);
        status = "503 Service Unavailable";
        RunUntil(cluster, CheckStatus.Critical);
        Assert.That(Local(cluster, "c")[0].Checks[0].Output, Does.Contain("503"));
    }

    [Test]
    public void When_the_owner_dies_its_checks_are_critical_within_the_bound_and_another_node_takes_them_over()
    {
        var cluster = FakeCluster.Settled(3, config => config with { Catalogue = config.Catalogue with { OwnerGoneAfter = TimeSpan.FromSeconds(2) } });
        var owner = Followers(cluster)[0];
        var other = Followers(cluster)[1];
        Serve(cluster, new(other, 9000), () => "200 OK");
        var spec = Spec("web-1", owner) with { Checks = [new() { Id = "t", Name = "t", Kind = CheckKind.Tcp, Target = $"{other}:9000", IntervalMs = 500, TimeoutMs = 400 }] };
        cluster.Ask(other, new ApiRequest.RegisterService(spec, null, null));
        RunUntil(cluster, CheckStatus.Passing);
        cluster.Kill(owner);
        var began = cluster.World.Now;
        cluster.World.RunUntil(() => Local(cluster, other) is [{ Status: CheckStatus.Critical } i] && i.Checks[0].Output.Contains("away"), TimeSpan.FromSeconds(10), "the check to be critical");
        Assert.That(TimeSpan.FromTicks(cluster.World.Now - began).TotalMilliseconds, Is.InRange(2000, 3500));
        cluster.World.RunUntil(() => Local(cluster, other) is [{ Status: CheckStatus.Passing } i] && i.Spec.Node != owner, TimeSpan.FromSeconds(10), "the heir's first result");
    }

    [Test]
    public void A_question_that_waits_is_answered_by_the_change_it_waits_for_and_not_by_another()
    {
        var cluster = FakeCluster.Settled(3);
        var follower = Followers(cluster)[0];
        cluster.Ask(follower, new ApiRequest.RegisterService(Spec("web-1", "a"), null, null));
        var index = ((ApiReply.Services)cluster.Ask(follower, new ApiRequest.QueryServices(new() { Name = "web" }, ReadConsistency.Consistent))).Index;
        var waits = cluster.Node(follower).AskAsync(new ApiRequest.AwaitServices("web", index, TimeSpan.FromSeconds(60))).AsTask();
        cluster.Ask(follower, new ApiRequest.RegisterService(Spec("api-1", "a") with { Name = "api" }, null, null));
        cluster.World.RunFor(TimeSpan.FromMilliseconds(200));
        Assert.That(waits.IsCompleted, Is.False, "another service is none of its business");
        cluster.Ask(follower, new ApiRequest.DeregisterService("web", null, null, null));
        cluster.World.RunUntil(() => waits.IsCompleted, TimeSpan.FromSeconds(1), "the answer");
        Assert.That(((ApiReply.Done)waits.Result).ModifyIndex, Is.GreaterThan(index));
        var began = cluster.World.Now;
        cluster.Ask(follower, new ApiRequest.AwaitServices("web", 1_000_000, TimeSpan.FromMilliseconds(300)));
        Assert.That(TimeSpan.FromTicks(cluster.World.Now - began).TotalMilliseconds, Is.InRange(299, 400));
    }

    [Test]
    public void Picks_go_round_follow_reports_and_leave_out_what_does_not_pass()
    {
        var cluster = FakeCluster.Settled(1);
        foreach (var id in new[] { "web-1", "web-2", "web-3" }) cluster.Ask("a", new ApiRequest.RegisterService(Spec(id, "a"), null, null));
        cluster.Ask("a", new ApiRequest.RegisterService(Spec("web-4", "a") with { Checks = [new() { Id = "t", Name = "t", Kind = CheckKind.Ttl, TtlMs = 10_000 }] }, null, null));
        Assert.That(Enumerable.Range(0, 6).Select(_ => Pick(cluster, null)), Is.EqualTo(new[] { "web-1", "web-2", "web-3", "web-1", "web-2", "web-3" }));
        foreach (var (id, connections) in new[] { ("web-1", 10L), ("web-2", 2L), ("web-3", 3L) }) cluster.Ask("a", new ApiRequest.ServiceHeartbeat(null, id, connections));
        Assert.That(Enumerable.Range(0, 4).Select(_ => Pick(cluster, PickStrategy.LeastConnections)), Is.EqualTo(new[] { "web-2", "web-2", "web-3", "web-2" }), "2, 3, then 4 against 3, then 4 against 4");
        cluster.Ask("a", new ApiRequest.ServiceHeartbeat(null, "web-1", 0));
        Assert.That(Pick(cluster, PickStrategy.LeastConnections), Is.EqualTo("web-1"), "it says itself that they have gone");
        Assert.That(Enumerable.Range(0, 60).Select(_ => Pick(cluster, PickStrategy.Random)).Distinct(StringComparer.Ordinal).Count(), Is.EqualTo(3));
        Assert.That(cluster.Ask("a", new ApiRequest.SetPickStrategy(PickStrategy.LeastConnections)), Is.InstanceOf<ApiReply.Done>());
        Assert.That(((ApiReply.Services)cluster.Ask("a", new ApiRequest.PickService(new() { Name = "web" }, null, ReadConsistency.Stale))).Strategy, Is.EqualTo(PickStrategy.LeastConnections));
    }

    [Test]
    public void A_heartbeat_by_name_must_say_which_of_several_it_means()
    {
        var cluster = FakeCluster.Settled(1);
        cluster.Ask("a", new ApiRequest.RegisterService(Spec("web-1", "a"), null, null));
        Assert.That(cluster.Ask("a", new ApiRequest.ServiceHeartbeat("web", null, null)), Is.InstanceOf<ApiReply.Done>(), "there is only one");
        cluster.Ask("a", new ApiRequest.RegisterService(Spec("web-2", "a"), null, null));
        Assert.That(cluster.Ask("a", new ApiRequest.ServiceHeartbeat("web", null, null)), Is.InstanceOf<ApiReply.Refused>().With.Property("Why").Contains("?id="));
        Assert.That(cluster.Ask("a", new ApiRequest.ServiceHeartbeat("web", "web-2", null)), Is.InstanceOf<ApiReply.Done>());
        Assert.That(cluster.Ask("a", new ApiRequest.ServiceHeartbeat("none", null, null)), Is.InstanceOf<ApiReply.NotFound>());
    }

    [TestCase("https://h/", CheckKind.Http)]
    [TestCase("h:99999", CheckKind.Tcp)]
    [TestCase("http://h/\r\nEvil: 1", CheckKind.Http)]
    public void A_check_that_cannot_be_run_is_refused_with_its_place(string target, CheckKind kind)
    {
        var cluster = FakeCluster.Settled(1);
        var spec = Spec("web-1", "a") with { Checks = [new() { Id = "t", Name = "t", Kind = kind, Target = target }] };
        Assert.That(cluster.Ask("a", new ApiRequest.RegisterService(spec, null, null)), Is.InstanceOf<ApiReply.Refused>().With.Property("Why").StartsWith("check 1: "));
    }

    private static void RunUntil(FakeCluster cluster, CheckStatus status) =>
        cluster.World.RunUntil(() => cluster.Running.All(n => Local(cluster, n) is [var one] && one.Status == status), TimeSpan.FromSeconds(10), $"{status} everywhere");

    private static string Pick(FakeCluster cluster, PickStrategy? strategy) =>
        ((ApiReply.Services)cluster.Ask("a", new ApiRequest.PickService(new() { Name = "web" }, strategy, ReadConsistency.Stale))).Instances[0].Id;

    private static ServiceInstance[] Local(FakeCluster cluster, string node) => [.. cluster.Node(node).Core.State.Catalogue.All];

    private static string[] Followers(FakeCluster cluster) => [.. cluster.Names.Where(n => n != cluster.WaitForLeader())];

    private static ServiceSpec Spec(string id, string node) => new() { Id = id, Name = "web", Address = "10.0.0.1", Port = 80, Node = node };

    /// <summary>A service on this machine that answers every request with this status.</summary>
    private static void Serve(FakeCluster cluster, Endpoint at, Func<string> status)
    {
        var listener = cluster.Network.Of(cluster.Host(at.Host), at.Host).Listen(at);
        _ = AcceptAsync();

        async Task AcceptAsync()
        {
            while (await listener.AcceptAsync() is { } stream) _ = AnswerAsync(stream);
        }

        async Task AnswerAsync(Stream stream)
        {
            try
            {
                var buffer = new byte[2048];
                if (await stream.ReadAsync(buffer) > 0) await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status()}\r\nContent-Length: 2\r\n\r\nhi"));
                await stream.DisposeAsync();
            }
            catch (IOException)
            {
                // The checker has gone.
            }
        }
    }
}
