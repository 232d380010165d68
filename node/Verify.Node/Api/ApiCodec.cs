using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Node.State;
using Verify.Node.State.Access;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>The bytes of what goes from a follower to the leader and back. Only requests that are for the leader travel, and only
/// the replies that such requests can get.</summary>
internal static class ApiCodec
{
    private const byte Put = 1, Delete = 2, Get = 3, Analysis = 4, Transfer = 5, Ha = 15, ReadIndex = 16, Own = 90;
    private const byte Done = 1, Value = 2, NotFound = 3, CasConflict = 4, Verdicts = 5, NoLeader = 6, Overloaded = 7, Unknown = 8, Refused = 9;
    private const byte HaDone = 16, HaConflict = 17, HaNotFound = 18, HaRejected = 19, HaUnknown = 20, Index = 21;

    /// <summary>The oldest protocol between nodes in which a leader understands this request.</summary>
    public static int VersionOf(LeaderRequest request) => request switch
    {
        LeaderRequest.Ha(var command) => HaCommandCodec.VersionOf(command),
        LeaderRequest.Client(
            ApiRequest.KvPut or ApiRequest.KvDelete or ApiRequest.KvGet { Consistency: ReadConsistency.Consistent }
            or ApiRequest.ReplicationAnalysis or ApiRequest.TransferLeadership { To: not null }) => 1,
        LeaderRequest.ReadIndex or LeaderRequest.Client(
            ApiRequest.TransferLeadership or ApiRequest.ClusterHealth or ApiRequest.ClusterJoin or ApiRequest.ClusterLeave
            or ApiRequest.CreateJoinToken or ApiRequest.ImportKv) => 2,
        _ => 3,
    };

    public static void WriteRequest(WireWriter to, LeaderRequest request)
    {
        switch (request)
        {
            case LeaderRequest.Ha(var command):
                to.Byte(Ha);
                HaCommandCodec.Write(to, command);
                break;
            case LeaderRequest.Own(var command):
                to.Byte(Own);
                to.Bytes(CommandCodec.Encode(command));
                break;
            case LeaderRequest.ReadIndex(var underLease):
                to.Byte(ReadIndex);
                to.Bool(underLease);
                break;
            case LeaderRequest.Client(ApiRequest.KvPut put):
                to.Byte(Put);
                to.Text(put.Key);
                to.Bytes(put.Value.Span);
                to.UInt64(put.Flags);
                to.NumberOrNull(put.ExpectedIndex);
                CommandCodec.WriteId(to, put.Id);
                break;
            case LeaderRequest.Client(ApiRequest.KvDelete delete):
                to.Byte(Delete);
                to.Text(delete.Key);
                to.NumberOrNull(delete.ExpectedIndex);
                CommandCodec.WriteId(to, delete.Id);
                break;
            case LeaderRequest.Client(ApiRequest.KvGet { Consistency: ReadConsistency.Consistent } get):
                to.Byte(Get);
                to.Text(get.Key);
                break;
            case LeaderRequest.Client(ApiRequest.ReplicationAnalysis):
                to.Byte(Analysis);
                break;
            case LeaderRequest.Client(ApiRequest.TransferLeadership(var target)):
                to.Byte(Transfer);
                to.Text(target?.Name ?? "");
                break;
            case LeaderRequest.Client(ApiRequest.ChangeAccess change):
                Access.AccessDesk.WriteRequest(to, change);
                break;
            case LeaderRequest.Client(var recovery) when RecoveryApiCodec.Writes(recovery):
                RecoveryApiCodec.WriteRequest(to, recovery);
                break;
            case LeaderRequest.Client(var service) when Catalogue.CatalogueApiCodec.Knows(service):
                Catalogue.CatalogueApiCodec.WriteRequest(to, service);
                break;
            case LeaderRequest.Client(var ofKv) when KvApiCodec.TryWriteRequest(to, ofKv):
                break;
            case LeaderRequest.Client(var throttle) when ThrottleApiCodec.Knows(throttle):
                ThrottleApiCodec.WriteRequest(to, throttle);
                break;
            case LeaderRequest.Client(var fleet) when FleetApiCodec.TryWriteRequest(to, fleet):
                break;
            case LeaderRequest.Client(var other):
                ClusterApiCodec.WriteRequest(to, other);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <exception cref="WireFormatException"/>
    public static LeaderRequest ReadRequest(ref WireReader from)
    {
        var kind = from.Byte();
        if (kind == Ha) return new LeaderRequest.Ha(HaCommandCodec.Read(ref from));
        if (kind == Own) return new LeaderRequest.Own(CommandCodec.Decode(from.Bytes()));
        if (kind == ReadIndex) return new LeaderRequest.ReadIndex(from.Bool());
        return new LeaderRequest.Client(kind switch
        {
            Put => new ApiRequest.KvPut(
                from.Text(), from.Bytes().ToArray(), from.UInt64(), from.NumberOrNull(), CommandCodec.ReadId(ref from)),
            Delete => new ApiRequest.KvDelete(from.Text(), from.NumberOrNull(), CommandCodec.ReadId(ref from)),
            Get => new ApiRequest.KvGet(from.Text(), ReadConsistency.Consistent),
            Analysis => new ApiRequest.ReplicationAnalysis(),
            Transfer => new ApiRequest.TransferLeadership(from.Text() is { Length: > 0 } name ? new NodeId(name) : null),
            Access.AccessDesk.Change => new ApiRequest.ChangeAccess(AccessCodec.Read(ref from)),
            _ when RecoveryApiCodec.Reads(kind) => RecoveryApiCodec.ReadRequest(kind, ref from),
            _ when Catalogue.CatalogueApiCodec.Knows(kind) => Catalogue.CatalogueApiCodec.ReadRequest(kind, ref from),
            >= 50 and < 70 => KvApiCodec.ReadRequest(kind, ref from),
            >= ThrottleApiCodec.First and <= ThrottleApiCodec.Last => ThrottleApiCodec.ReadRequest(kind, ref from),
            >= 91 and < 110 => FleetApiCodec.ReadRequest(kind, ref from),
            _ => ClusterApiCodec.ReadRequest(kind, ref from),
        });
    }

    public static void WriteReply(WireWriter to, LeaderReply reply)
    {
        switch (reply)
        {
            case LeaderReply.Ha(var result):
                WriteResult(to, result);
                break;
            case LeaderReply.ReadIndex(var index):
                to.Byte(Index);
                to.Number(index.Value);
                break;
            case LeaderReply.Client(var answer):
                WriteAnswer(to, answer);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <exception cref="WireFormatException"/>
    public static LeaderReply ReadReply(ref WireReader from)
    {
        var kind = from.Byte();
        return kind switch
        {
            HaDone => new LeaderReply.Ha(new CommandResult.Done(from.Number())),
            HaConflict => new LeaderReply.Ha(new CommandResult.CasConflict(from.Number())),
            HaNotFound => new LeaderReply.Ha(new CommandResult.NotFound()),
            HaRejected => new LeaderReply.Ha(new CommandResult.Rejected(from.Text())),
            HaUnknown => new LeaderReply.Ha(new CommandResult.Unknown(from.Text())),
            Index => new LeaderReply.ReadIndex(new(from.Number())),
            _ => new LeaderReply.Client(ReadAnswer(kind, ref from)),
        };
    }

    private static void WriteResult(WireWriter to, CommandResult result)
    {
        switch (result)
        {
            case CommandResult.Done(var index):
                to.Byte(HaDone);
                to.Number(index);
                break;
            case CommandResult.CasConflict(var index):
                to.Byte(HaConflict);
                to.Number(index);
                break;
            case CommandResult.NotFound:
                to.Byte(HaNotFound);
                break;
            case CommandResult.Rejected(var why):
                to.Byte(HaRejected);
                to.Text(why);
                break;
            case CommandResult.Unknown(var why):
                to.Byte(HaUnknown);
                to.Text(why);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static void WriteAnswer(WireWriter to, ApiReply reply)
    {
        switch (reply)
        {
            case ApiReply.Done(var index):
                to.Byte(Done);
                to.Number(index);
                break;
            case ApiReply.Value(var pair, var applied):
                to.Byte(Value);
                WritePair(to, pair);
                to.Number(applied);
                break;
            case ApiReply.NotFound(var applied):
                to.Byte(NotFound);
                to.Number(applied);
                break;
            case ApiReply.CasConflict(var index):
                to.Byte(CasConflict);
                to.Number(index);
                break;
            case ApiReply.Analysis(var entries):
                to.Byte(Verdicts);
                to.Number(entries.Count);
                foreach (var entry in entries) WriteAnalysis(to, entry);
                break;
            case ApiReply.NoLeader(var retryAfter):
                to.Byte(NoLeader);
                to.Number(retryAfter.Ticks);
                break;
            case ApiReply.Overloaded(var reason, var retryAfter):
                to.Byte(Overloaded);
                to.Text(reason);
                to.Number(retryAfter.Ticks);
                break;
            case ApiReply.Unknown(var why):
                to.Byte(Unknown);
                to.Text(why);
                break;
            case ApiReply.Refused(var why):
                to.Byte(Refused);
                to.Text(why);
                break;
            case var ofFleet when FleetApiCodec.TryWriteReply(to, ofFleet):
                break;
            case var recovery when RecoveryApiCodec.Writes(recovery):
                RecoveryApiCodec.WriteReply(to, recovery);
                break;
            case var ofKv when KvApiCodec.TryWriteReply(to, ofKv):
                break;
            case var throttle when ThrottleApiCodec.Knows(throttle):
                ThrottleApiCodec.WriteReply(to, throttle);
                break;
            default:
                ClusterApiCodec.WriteReply(to, reply);
                break;
        }
    }

    private static ApiReply ReadAnswer(byte kind, ref WireReader from) => kind switch
    {
        Done => new ApiReply.Done(from.Number()),
        Value => new ApiReply.Value(ReadPair(ref from), from.Number()),
        NotFound => new ApiReply.NotFound(from.Number()),
        CasConflict => new ApiReply.CasConflict(from.Number()),
        Verdicts => new ApiReply.Analysis(ReadAnalyses(ref from)),
        NoLeader => new ApiReply.NoLeader(TimeSpan.FromTicks(from.Number())),
        Overloaded => new ApiReply.Overloaded(from.Text(), TimeSpan.FromTicks(from.Number())),
        Unknown => new ApiReply.Unknown(from.Text()),
        Refused => new ApiReply.Refused(from.Text()),
        _ when RecoveryApiCodec.Reads(kind) => RecoveryApiCodec.ReadReply(kind, ref from),
        >= 50 and < 70 => KvApiCodec.ReadReply(kind, ref from),
        >= ThrottleApiCodec.First and <= ThrottleApiCodec.Last => ThrottleApiCodec.ReadReply(kind, ref from),
        >= 91 and < 110 => FleetApiCodec.ReadReply(kind, ref from),
        _ => ClusterApiCodec.ReadReply(kind, ref from),
    };

    private static void WritePair(WireWriter to, KvPair pair)
    {
        to.Text(pair.Key);
        to.Bytes(pair.Value.Span);
        to.UInt64(pair.Flags);
        to.Number(pair.CreateIndex);
        to.Number(pair.ModifyIndex);
    }

    private static KvPair ReadPair(ref WireReader from) =>
        new(from.Text(), from.Bytes().ToArray(), from.UInt64(), from.Number(), from.Number());

    private static void WriteAnalysis(WireWriter to, AnalysisPicture picture)
    {
        to.Text(picture.Cluster);
        to.Text(picture.Instance.Host);
        to.Number(picture.Instance.Port);
        to.Text(picture.Code);
        to.Text(picture.Description);
        to.Number(picture.Votes.Count);
        foreach (var vote in picture.Votes)
        {
            to.Text(vote.Node);
            to.Text(vote.Vote);
            to.Number(Math.Max(0, vote.AgeMs));
            to.Text(vote.Detail);
        }
    }

    private static AnalysisPicture[] ReadAnalyses(ref WireReader from)
    {
        var entries = new AnalysisPicture[from.Count()];
        for (var i = 0; i < entries.Length; i++)
        {
            var cluster = from.Text();
            var host = from.Text();
            var port = from.Number();
            if (port is < 0 or > 65_535) throw from.Malformed($"{port} is no port");
            entries[i] = new(cluster, new InstanceKey(host, (int)port), from.Text(), from.Text(), ReadVotes(ref from));
        }

        return entries;
    }

    private static VotePicture[] ReadVotes(ref WireReader from)
    {
        var votes = new VotePicture[from.Count()];
        for (var i = 0; i < votes.Length; i++) votes[i] = new(from.Text(), from.Text(), from.Number(), from.Text());
        return votes;
    }
}
