using Verify.Node.Codec;
using Verify.Node.State;
using Verify.Node.State.Kv;
using Verify.Node.State.Locks;

namespace Verify.Node.Api;

/// <summary>The bytes of requests about keys, locks and sessions that go to the leader, and of the replies that only they get. Kinds 50 to 69.</summary>
internal static class KvApiCodec
{
    private const byte KvDo = 50, SessionDo = 51;
    private const byte Outcome = 50;

    /// <summary>False: the request is none of these.</summary>
    public static bool TryWriteRequest(WireWriter to, ApiRequest request)
    {
        switch (request)
        {
            case ApiRequest.KvDo(var ops, var id):
                to.Byte(KvDo);
                KvOpCodec.WriteOps(to, ops);
                CommandCodec.WriteId(to, id);
                return true;
            case ApiRequest.SessionDo(var command):
                to.Byte(SessionDo);
                command.Write(to);
                return true;
            default:
                return false;
        }
    }

    /// <exception cref="WireFormatException"/>
    public static ApiRequest ReadRequest(byte kind, ref WireReader from) => kind switch
    {
        KvDo => new ApiRequest.KvDo(KvOpCodec.ReadOps(ref from), CommandCodec.ReadId(ref from)),
        SessionDo => new ApiRequest.SessionDo(SessionCommand.Read(ref from)),
        _ => throw from.Malformed($"a request of kind {kind}"),
    };

    public static bool TryWriteReply(WireWriter to, ApiReply reply)
    {
        if (reply is not ApiReply.Kv(var outcome)) return false;
        to.Byte(Outcome);
        KvOpCodec.WriteOutcome(to, outcome);
        return true;
    }

    /// <exception cref="WireFormatException"/>
    public static ApiReply ReadReply(byte kind, ref WireReader from) =>
        kind == Outcome ? new ApiReply.Kv(KvOpCodec.ReadOutcome(ref from)) : throw from.Malformed($"a reply of kind {kind}");
}
