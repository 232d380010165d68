using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Node.State.Ledger;
using Verify.Node.State.Policy;
using Verify.Node.Topology;

namespace Verify.Node.Api;

/// <summary>The bytes of requests about recoveries and policies that go to the leader, and of their replies: kinds 100 to 129.</summary>
internal static class RecoveryApiCodec
{
    private const byte Policy = 100, Start = 110, Acknowledge = 111, Skipped = 112;
    private const byte SkippedList = 112;

    public static bool Writes(ApiRequest request) =>
        request is ApiRequest.StartRecovery or ApiRequest.AcknowledgeRecoveries or ApiRequest.SkippedRecoveries or ApiRequest.ChangePolicy;

    public static bool Writes(ApiReply reply) => reply is ApiReply.Skipped;

    public static bool Reads(byte kind) => kind is >= 100 and <= 129;

    public static void WriteRequest(WireWriter to, ApiRequest request)
    {
        switch (request)
        {
            case ApiRequest.StartRecovery c:
                to.Byte(Start);
                to.Text(c.Alias);
                to.Number((int)c.Wish);
                to.KeyOrNull(c.Instance);
                to.KeyOrNull(c.Candidate);
                to.Text(c.By);
                to.Bool(c.WithoutHooks);
                break;
            case ApiRequest.AcknowledgeRecoveries c:
                to.Byte(Acknowledge);
                to.Text(c.Alias);
                to.Number(c.RecoveryId);
                to.KeyOrNull(c.Instance);
                to.Text(c.By);
                to.Text(c.Comment);
                break;
            case ApiRequest.SkippedRecoveries:
                to.Byte(Skipped);
                break;
            case ApiRequest.ChangePolicy(var command):
                to.Byte(Policy);
                PolicyCommandCodec.Write(to, command);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <exception cref="WireFormatException"/>
    public static ApiRequest ReadRequest(byte kind, ref WireReader from) => kind switch
    {
        Start => new ApiRequest.StartRecovery(
            from.Text(), Wish(ref from), from.KeyOrNull(), from.KeyOrNull(), from.Text(), from.Bool()),
        Acknowledge => new ApiRequest.AcknowledgeRecoveries(from.Text(), from.Number(), from.KeyOrNull(), from.Text(), from.Text()),
        Skipped => new ApiRequest.SkippedRecoveries(),
        Policy => new ApiRequest.ChangePolicy(PolicyCommandCodec.Read(ref from)),
        _ => throw from.Malformed($"a request of kind {kind}"),
    };

    public static void WriteReply(WireWriter to, ApiReply reply)
    {
        if (reply is not ApiReply.Skipped(var recoveries)) throw new UnreachableException();
        to.Byte(SkippedList);
        to.Number(recoveries.Count);
        foreach (var skipped in recoveries)
        {
            to.Text(skipped.Cluster);
            to.Key(skipped.Instance);
            to.Text(skipped.Analysis);
            to.Text(skipped.Code);
            to.Text(skipped.Reason);
            to.Number(skipped.BlockedBy);
            to.Number(Math.Max(0, skipped.SinceMs));
        }
    }

    /// <exception cref="WireFormatException"/>
    public static ApiReply ReadReply(byte kind, ref WireReader from)
    {
        if (kind != SkippedList) throw from.Malformed($"a reply of kind {kind}");
        var recoveries = new SkippedPicture[from.Count()];
        for (var i = 0; i < recoveries.Length; i++)
            recoveries[i] = new(from.Text(), from.Key(), from.Text(), from.Text(), from.Text(), from.Number(), from.Number());
        return new ApiReply.Skipped(recoveries);
    }

    private static RecoveryWish Wish(ref WireReader from)
    {
        var number = from.Number();
        return number <= (int)RecoveryWish.ForceTakeover ? (RecoveryWish)number : throw from.Malformed($"a wish {number}");
    }
}
