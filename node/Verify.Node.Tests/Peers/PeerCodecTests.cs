using System.Collections.Immutable;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Verify.Node.Api;
using Verify.Node.Codec;
using Verify.Node.Peers;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Node.State.Ledger;
using Verify.Raft;

namespace Verify.Node.Tests.Peers;

/// <summary>The bytes between nodes.</summary>
public sealed class PeerCodecTests
{
    private static readonly (string Name, PeerFrame Frame)[] One =
    [
        ("hello", new PeerFrame.Hello("verify", new("n1:10008"), "east", new("n2:10008"))),
        ("welcome", new PeerFrame.Welcome(new("n2:10008"))),
        ("refused", new PeerFrame.Refused("why")),
        ("ping", new PeerFrame.Ping(1)),
        ("pong", new PeerFrame.Pong(300)),
        ("raft-vote-request", new PeerFrame.Raft(new(5), new Message.VoteRequest(Id(4, 17), IsPreVote: true, IsTransfer: false))),
        ("raft-vote-reply", new PeerFrame.Raft(new(5), new Message.VoteReply(Granted: true, IsPreVote: false))),
        ("raft-append", new PeerFrame.Raft(new(5), new Message.Append(Id(4, 17),
            [new(Id(4, 18), EntryKind.Command, Encoding.UTF8.GetBytes("cmd")), new(Id(5, 19), EntryKind.Barrier, default)], new(16), 9))),
        ("raft-append-reply", new PeerFrame.Raft(new(5), new Message.AppendReply(Accepted: false, Id(3, 12), new(17), 9))),
        ("raft-timeout-now", new PeerFrame.Raft(new(5), new Message.TimeoutNow())),
        ("report", new PeerFrame.Report(new byte[] { 1, 2, 3 })),
        ("request-put", Asks(new ApiRequest.KvPut("key", Encoding.UTF8.GetBytes("value"), 42, 0, new RequestId("s", 7)))),
        ("request-delete", Asks(new ApiRequest.KvDelete("key", null, null))),
        ("request-get", Asks(new ApiRequest.KvGet("key", ReadConsistency.Consistent))),
        ("request-analysis", Asks(new ApiRequest.ReplicationAnalysis())),
        ("request-transfer", Asks(new ApiRequest.TransferLeadership(new("n2:10008")))),
        ("request-ha", new PeerFrame.Request(8, new LeaderRequest.Ha(new HaCommand.RenewLease("main", new("db1", 3306), "n1:10008", new(77))))),
        ("reply-done", Says(new ApiReply.Done(4711))),
        ("reply-value", Says(new ApiReply.Value(new("key", Encoding.UTF8.GetBytes("value"), 42, 3, 9), 12))),
        ("reply-not-found", Says(new ApiReply.NotFound(12))),
        ("reply-cas-conflict", Says(new ApiReply.CasConflict(9))),
        ("reply-analysis", Says(new ApiReply.Analysis(
            [new("main", new("db1", 3306), "DeadMaster", "it is dead", [new("n1:10008", "down", 120, "refused")])]))),
        ("reply-no-leader", Says(new ApiReply.NoLeader(TimeSpan.FromMilliseconds(250)))),
        ("reply-overloaded", Says(new ApiReply.Overloaded("full", TimeSpan.FromSeconds(1)))),
        ("reply-unknown", Says(new ApiReply.Unknown("the leader changed"))),
        ("reply-refused", Says(new ApiReply.Refused("disk full"))),
        ("reply-ha-done", new PeerFrame.Reply(8, new LeaderReply.Ha(new CommandResult.Done(5)))),
        ("reply-ha-conflict", new PeerFrame.Reply(8, new LeaderReply.Ha(new CommandResult.CasConflict(5)))),
        ("reply-ha-not-found", new PeerFrame.Reply(8, new LeaderReply.Ha(new CommandResult.NotFound()))),
        ("reply-ha-rejected", new PeerFrame.Reply(8, new LeaderReply.Ha(new CommandResult.Rejected("an older token")))),
        ("reply-ha-unknown", new PeerFrame.Reply(8, new LeaderReply.Ha(new CommandResult.Unknown("no leader")))),
    ];

    private static readonly Contact Place = new("10.0.1.1:10008", "east", "10.0.1.1:3000", "rack-1");

    /// <summary>What only version 2 can say.</summary>
    private static readonly (string Name, PeerFrame Frame)[] Two =
    [
        ("hello", new PeerFrame.Hello("verify", new("n1:10008"), "east", new("n2:10008")) { More = new(Place, 0x1122334455667788, 2, new(17), IsMember: true) }),
        ("welcome", new PeerFrame.Welcome(new("n2:10008")) { More = new(0x8877665544332211, 2) }),
        ("refused-removed", new PeerFrame.Refused("n3 was taken out") { Kind = RefusalKind.Removed }),
        ("join", new PeerFrame.Join("verify", new("n4:10008"), Place, StaysLearner: true, new("n3:10008"), "id.secret")),
        ("join-plain", new PeerFrame.Join("verify", new("n4:10008"), Place, StaysLearner: false, null, null)),
        ("join-answer", new PeerFrame.JoinAnswer(JoinOutcome.Refused, "the join token has been used")),
        ("raft-append-membership", new PeerFrame.Raft(new(5), new Message.Append(Id(5, 19),
            [new(Id(5, 20), EntryKind.Membership, MembershipCodec.Encode(Membership.OfVoters([new("n1:10008")]).With(new("n1:10008"), Place)))], new(19), 9))),
        ("raft-snapshot-chunk", new PeerFrame.Raft(new(5), new Message.SnapshotChunk(
            new(Id(4, 17), 9, 0xCAFE), Membership.OfVoters([new("n1"), new("n2")]), 6, new byte[] { 7, 8, 9 }, 3))),
        ("raft-snapshot-reply", new PeerFrame.Raft(new(5), new Message.SnapshotReply(new(Id(4, 17), 9, 0xCAFE), 6, 3))),
        ("request-read-index", new PeerFrame.Request(8, new LeaderRequest.ReadIndex(UnderLease: true))),
        ("request-health", Asks(new ApiRequest.ClusterHealth())),
        ("request-join", Asks(new ApiRequest.ClusterJoin(new("n4:10008"), Place, StaysLearner: false, null, "id.secret"))),
        ("request-leave", Asks(new ApiRequest.ClusterLeave(new("n3:10008"), IsForced: true))),
        ("request-token", Asks(new ApiRequest.CreateJoinToken("id", new byte[] { 1, 2, 3 }, TimeSpan.FromHours(1)))),
        ("request-import", Asks(new ApiRequest.ImportKv([new("key", Encoding.UTF8.GetBytes("value"), 42, null), new("gone", null, 0, 7)], new RequestId("s", 8)))),
        ("request-transfer-best", Asks(new ApiRequest.TransferLeadership(null))),
        ("reply-read-index", new PeerFrame.Reply(8, new LeaderReply.ReadIndex(new(33)))),
        ("reply-health", Says(new ApiReply.Health(new(
            new(IsHealthy: false, 1, "waits"), [new(new("n1:10008"), Place, "leader", IsHealthy: true, TimeSpan.FromMilliseconds(5), 0, TimeSpan.FromSeconds(9), "")])))),
    ];

    [Test]
    public void The_bytes_of_version_2_stay_what_they_are() => Golden.Check("peer-v2.txt",
        [.. One.Skip(3).Concat(Two).Select(one => (one.Name, Bytes(one.Frame, 2))), ("sealed-ping", Bytes(new PeerFrame.Ping(1), Session(fromDialler: true)))]);

    [Test]
    public void Version_3_says_everything_in_the_bytes_of_version_2()
    {
        foreach (var (name, frame) in One.Skip(3).Concat(Two))
        {
            var (two, three) = (Bytes(frame, 2), Bytes(frame, 3));
            Assert.That((three[8] >> 4, three[8] & 15), Is.EqualTo((3, two[8] & 15)), name);
            Assert.That(three[9..], Is.EqualTo(two[9..]), name);
            var buffer = new FrameBuffer(1 << 20, versionMax: 2);
            Feed(buffer, three);
            Assert.That(() => buffer.TryTake(out _), Throws.TypeOf<WireFormatException>().With.Message.Contains("protocol version 3"), name);
        }
    }

    [Test]
    public void What_the_release_before_does_not_know_is_known_before_it_is_sent_to_one_of_its_nodes()
    {
        PeerFrame[] cannot =
        [
            Asks(new ApiRequest.KvDo([], null)), Asks(new ApiRequest.TopologyAnalysis()), Asks(new ApiRequest.SkippedRecoveries()),
            new PeerFrame.Request(8, new LeaderRequest.Own(new Command.Fencing(new Verify.Node.State.Fencing.FencingCommand.BeginPublishing()))),
            new PeerFrame.Request(8, new LeaderRequest.Ha(new HaCommand.ChangeGuardian("main", new("db1", 3306), "n1:10008", new(77)))),
            new PeerFrame.Report(new byte[] { 2, 0 }),
            new PeerFrame.Raft(new(5), new Message.Append(Id(4, 17), [new(Id(4, 18), EntryKind.Command, CommandCodec.Encode(new Command.TimePasses(new(5, 6))))], new(16), 9)),
        ];
        Assert.That(cannot.Select(PeerCodec.VersionOf), Is.All.EqualTo(3));
    }

    [Test]
    public void Golden_frames_of_version_2_are_read_and_mean_the_same()
    {
        var golden = Golden.Read("peer-v2.txt");
        foreach (var (name, frame) in One.Skip(3).Concat(Two))
        {
            var buffer = new FrameBuffer(1 << 20);
            Feed(buffer, golden[name]);
            Assert.That(buffer.TryTake(out var read), Is.True, name);
            Assert.That(Bytes(read!, 2), Is.EqualTo(Bytes(frame, 2)), name);
            Assert.That(read!.GetType(), Is.EqualTo(frame.GetType()), name);
        }
    }

    [Test]
    public void A_node_of_version_1_refuses_every_frame_of_version_2_by_its_first_byte()
    {
        foreach (var (name, frame) in Two)
        {
            var buffer = new FrameBuffer(1 << 20, versionMax: 1);
            Feed(buffer, Bytes(frame, 2));
            Assert.That(() => buffer.TryTake(out _), Throws.TypeOf<WireFormatException>().With.Message.Contains("protocol version 2"), name);
        }
    }

    [Test]
    public void What_only_version_2_can_say_is_known_before_it_is_sent_to_a_node_of_version_1()
    {
        var cannot = Two.Select(two => two.Frame).Where(f => f is not (PeerFrame.Hello or PeerFrame.Welcome or PeerFrame.Refused or PeerFrame.Reply));
        Assert.That(cannot.Select(PeerCodec.VersionOf), Is.All.EqualTo(2));
        Assert.That(One.Select(one => PeerCodec.VersionOf(one.Frame)), Is.All.EqualTo(1));
    }

    [Test]
    public void A_frame_is_good_once_at_its_place_of_its_session_and_its_direction()
    {
        var seal = Session(fromDialler: true);
        var (first, second) = (Bytes(new PeerFrame.Ping(1), seal), Bytes(new PeerFrame.Ping(1), seal));
        FrameBuffer[] buffers = [InSession(1, 2), InSession(1, 2), InSession(1, 2), InSession(3, 2), InSession(1, 3), InSession(1, 2, fromDialler: false)];
        Feed(buffers[0], [.. first, .. second]);
        Assert.That((buffers[0].TryTake(out _), buffers[0].TryTake(out _)), Is.EqualTo((true, true)));
        Feed(buffers[1], [.. first, .. first]);
        Assert.That(buffers[1].TryTake(out _), Is.True);
        Feed(buffers[2], second);
        for (var i = 3; i < buffers.Length; i++) Feed(buffers[i], first);
        foreach (var refusing in buffers.Skip(1))
            Assert.That(() => refusing.TryTake(out _), Throws.TypeOf<WireFormatException>().With.Message.Contains("replayed"));
    }

    [Test]
    public void No_two_places_of_a_session_give_a_frame_the_same_checksum()
    {
        var seal = Session(fromDialler: true);
        var sums = new HashSet<uint>();
        for (var i = 0; i < 200_000; i++) sums.Add(seal.Next([1, 2, 3, 4], [5]));
        Assert.That(sums, Has.Count.EqualTo(200_000));
    }

    [Test]
    public void The_bytes_of_version_1_stay_what_they_are() =>
        Golden.Check("peer-v1.txt", [.. One.Select(one => (one.Name, Bytes(one.Frame)))]);

    [Test]
    public void Golden_frames_of_version_1_are_read_and_mean_the_same()
    {
        var golden = Golden.Read("peer-v1.txt");
        foreach (var (name, frame) in One)
        {
            var buffer = new FrameBuffer(1 << 20);
            Feed(buffer, golden[name]);
            Assert.That(buffer.TryTake(out var read), Is.True, name);
            Assert.That(Bytes(read!), Is.EqualTo(Bytes(frame)), name);
            Assert.That(read!.GetType(), Is.EqualTo(frame.GetType()), name);
        }
    }

    [Test]
    public void Every_word_has_its_bytes()
    {
        var missing = Cases(typeof(PeerFrame), One.Concat(Two).Select(o => (object)o.Frame))
            .Concat(Cases(typeof(Message), One.Concat(Two).Select(o => o.Frame).OfType<PeerFrame.Raft>().Select(r => (object)r.Body)))
            .Concat(Cases(typeof(CommandResult), One.Select(o => o.Frame).OfType<PeerFrame.Reply>().Select(r => r.Body)
                .OfType<LeaderReply.Ha>().Select(h => (object)h.Result)));
        Assert.That(missing.Except([nameof(CommandResult.Kv), nameof(CommandResult.Busy)], StringComparer.Ordinal), Is.Empty, "what operations on keys gave, and that there is no place for a session, goes to clients only");
    }

    [Test]
    public void A_stream_may_be_cut_anywhere()
    {
        var stream = One.SelectMany(one => Bytes(one.Frame)).ToArray();
        for (var piece = 1; piece < 40; piece++)
        {
            var buffer = new FrameBuffer(1 << 20);
            var taken = new List<PeerFrame>();
            foreach (var part in stream.Chunk(piece))
            {
                Feed(buffer, part);
                while (buffer.TryTake(out var frame)) taken.Add(frame);
            }

            Assert.That(taken.SelectMany(frame => Bytes(frame)), Is.EqualTo(stream), $"in pieces of {piece}");
        }
    }

    [Test]
    public void One_wrong_bit_anywhere_in_a_frame_is_noticed()
    {
        foreach (var (name, frame, version) in One.Select(one => (one.Name, one.Frame, 1)).Concat(Two.Select(two => (two.Name, two.Frame, 2))))
        {
            var whole = Bytes(frame, version);
            for (var bit = 32; bit < whole.Length * 8; bit++)
            {
                var wrong = whole.ToArray();
                wrong[bit / 8] ^= (byte)(1 << (bit % 8));
                var buffer = new FrameBuffer(1 << 20);
                Feed(buffer, wrong);
                Assert.That(() => buffer.TryTake(out _), Throws.TypeOf<WireFormatException>(), $"{name}, bit {bit}");
            }
        }
    }

    [Test]
    public void A_frame_that_is_too_large_is_refused_before_memory_is_taken()
    {
        var buffer = new FrameBuffer(1_000);
        Feed(buffer, [0xE9, 0x03, 0, 0, 0, 0, 0, 0]);
        Assert.That(() => buffer.TryTake(out _), Throws.TypeOf<WireFormatException>().With.Message.Contains("1001"));
    }

    [Test]
    public void Any_bytes_are_a_frame_or_are_refused()
    {
        var dice = new Dice(7);
        var (read, refused) = (0, 0);
        for (var i = 0; i < 300_000; i++)
        {
            var frame = dice.Chance(500) ? Bytes(One[dice.Next(One.Length)].Frame) : Bytes(Two[dice.Next(Two.Length)].Frame, 2);
            var body = frame[PeerCodec.HeaderBytes..];
            var changes = dice.Next(3);
            for (var c = 0; c < changes; c++) body[dice.Next(body.Length)] = (byte)dice.Next(256);
            try
            {
                PeerCodec.Read(body.AsSpan(0, dice.Chance(100) ? dice.Next(body.Length + 1) : body.Length));
                read++;
            }
            catch (WireFormatException)
            {
                refused++;
            }
        }

        Assert.That((read > 50_000, refused > 50_000), Is.EqualTo((true, true)), $"{read} read, {refused} refused");
    }

    [FsCheck.NUnit.Property(MaxTest = 1000)]
    public Property Appends_come_out_as_they_went_in() => Prop.ForAll(Entries().ToArbitrary(), entries =>
    {
        var frame = new PeerFrame.Raft(new(9), new Message.Append(Id(1, 1), [.. entries], new(1), 2));
        var body = (Message.Append)((PeerFrame.Raft)PeerCodec.Read(Bytes(frame).AsSpan(PeerCodec.HeaderBytes))).Body;
        return body.Entries.Length == entries.Length && body.Entries.Zip(entries).All(pair =>
            pair.First.Id == pair.Second.Id && pair.First.Kind == pair.Second.Kind && pair.First.Payload.Span.SequenceEqual(pair.Second.Payload.Span));
    });

    private static Gen<Entry[]> Entries()
    {
        var payload = Gen.ArrayOf(Gen.Choose(0, 255).Select(b => (byte)b));
        var entry = from term in Gen.Choose(1, int.MaxValue)
                    from index in Gen.Choose(1, int.MaxValue)
                    from kind in Gen.Elements(EntryKind.Command, EntryKind.Barrier)
                    from bytes in payload
                    select new Entry(Id(term, index), kind, bytes);
        return Gen.ArrayOf(entry);
    }

    private static IEnumerable<string> Cases(Type list, IEnumerable<object> used) =>
        list.GetNestedTypes(System.Reflection.BindingFlags.Public | System.Reflection.BindingFlags.NonPublic)
            .Where(t => t.IsSubclassOf(list)).Select(t => t.Name).Except(used.Select(u => u.GetType().Name), StringComparer.Ordinal);

    private static void Feed(FrameBuffer buffer, byte[] bytes)
    {
        for (var at = 0; at < bytes.Length;)
        {
            var space = buffer.Space;
            var count = Math.Min(space.Length, bytes.Length - at);
            bytes.AsSpan(at, count).CopyTo(space.Span);
            buffer.Filled(count);
            at += count;
        }
    }

    private static byte[] Bytes(PeerFrame frame) => Bytes(frame, 1);

    private static byte[] Bytes(PeerFrame frame, int version) => Bytes(frame, FrameSeal.Plain(version));

    private static byte[] Bytes(PeerFrame frame, FrameSeal seal)
    {
        var to = new WireWriter();
        PeerCodec.Write(to, frame, new WireWriter(), seal);
        return to.Written.ToArray();
    }

    private static FrameSeal Session(bool fromDialler) => FrameSeal.OfSession(2, 1, 2, fromDialler);

    private static FrameBuffer InSession(ulong dialler, ulong acceptor, bool fromDialler = true) =>
        new(1 << 20) { Seal = FrameSeal.OfSession(2, dialler, acceptor, fromDialler) };

    private static PeerFrame.Request Asks(ApiRequest request) => new(8, new LeaderRequest.Client(request));
    private static PeerFrame.Reply Says(ApiReply reply) => new(8, new LeaderReply.Client(reply));
    private static EntryId Id(long term, long index) => new(new(term), new(index));
}
