using System.Diagnostics.Metrics;
using Verify.Node.Codec;
using Verify.Node.Loop;
using Verify.Node.Peers;
using Verify.Node.Seam;
using Verify.Node.Tests.Fakes;
using Verify.Raft;

namespace Verify.Node.Tests.Peers;

/// <summary>Who is let in, and what is believed of what he says.</summary>
public sealed class HandshakeTests
{
    private static readonly GroupPicture Abc = new(Membership.OfVoters([new("a"), new("b"), new("c")]), new(20), IsCommitted: true, IsInQuorum: true);

    [Test]
    public void A_member_is_let_in_and_so_is_a_stranger_who_knows_a_later_membership()
    {
        Assert.That(Objection(Abc, Hello("b", index: 20)), Is.Null);
        Assert.That(Objection(Abc, Hello("d", index: 21)), Is.Null, "the leader may have come in while this node was away");
        Assert.That(Objection(new(Membership.None, LogIndex.Zero, IsCommitted: true, IsInQuorum: false), Hello("b", index: 20)), Is.Null, "a joiner believes its cluster");
    }

    [Test]
    public void Who_was_taken_out_is_told_but_only_by_a_node_that_can_be_sure()
    {
        Assert.That(Objection(Abc, Hello("d", index: 11))!.Kind, Is.EqualTo(RefusalKind.Removed));
        Assert.That(Objection(Abc, Hello("d", index: 20))!.Kind, Is.EqualTo(RefusalKind.Removed), "it has read of its removal itself");
        Assert.That(Objection(Abc with { IsCommitted = false }, Hello("d", index: 11))!.Kind, Is.EqualTo(RefusalKind.Other));
        Assert.That(Objection(Abc with { IsInQuorum = false }, Hello("d", index: 11))!.Kind, Is.EqualTo(RefusalKind.Other));
        Assert.That(Objection(Abc with { Index = LogIndex.Zero }, Hello("d", index: 0))!.Kind, Is.EqualTo(RefusalKind.Other), "a configuration that names another group");
    }

    [Test]
    public void Another_cluster_another_name_and_the_own_name_are_refused_with_a_reason()
    {
        Assert.That(Objection(Abc, Hello("b", index: 20) with { ClusterId = "other" })!.Why, Does.Contain("cluster 'other'"));
        Assert.That(Objection(Abc, Hello("b", index: 20) with { To = new("z") })!.Why, Does.Contain("looks for z"));
        Assert.That(Objection(Abc, Hello("a", index: 20))!.Why, Does.Contain("as this node does"));
    }

    [Test]
    public void A_node_that_is_told_to_refuse_version_1_refuses_it()
    {
        var old = Hello("b", index: 20) with { More = null };
        Assert.That(Objection(Abc, old), Is.Null);
        Assert.That(PeerHandshake.Objection(Config with { WireVersionMin = 2 }, Abc, old)!.Why, Does.Contain("only version 1"));
    }

    [Test]
    public void A_node_that_is_told_to_speak_only_version_3_refuses_the_release_before_in_both_directions()
    {
        var old = Hello("b", index: 20);
        old = old with { More = old.More! with { VersionMax = 2 } };
        Assert.That(Objection(Abc, old), Is.Null);
        Assert.That(PeerHandshake.Objection(Config with { WireVersionMin = 3 }, Abc, old)!.Why, Does.Contain("b speaks only version 2").And.Contain("upgrade b"));
        var cluster = FakeCluster.Settled(3, c => c.Self.Name is "b" ? c with { WireVersionMax = 2 } : c);
        cluster.Stop("c");
        cluster.Configure("c", c => c with { WireVersionMin = 3 });
        cluster.Start("c");
        cluster.World.RunFor(TimeSpan.FromSeconds(1));
        Assert.That((cluster.Node("c").Core.Mesh.VersionOf(new("a")), cluster.Node("c").Core.Mesh.VersionOf(new("b"))), Is.EqualTo((3, 0)));
        Assert.That(cluster.Log("c"), Has.Some.Contains("speaks only version 2"));
    }

    /// <summary>The asymmetric-partition scenario, live, 2026-11-21: a proxy closed the first dial, the network healed before the second, and two nodes of one release
    /// spoke version 1 from then on. The leases of that release are renewed by entries that version 1 does not know, so that node was sent no entry any more.</summary>
    [TestCase(1)]
    [TestCase(3)]
    public void A_connection_that_was_closed_by_the_network_is_not_taken_for_a_peer_of_an_old_release(int closed)
    {
        var cluster = FakeCluster.Settled(3);
        cluster.Stop("c");
        cluster.Network.CloseNext("c", "a", closed);
        cluster.Start("c");
        cluster.World.RunFor(TimeSpan.FromSeconds(1));
        Assert.That((cluster.Node("c").Core.Mesh.VersionOf(new("a")), cluster.Node("c").Core.Mesh.VersionOf(new("b"))), Is.EqualTo((3, 3)));
        Assert.That(cluster.Log("c"), Has.None.Contains("down"), "and not by way of a link that was up in version 1");
    }

    /// <summary>Swarm fleet 6214: bytes were garbled, both the greeting and its repetition were taken for those of an old release, and the peer had introduced
    /// itself long before. The leader could say nothing to it but heartbeats: it led, and committed nothing, for as long as the run went on.</summary>
    [Test]
    public void A_peer_that_was_misheard_twice_is_dialled_anew_because_it_has_shown_what_it_speaks()
    {
        var cluster = FakeCluster.Settled(3);
        cluster.Network.CloseSome("c", "a", true, false, true);
        cluster.Network.Break("c", "a");
        cluster.World.RunFor(TimeSpan.FromSeconds(2));
        Assert.That(cluster.Log("c"), Has.Some.Contains("it was heard to speak version 1, and it speaks 3"));
        Assert.That(cluster.Node("c").Core.Mesh.VersionOf(new("a")), Is.EqualTo(3));
    }

    /// <summary>Both misheard each other, and neither has anything newer to go by. After a while both greet anew.</summary>
    [Test]
    public void Two_who_misheard_each_other_greet_each_other_anew_after_a_while()
    {
        var cluster = FakeCluster.Settled(3);
        var leader = cluster.WaitForLeader();
        var follower = cluster.Names.First(n => n != leader);
        foreach (var (from, to) in new[] { (leader, follower), (follower, leader) })
        {
            // Of each greeting the repetition is lost too, until both have given up.
            cluster.Network.CloseSome(from, to, true, false, true, true, false, true);
            cluster.Network.Break(from, to);
        }

        cluster.World.RunFor(TimeSpan.FromSeconds(2));
        Assert.That((cluster.Node(leader).Core.Mesh.VersionOf(new(follower)), cluster.Node(follower).Core.Mesh.VersionOf(new(leader))), Is.EqualTo((1, 1)));
        cluster.World.RunFor(TimeSpan.FromSeconds(12));
        Assert.That((cluster.Node(leader).Core.Mesh.VersionOf(new(follower)), cluster.Node(follower).Core.Mesh.VersionOf(new(leader))), Is.EqualTo((3, 3)));
    }

    [TestCase("n1:10008", new[] { "n1" }, true)]
    [TestCase("n1:10008", new[] { "other", "N1:10008" }, true)]
    [TestCase("n1:10008", new[] { "n2" }, false)]
    [TestCase("n1:10008", new string[0], false)]
    [TestCase("n1:10008", new[] { "*" }, false)]
    public void A_certificate_speaks_for_its_names_only(string node, string[] names, bool isGood)
    {
        var objection = PeerIdentity.Objection(new CertifiedStream(names), new(node));
        Assert.That(objection is null, Is.EqualTo(isGood), objection);
        Assert.That(PeerIdentity.Objection(new MemoryStream(), new(node)), Is.Null, "a stream without a certificate proves nothing and is not asked");
    }

    [Test]
    public void A_frame_that_is_played_twice_ends_the_stream_is_counted_and_said_once()
    {
        using var refused = new RefusedLinks();
        var cluster = FakeCluster.Settled(3);
        for (var i = 0; i < 3; i++)
        {
            var (stream, seal) = Introduce(cluster, session: (ulong)i);
            var report = new WireWriter();
            PeerCodec.Write(report, new PeerFrame.Ping(7), new(), seal);
            cluster.World.Await(stream.WriteAsync(report.Written));
            cluster.World.RunFor(TimeSpan.FromMilliseconds(5));
            Assert.That(cluster.World.Await(stream.ReadAsync(new byte[100])), Is.GreaterThan(0), "the first time it is answered");
            cluster.World.Await(stream.WriteAsync(report.Written));
            cluster.World.RunFor(TimeSpan.FromMilliseconds(5));
            Assert.That(cluster.World.Await(stream.ReadAsync(new byte[100])), Is.Zero, "the second time the stream ends");
        }

        Assert.That(cluster.Log("a").Count(line => line.Contains("replayed", StringComparison.Ordinal)), Is.EqualTo(1));
        Assert.That(refused.Count("garbled or replayed"), Is.EqualTo(3));
        Assert.That(cluster.Put("a", "k", "v"), Is.InstanceOf<Verify.Node.Api.ApiReply.Done>());
    }

    [Test]
    public void What_was_recorded_in_one_session_is_refused_in_the_next()
    {
        var cluster = FakeCluster.Settled(3);
        var (_, seal) = Introduce(cluster, session: 5);
        var recorded = new WireWriter();
        PeerCodec.Write(recorded, new PeerFrame.Ping(7), new(), seal);
        var (stream, _) = Introduce(cluster, session: 5);
        cluster.World.Await(stream.WriteAsync(recorded.Written));
        cluster.World.RunFor(TimeSpan.FromMilliseconds(5));
        Assert.That(cluster.World.Await(stream.ReadAsync(new byte[100])), Is.Zero, "the other end drew another number");
    }

    [Test]
    public void A_node_of_another_cluster_is_refused_each_time_it_calls_counted_each_time_and_said_once()
    {
        using var refused = new RefusedLinks();
        var cluster = new FakeCluster(3, c => c.Self.Name is "c" ? c with { ClusterId = "other" } : c);
        cluster.World.RunFor(TimeSpan.FromSeconds(5));
        Assert.That(cluster.Log("a").Count(line => line.Contains("it is of cluster 'other', this is cluster 'verify'", StringComparison.Ordinal)), Is.EqualTo(1));
        Assert.That(refused.Count("handshake"), Is.GreaterThan(5), "it is refused by both, and both are refused by it");
    }

    /// <summary>What the nodes of this process count meanwhile.</summary>
    private sealed class RefusedLinks : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly Dictionary<string, long> _counts = new(StringComparer.Ordinal);

        public RefusedLinks()
        {
            _listener.InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Name is "verify_peer_links_refused") self.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
            {
                lock (_counts) _counts[$"{tags[0].Value}"] = _counts.GetValueOrDefault($"{tags[0].Value}") + value;
            });
            _listener.Start();
        }

        public long Count(string why)
        {
            lock (_counts) return _counts.GetValueOrDefault(why);
        }

        public void Dispose() => _listener.Dispose();
    }

    private static NodeConfig Config { get; } = new() { Self = new("a"), DataCenter = "dc", PeerBind = new("a", 10008), Members = [] };

    private static PeerFrame.Refused? Objection(GroupPicture group, PeerFrame.Hello hello) => PeerHandshake.Objection(Config, group, hello);

    private static PeerFrame.Hello Hello(string from, long index) => new("verify", new(from), "dc", new("a"))
    {
        More = new(new($"{from}:10008", "dc", "", ""), 1, 2, new(index), IsMember: true),
    };

    /// <summary>Somebody who says to a that he is b.</summary>
    private static (Stream Stream, FrameSeal Seal) Introduce(FakeCluster cluster, ulong session)
    {
        var stranger = cluster.Network.Of(new FakeHost(cluster.World), "stranger");
        var stream = cluster.World.Await(stranger.ConnectAsync(new("a", 10008), CancellationToken.None));
        var more = new Introduction(new("b:10008", "dc-b", "", ""), session, 2, LogIndex.Zero, IsMember: true);
        var hello = new WireWriter();
        PeerCodec.Write(hello, new PeerFrame.Hello("verify", new("b"), "dc-b", new("a")) { More = more }, new(), FrameSeal.Plain(2));
        cluster.World.Await(stream.WriteAsync(hello.Written));
        cluster.World.RunFor(TimeSpan.FromMilliseconds(5));
        var buffer = new FrameBuffer(1 << 20) { Seal = FrameSeal.OfAnswer(session) };
        buffer.Filled(cluster.World.Await(stream.ReadAsync(buffer.Space)));
        Assert.That(buffer.TryTake(out var answer), Is.True);
        return (stream, FrameSeal.OfSession(2, session, ((PeerFrame.Welcome)answer!).More!.Session, fromDialler: true));
    }

    private sealed class CertifiedStream(string[] names) : MemoryStream, ICertifiedStream
    {
        public IReadOnlyList<string> Names => names;
    }
}
