using Verify.Node.Api;
using Verify.Node.Codec;
using Verify.Node.Seam;
using Verify.Node.State.Access;
using Verify.Node.State.Catalogue;
using Verify.Node.State.Kv;
using Verify.Node.State.Locks;
using Verify.Raft;

namespace Verify.Node.Tests.Api;

/// <summary>The bytes of what goes to the leader and back since version 2 of the protocol.</summary>
public sealed class ApiCodecTests
{
    private static readonly Contact There = new("d:10008", "east", "d:8500", "rack1");

    private static readonly ServiceSpec Web = new()
    {
        Id = "web-1", Name = "web", Address = "10.0.0.1", Port = 80, Tags = ["a"], Node = "n1",
        Checks = [new() { Id = "port", Name = "port", Kind = CheckKind.Tcp, Target = "10.0.0.1:80" }],
    };

    private static readonly (string Name, LeaderRequest Request)[] Requests =
    [
        ("request-read-index", new LeaderRequest.ReadIndex(UnderLease: true)),
        ("request-health", Asks(new ApiRequest.ClusterHealth())),
        ("request-join", Asks(new ApiRequest.ClusterJoin(new("d"), There, StaysLearner: true, new NodeId("b"), "t1.secret") { ByOperator = true })),
        ("request-join-plain", Asks(new ApiRequest.ClusterJoin(new("d"), There, StaysLearner: false, null, null))),
        ("request-leave", Asks(new ApiRequest.ClusterLeave(new("d"), IsForced: true))),
        ("request-token", Asks(new ApiRequest.CreateJoinToken("t1", JoinTokenText.HashOf("secret"), TimeSpan.FromHours(1)))),
        ("request-import", Asks(new ApiRequest.ImportKv([new("a", "1"u8.ToArray(), 42, null), new("b", null, 0, 7)], new RequestId("s", 3)))),
        ("request-access-token", Asks(new ApiRequest.ChangeAccess(new AccessCommand.PutToken(new("a1", new byte[32], "d", ["p"], IsManagement: true), IsFirst: true)))),
        ("request-access-policy", Asks(new ApiRequest.ChangeAccess(new AccessCommand.PutPolicy(new("p", "d", [new(AccessArea.Key, "app/", IsPrefix: true, AccessLevel.Write)]))))),
        ("request-access-delete-token", Asks(new ApiRequest.ChangeAccess(new AccessCommand.DeleteToken("a1")))),
        ("request-access-delete-policy", Asks(new ApiRequest.ChangeAccess(new AccessCommand.DeletePolicy("p")))),
        ("request-register", Asks(new ApiRequest.RegisterService(Web, 3, new RequestId("s", 4)))),
        ("request-deregister", Asks(new ApiRequest.DeregisterService("web", "web-1", 3, new RequestId("s", 5)))),
        ("request-heartbeat", Asks(new ApiRequest.ServiceHeartbeat("web", null, 7))),
        ("request-report-check", Asks(new ApiRequest.ReportCheck("web-1", "port", CheckStatus.Warning, "slow", "n1", 8))),
        ("request-set-check", Asks(new ApiRequest.SetCheck("web-1", Web.Checks[0]))),
        ("request-remove-check", Asks(new ApiRequest.RemoveCheck(null, "port"))),
        ("request-strategy", Asks(new ApiRequest.SetPickStrategy(PickStrategy.Random))),
        ("request-import-services", Asks(new ApiRequest.ImportServices([Web], Replaces: true, null))),
        ("request-transfer-to-anybody", Asks(new ApiRequest.TransferLeadership(null))),
        ("request-kv", Asks(new ApiRequest.KvDo(
        [
            new KvOp.Put("a", "1"u8.ToArray(), 42, 7, 30_000), new KvOp.Touch("b", null), new KvOp.Delete("c", 9), new KvOp.DeletePrefix("d/"), new KvOp.CheckIndex("e", 0),
            new KvOp.CheckSession("f", "s"), new KvOp.Acquire("f", "x"u8.ToArray(), 1, "s"), new KvOp.Release("g", default, 0, "s"),
        ], new RequestId("s", 4)))),
        ("request-kv-reads", Asks(new ApiRequest.KvDo([new KvOp.Get("a", MustExist: true), new KvOp.GetPrefix("")], null))),
        ("request-session", Asks(new ApiRequest.SessionDo(new SessionCommand.Create("id", "name", "n1", 10_000, SessionBehaviour.Delete, 15_000)))),
        ("request-session-renew", Asks(new ApiRequest.SessionDo(new SessionCommand.Renew("id")))),
        ("request-session-destroy", Asks(new ApiRequest.SessionDo(new SessionCommand.Destroy("id")))),
    ];

    private static readonly (string Name, LeaderReply Reply)[] Replies =
    [
        ("reply-read-index", new LeaderReply.ReadIndex(new(4711))),
        ("reply-health", new LeaderReply.Client(new ApiReply.Health(new(new(IsHealthy: false, 1, "waits"),
        [
            new(new("a"), There, "leader", IsHealthy: true, TimeSpan.Zero, 0, TimeSpan.FromSeconds(3), ""),
            new(new("b"), default, "voter", IsHealthy: false, null, 12, TimeSpan.FromSeconds(1), "not heard yet"),
        ])))),
        ("reply-kv", new LeaderReply.Client(new ApiReply.Kv(new KvOutcome.Done(77,
        [
            new(3, []), new(1, [new KvPair("f", "x"u8.ToArray(), 1, 5, 77) { TtlMs = 10, DeadlineMs = 99, LockIndex = 2, LockToken = 77, Session = "s" }]), new(1, [new KvPair("g", default, 0, 5, 77)]),
        ])))),
        ("reply-kv-refused", new LeaderReply.Client(new ApiReply.Kv(new KvOutcome.Failed(2, KvRefusal.LockDelay, 12, "why")))),
    ];

    [Test]
    public void The_bytes_stay_what_they_are() =>
        Golden.Check("api-v2.txt", [.. Requests.Select(r => (r.Name, Bytes(r.Request))), .. Replies.Select(r => (r.Name, Bytes(r.Reply)))]);

    [Test]
    public void Golden_bytes_are_read_and_mean_the_same()
    {
        foreach (var (name, bytes) in Golden.Read("api-v2.txt"))
            Assert.That(name.StartsWith("request", StringComparison.Ordinal) ? Bytes(ReadRequest(bytes)) : Bytes(ReadReply(bytes)), Is.EqualTo(bytes), name);
    }

    [Test]
    public void Every_request_that_is_for_the_leader_can_travel()
    {
        string[] travelsSinceVersion1 = ["KvPut", "KvDelete", "KvGet", "ReplicationAnalysis", "TransferLeadership"];
        string[] asksForAReadIndexInstead = ["KvList", "ExportState", "QueryServices", "PickService", "KvGetMany", "SessionRead"];
        string[] answeredWhereAsked = ["RaftStatus", "Clusters", "Cluster", "Recoveries", "ClusterStatus", "TakeSnapshot", "ThrottleViewHere", "ReadPolicy", "AwaitServices", "KvWatch", "JudgeAccess", "ListAccess", "Fleet", "ThrottleLeader"];
        var travels = Requests.Select(r => r.Request).OfType<LeaderRequest.Client>().Select(c => c.Request.GetType().Name)
            .Concat(Throttle.ThrottleApiTests.Requests.Select(r => r.Request.GetType().Name))
            .Concat(Policy.RecoveryApiTests.Requests.Select(r => r.Request.GetType().Name))
            .Concat(FleetApiCodecTests.Requests.Select(r => r.GetType().Name));
        Assert.That(travels.Concat(travelsSinceVersion1).Concat(asksForAReadIndexInstead).Concat(answeredWhereAsked).Distinct(StringComparer.Ordinal),
            Is.EquivalentTo(typeof(ApiRequest).GetNestedTypes().Select(t => t.Name)), "a new request: does it go to the leader?");
    }

    [Test]
    public void Any_bytes_are_a_request_or_a_reply_or_are_refused()
    {
        var golden = Golden.Read("api-v2.txt").OrderBy(g => g.Key, StringComparer.Ordinal).ToArray();
        var dice = new Dice(11);
        var (read, refused) = (0, 0);
        for (var i = 0; i < 200_000; i++)
        {
            var (name, whole) = golden[dice.Next(golden.Length)];
            var bytes = whole.ToArray();
            var changes = dice.Next(4);
            for (var c = 0; c < changes; c++) bytes[dice.Next(bytes.Length)] = (byte)dice.Next(256);
            try
            {
                var some = dice.Chance(100) ? bytes[..dice.Next(bytes.Length + 1)] : bytes;
                if (name.StartsWith("request", StringComparison.Ordinal)) ReadRequest(some);
                else ReadReply(some);
                read++;
            }
            catch (WireFormatException)
            {
                refused++;
            }
        }

        Assert.That((read > 30_000, refused > 30_000), Is.EqualTo((true, true)), $"{read} read, {refused} refused");
    }

    private static LeaderRequest ReadRequest(byte[] bytes)
    {
        var from = new WireReader(bytes);
        var request = ApiCodec.ReadRequest(ref from);
        from.End();
        return request;
    }

    private static LeaderReply ReadReply(byte[] bytes)
    {
        var from = new WireReader(bytes);
        var reply = ApiCodec.ReadReply(ref from);
        from.End();
        return reply;
    }

    private static byte[] Bytes(LeaderRequest request)
    {
        var to = new WireWriter();
        ApiCodec.WriteRequest(to, request);
        return to.Written.ToArray();
    }

    private static byte[] Bytes(LeaderReply reply)
    {
        var to = new WireWriter();
        ApiCodec.WriteReply(to, reply);
        return to.Written.ToArray();
    }

    private static LeaderRequest.Client Asks(ApiRequest request) => new(request);
}
