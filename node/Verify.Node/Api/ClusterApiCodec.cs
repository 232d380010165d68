using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Node.State;
using Verify.Node.State.Cluster;
using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>The bytes of requests about members, tokens and batches that go to the leader, and of the replies that only they get. Kinds
/// continue those of <see cref="ApiCodec"/>; none is used twice.</summary>
internal static class ClusterApiCodec
{
    private const byte Health = 6, Join = 7, Leave = 8, Token = 9, Import = 10;
    private const byte HealthView = 10;

    public static void WriteRequest(WireWriter to, ApiRequest request)
    {
        switch (request)
        {
            case ApiRequest.ClusterHealth:
                to.Byte(Health);
                break;
            case ApiRequest.ClusterJoin join:
                to.Byte(Join);
                to.Text(join.Node.Name);
                ClusterCommandCodec.WriteContact(to, join.Contact);
                to.Bool(join.StaysLearner);
                to.TextOrNull(join.Replaces?.Name);
                to.TextOrNull(join.Token);
                to.Bool(join.ByOperator);
                break;
            case ApiRequest.ClusterLeave leave:
                to.Byte(Leave);
                to.Text(leave.Node.Name);
                to.Bool(leave.IsForced);
                break;
            case ApiRequest.CreateJoinToken create:
                to.Byte(Token);
                to.Text(create.TokenId);
                to.Bytes(create.SecretHash.Span);
                to.Number(Math.Max(0, create.ValidFor.Ticks));
                break;
            case ApiRequest.ImportKv import:
                to.Byte(Import);
                CommandCodec.WriteWrites(to, import.Writes);
                CommandCodec.WriteId(to, import.Id);
                break;
            default:
                throw new UnreachableException("this request is answered where it is asked");
        }
    }

    /// <exception cref="WireFormatException"/>
    public static ApiRequest ReadRequest(byte kind, ref WireReader from) => kind switch
    {
        Health => new ApiRequest.ClusterHealth(),
        Join => new ApiRequest.ClusterJoin(
            new(from.Text()), ClusterCommandCodec.ReadContact(ref from), from.Bool(), ClusterCommandCodec.ReadNode(ref from), from.TextOrNull()) { ByOperator = from.Bool() },
        Leave => new ApiRequest.ClusterLeave(new(from.Text()), from.Bool()),
        Token => new ApiRequest.CreateJoinToken(from.Text(), from.Bytes().ToArray(), TimeSpan.FromTicks(from.Number())),
        Import => new ApiRequest.ImportKv(CommandCodec.ReadWrites(ref from), CommandCodec.ReadId(ref from)),
        _ => throw from.Malformed($"a request of kind {kind}"),
    };

    public static void WriteReply(WireWriter to, ApiReply reply)
    {
        if (reply is not ApiReply.Health(var (autopilot, servers))) throw new UnreachableException("no request for the leader gets this reply");
        to.Byte(HealthView);
        to.Bool(autopilot.IsHealthy);
        to.Number(Math.Max(0, autopilot.FailureTolerance));
        to.Text(autopilot.Doing);
        to.Number(servers.Count);
        foreach (var server in servers)
        {
            to.Text(server.Node.Name);
            ClusterCommandCodec.WriteContact(to, server.Contact);
            to.Text(server.Role);
            to.Bool(server.IsHealthy);
            to.Bool(server.LastContact is not null);
            if (server.LastContact is { } since) to.Number(Math.Max(0, since.Ticks));
            to.Number(Math.Max(0, server.EntriesBehind));
            to.Number(Math.Max(0, server.StableFor.Ticks));
            to.Text(server.Why);
        }
    }

    /// <exception cref="WireFormatException"/>
    public static ApiReply ReadReply(byte kind, ref WireReader from)
    {
        if (kind != HealthView) throw from.Malformed($"a reply of kind {kind}");
        var isHealthy = from.Bool();
        var tolerance = from.Number();
        if (tolerance > MembershipCodec.MembersMax) throw from.Malformed($"a failure tolerance of {tolerance}");
        var autopilot = new AutopilotPicture(isHealthy, (int)tolerance, from.Text());
        var servers = new ServerHealth[from.Count()];
        for (var i = 0; i < servers.Length; i++)
        {
            servers[i] = new(
                new(from.Text()), ClusterCommandCodec.ReadContact(ref from), from.Text(), from.Bool(),
                from.Bool() ? TimeSpan.FromTicks(from.Number()) : null, from.Number(), TimeSpan.FromTicks(from.Number()), from.Text());
        }

        return new ApiReply.Health(new(autopilot, servers));
    }
}
