using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Node.State.Fleet;
using Verify.Node.Topology;

namespace Verify.Node.Api;

/// <summary>The bytes of requests about servers that go to the leader, and of the replies that only they get: kinds 91 to 99.</summary>
internal static class FleetApiCodec
{
    private const byte Change = 91, Analysis = 92;
    private const byte Verdicts = 91;

    public static bool TryWriteRequest(WireWriter to, ApiRequest request)
    {
        switch (request)
        {
            case ApiRequest.FleetChange(var command):
                to.Byte(Change);
                FleetCommandCodec.Write(to, command);
                return true;
            case ApiRequest.TopologyAnalysis:
                to.Byte(Analysis);
                return true;
            default:
                return false;
        }
    }

    /// <exception cref="WireFormatException"/>
    public static ApiRequest ReadRequest(byte kind, ref WireReader from) => kind switch
    {
        Change => new ApiRequest.FleetChange(FleetCommandCodec.Read(ref from)),
        Analysis => new ApiRequest.TopologyAnalysis(),
        _ => throw from.Malformed($"a request of kind {kind}"),
    };

    public static bool TryWriteReply(WireWriter to, ApiReply reply)
    {
        if (reply is not ApiReply.Topology(var entries)) return false;
        to.Byte(Verdicts);
        to.Number(entries.Count);
        foreach (var entry in entries) Write(to, entry);
        return true;
    }

    /// <exception cref="WireFormatException"/>
    public static ApiReply ReadReply(byte kind, ref WireReader from)
    {
        if (kind != Verdicts) throw from.Malformed($"a reply of kind {kind}");
        var entries = new AnalysisEntry[from.Count()];
        for (var i = 0; i < entries.Length; i++) entries[i] = Read(ref from);
        return new ApiReply.Topology(entries);
    }

    private static void Write(WireWriter to, AnalysisEntry entry)
    {
        to.Text(entry.Cluster);
        to.Key(entry.Instance);
        to.Bool(entry.Source is not null);
        if (entry.Source is { } source) to.Key(source);
        foreach (var text in (ReadOnlySpan<string>)[entry.Code, entry.Description, entry.Alias, entry.DataCenter, entry.Binlog, entry.Condition,
            entry.GtidMode, entry.ReplicaGtidModeMin, entry.ReplicaGtidModeMax, entry.ReplicaErrant]) to.Text(text);
        to.Number((int)entry.Flags);
        to.Number(entry.Warnings.Count);
        foreach (var warning in entry.Warnings) to.Text(warning);
        to.Number(entry.Numbers.Count);
        foreach (var number in entry.Numbers) to.Number(Math.Max(0, number));
        WriteVotes(to, entry.Votes);
        to.Number(entry.Replicas.Count);
        foreach (var replica in entry.Replicas)
        {
            to.Key(replica.Key);
            to.Text(replica.Says);
            to.Text(replica.IoThread);
            to.Text(replica.SqlThread);
            WriteVotes(to, replica.Votes);
        }
    }

    private static AnalysisEntry Read(ref WireReader from)
    {
        var (cluster, instance) = (from.Text(), from.Key());
        InstanceKey? source = from.Bool() ? from.Key() : null;
        return new(cluster, instance, from.Text(), from.Text())
        {
            Source = source, Alias = from.Text(), DataCenter = from.Text(), Binlog = from.Text(), Condition = from.Text(),
            GtidMode = from.Text(), ReplicaGtidModeMin = from.Text(), ReplicaGtidModeMax = from.Text(), ReplicaErrant = from.Text(),
            Flags = (AnalysisFlags)(from.Number() & int.MaxValue), Warnings = ReadTexts(ref from), Numbers = ReadNumbers(ref from), Votes = ReadVotes(ref from),
            Replicas = ReadReplicas(ref from),
        };
    }

    private static string[] ReadTexts(ref WireReader from)
    {
        var texts = new string[from.Count()];
        for (var i = 0; i < texts.Length; i++) texts[i] = from.Text();
        return texts;
    }

    private static long[] ReadNumbers(ref WireReader from)
    {
        var numbers = new long[from.Count()];
        for (var i = 0; i < numbers.Length; i++) numbers[i] = from.Number();
        return numbers;
    }

    private static ReplicaWord[] ReadReplicas(ref WireReader from)
    {
        var replicas = new ReplicaWord[from.Count()];
        for (var i = 0; i < replicas.Length; i++) replicas[i] = new(from.Key(), from.Text(), from.Text(), from.Text(), ReadVotes(ref from));
        return replicas;
    }

    private static void WriteVotes(WireWriter to, IReadOnlyList<VotePicture> votes)
    {
        to.Number(votes.Count);
        foreach (var vote in votes)
        {
            to.Text(vote.Node);
            to.Text(vote.Vote);
            to.Number(Math.Max(0, vote.AgeMs));
            to.Text(vote.Detail);
        }
    }

    private static VotePicture[] ReadVotes(ref WireReader from)
    {
        var votes = new VotePicture[from.Count()];
        for (var i = 0; i < votes.Length; i++) votes[i] = new(from.Text(), from.Text(), from.Number(), from.Text());
        return votes;
    }
}
