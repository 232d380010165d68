using System.Net;
using System.Net.Sockets;
using Verify.Client.Http;
using Verify.Client.Tests.Fakes;

namespace Verify.Client.Tests;

/// <summary>How the client finds the node that leads, and what it does while there is none.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class LeaderStories
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
    public async Task A_follower_that_names_the_leader_is_not_asked_again()
    {
        var leader = Node(_group.Write);
        var follower = Node(r => r.Path == "/cluster/leader"
            ? FakeGroup.Json(200, new { leader_id = "n1", leader_addr = "n1:7000", leader_api = leader.Uri.Authority, is_self = false }) : _group.Write(r));
        using var client = Client(follower);
        for (var i = 0; i < 5; i++) await client.Kv.PutAsync("a", $"{i}");
        Assert.That(leader.Asked, Has.Count.EqualTo(5));
        Assert.That(follower.Asked, Is.Empty);
    }

    [Test]
    public async Task A_redirect_is_followed_and_remembered()
    {
        var leader = Node(_group.Write);
        var follower = Node(r => r.Path == "/cluster/leader" ? FakeGroup.NoLeader()
            : FakeGroup.Json(307, new { error = "not leader" }, ("Location", new Uri(leader.Uri, r.Path).ToString())));
        using var client = Client(follower);
        for (var i = 0; i < 3; i++) await client.Kv.PutAsync("a", $"{i}");
        Assert.That((follower.Asked.Count, leader.Asked.Count), Is.EqualTo((1, 3)));
        Assert.That(client.Leader, Is.EqualTo(leader.Uri));
    }

    [Test]
    public async Task Two_nodes_that_send_the_client_to_one_another_do_not_hold_it_for_ever()
    {
        FakeNode second = null!;
        var first = Node(r => FakeGroup.Json(307, new { error = "not leader" }, ("Location", new Uri(second.Uri, r.Path).ToString())));
        second = Node(r => FakeGroup.Json(307, new { error = "not leader" }, ("Location", new Uri(first.Uri, r.Path).ToString())));
        using var client = Client(o => o with { Deadline = TimeSpan.FromMilliseconds(300) }, first, second);
        await Assert.ThrowsAsync<NoLeaderException>(() => client.Kv.PutAsync("a", "1"));
    }

    [Test]
    public async Task A_leader_that_is_gone_is_forgotten_and_the_others_are_asked()
    {
        var others = new[] { Node(_group.Write), Node(_group.Write) };
        var leader = Node(_group.Write, isLeader: true);
        using var client = Client([leader, .. others]);
        await client.Kv.PutAsync("a", "1");
        Assert.That(client.Leader, Is.EqualTo(leader.Uri));
        await leader.DisposeAsync();
        _nodes.Remove(leader);
        await client.Kv.PutAsync("a", "2");
        Assert.That(others.Sum(n => n.Asked.Count), Is.EqualTo(1));
    }

    [Test]
    public async Task Nobody_listens_and_the_message_says_where_it_was_tried()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        using var client = new VerifyClient(new() { Endpoints = [new Uri($"http://127.0.0.1:{port}/")], Deadline = TimeSpan.FromMilliseconds(200) });
        var none = (await Assert.ThrowsAsync<NoNodeReachableException>(() => client.Kv.PutAsync("a", "1")))!;
        Assert.That(none.Message, Does.Contain($"127.0.0.1:{port}"));
    }

    [Test]
    public async Task Nodes_without_a_leader_are_told_apart_from_nodes_that_cannot_be_reached()
    {
        using var client = Client(o => o with { Deadline = TimeSpan.FromMilliseconds(200) }, Node(_ => FakeGroup.NoLeader()), Node(_ => FakeGroup.NoLeader()));
        await Assert.ThrowsAsync<NoLeaderException>(() => client.Kv.PutAsync("a", "1"));
        Assert.That(_nodes.Select(n => n.Asked.Count), Is.All.GreaterThan(0), "each node was asked");
    }

    [Test]
    public async Task Stale_reads_take_turns_among_the_nodes()
    {
        FakeAnswer Read(FakeRequest r) => FakeGroup.Json(200, new { key = "a", value = "1", modify_index = 5, create_index = 4, flags = 7, applied_index = 9, age_ms = 12 });
        using var client = Client(Node(Read), Node(Read), Node(Read));
        for (var i = 0; i < 6; i++)
        {
            var read = await client.Kv.GetAsync("a", Freshness.Stale);
            Assert.That(read, Is.EqualTo(new KvRead(new("a", "1", 5, 4, 7), 9, TimeSpan.FromMilliseconds(12))));
        }

        Assert.That(_nodes.Select(n => n.Asked.Count), Is.All.EqualTo(2));
    }

    [Test]
    public async Task A_key_that_is_not_there_is_a_result()
    {
        using var client = Client(Node(_ => FakeGroup.Json(404, new { error = "not found", message = "no such key", applied_index = 3 })));
        Assert.That(await client.Kv.GetAsync("gone"), Is.EqualTo(new KvRead(null, 3, null)));
    }

    [Test]
    public async Task Any_text_can_be_a_key()
    {
        using var client = Client(Node(_group.Write));
        await client.Kv.PutAsync("a dir/ä?#%&+", "1");
        Assert.That(Uri.UnescapeDataString(_nodes[0].Asked.Single().Path), Is.EqualTo("/kv/a dir/ä?#%&+"));
        Assert.That(_nodes[0].Asked.Single().Path.Split('/'), Has.Length.EqualTo(4), "the slash of the key stays a slash");
    }

    [Test]
    public void A_node_with_TLS_cannot_lead_the_client_into_the_open()
    {
        var ring = new EndpointRing([new("https://127.0.0.1:1/")]);
        Assert.That(ring.Believe(new("http://127.0.0.1:2/"), toldBy: new("https://127.0.0.1:1/")), Is.False);
        Assert.That(ring.Leader, Is.Null);
        Assert.That(ring.Believe(new("https://127.0.0.1:2/kv/a?x"), toldBy: new("https://127.0.0.1:1/")), Is.True);
        Assert.That(ring.Leader, Is.EqualTo(new Uri("https://127.0.0.1:2/")));
    }

    private FakeNode Node(Func<FakeRequest, FakeAnswer> answer, bool isLeader = false)
    {
        var node = new FakeNode(request => isLeader && request.Path == "/cluster/leader"
            ? FakeGroup.Json(200, new { leader_id = "n1", leader_addr = "n1:7000", leader_api = "", is_self = true })
            : request.Path == "/cluster/leader" && answer == _group.Write ? FakeGroup.NoLeader() : answer(request));
        _nodes.Add(node);
        return node;
    }

    private static VerifyClient Client(params FakeNode[] nodes) => Client(o => o, nodes);

    private static VerifyClient Client(Func<ClientOptions, ClientOptions> change, params FakeNode[] nodes) => new(change(new()
    {
        Endpoints = [.. nodes.Select(n => n.Uri)], Deadline = TimeSpan.FromSeconds(20), PauseMin = TimeSpan.FromMilliseconds(1),
    }));
}
