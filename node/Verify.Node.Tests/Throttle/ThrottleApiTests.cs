using Verify.Node.Api;
using Verify.Node.Codec;
using Verify.Node.Throttle;

namespace Verify.Node.Tests.Throttle;

/// <summary>The bytes of requests about throttling that go to the leader, and of their replies.</summary>
public sealed class ThrottleApiTests
{
    internal static readonly (string Name, ApiRequest Request)[] Requests =
    [
        ("request-throttle", new ApiRequest.ThrottleApp("archive", "main", TimeSpan.FromMinutes(30), 0.25)),
        ("request-throttle-for-ever", new ApiRequest.ThrottleApp("archive", "", null, null)),
        ("request-unthrottle", new ApiRequest.UnthrottleApp("archive", "main")),
        ("request-skip", new ApiRequest.SkipHost("db3", TimeSpan.FromHours(1))),
        ("request-recover", new ApiRequest.RecoverHost("db3")),
        ("request-check", new ApiRequest.ThrottleCheck("gh-ost", "mysql", "main", new(1.5, true, true, true))),
        ("request-view", new ApiRequest.ThrottleView()),
    ];

    private static readonly (string Name, ApiReply Reply)[] Replies =
    [
        ("reply-checked", new ApiReply.Checked(new(429, 2.5, 1, "Threshold exceeded: db3:3306 is at 2.5", CheckReason.Lag), TimeSpan.FromMilliseconds(12))),
        ("reply-throttling", new ApiReply.Throttling(new(
            [new("a", "", 1, null), new("b", "main", 0.5, DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000))],
            [new("db3", DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_001))],
            [new("main", 0.5, 1, 200, "", TimeSpan.FromSeconds(2), [new(new("db2", 3306), 0.5, "", ""), new(new("db3", 3306), null, "stopped", "skipped")]), new("x", 0, 1, 500, "No hosts found", null, [])]))),
    ];

    [Test]
    public void The_bytes_stay_what_they_are() => Golden.Check("throttle-api-v2.txt", [.. Requests.Select(r => (r.Name, Bytes(r.Request))), .. Replies.Select(r => (r.Name, Bytes(r.Reply)))]);

    [Test]
    public void What_is_read_means_the_same()
    {
        foreach (var (name, bytes) in Golden.Read("throttle-api-v2.txt"))
        {
            var from = new WireReader(bytes);
            Assert.That(name.StartsWith("request", StringComparison.Ordinal)
                ? Bytes(((LeaderRequest.Client)ApiCodec.ReadRequest(ref from)).Request)
                : Bytes(((LeaderReply.Client)ApiCodec.ReadReply(ref from)).Reply), Is.EqualTo(bytes), name);
        }
    }

    private static byte[] Bytes(ApiRequest request)
    {
        var to = new WireWriter();
        ApiCodec.WriteRequest(to, new LeaderRequest.Client(request));
        return to.Written.ToArray();
    }

    private static byte[] Bytes(ApiReply reply)
    {
        var to = new WireWriter();
        ApiCodec.WriteReply(to, new LeaderReply.Client(reply));
        return to.Written.ToArray();
    }
}
