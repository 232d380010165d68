using Verify.Node.Api;
using Verify.Node.Codec;
using Verify.Node.State.Policy;
using Verify.Node.Topology;

namespace Verify.Node.Tests.Policy;

/// <summary>The bytes of what operators ask the leader about recoveries and policies.</summary>
public sealed class RecoveryApiTests
{
    private static readonly InstanceKey Db1 = new("db1", 3306), Db2 = new("db2", 3306);

    internal static readonly (string Name, ApiRequest Request)[] Requests =
    [
        ("request-start", new ApiRequest.StartRecovery("main", RecoveryWish.GracefulTakeover, null, Db2, "jane", WithoutHooks: false)),
        ("request-recover", new ApiRequest.StartRecovery("main", RecoveryWish.Recover, Db1, null, "jane", WithoutHooks: true)),
        ("request-acknowledge", new ApiRequest.AcknowledgeRecoveries("main", 7, null, "jane", "seen")),
        ("request-skipped", new ApiRequest.SkippedRecoveries()),
        ("request-policy", new ApiRequest.ChangePolicy(new PolicyCommand.BeginDowntime(Db1, "jane", "disk", 1_000, default))),
    ];

    private static readonly ApiReply Skipped = new ApiReply.Skipped([new("main", Db1, "DeadMaster", "filter", "why", 9, 10)]);

    [Test]
    public void The_bytes_stay_what_they_are_and_are_read_again()
    {
        Golden.Check("recovery-api-v2.txt", [.. Requests.Select(r => (r.Name, Bytes(new LeaderRequest.Client(r.Request)))), ("reply-skipped", Bytes(Skipped))]);
        foreach (var (name, request) in Requests)
        {
            var from = new WireReader(Golden.Read("recovery-api-v2.txt")[name]);
            Assert.That(ApiCodec.ReadRequest(ref from), Is.EqualTo(new LeaderRequest.Client(request)));
        }

        var reply = new WireReader(Bytes(Skipped));
        Assert.That(ApiCodec.ReadReply(ref reply) is LeaderReply.Client(ApiReply.Skipped({ Count: 1 })));
    }

    private static byte[] Bytes(LeaderRequest request)
    {
        var to = new WireWriter();
        ApiCodec.WriteRequest(to, request);
        return to.Written.ToArray();
    }

    private static byte[] Bytes(ApiReply reply)
    {
        var to = new WireWriter();
        ApiCodec.WriteReply(to, new LeaderReply.Client(reply));
        return to.Written.ToArray();
    }
}
