using System.Collections.Immutable;
using Verify.Raft;
using Verify.Sim.RaftOnly;

namespace Verify.Sim.Exhaustive;

/// <summary>One node in one state of the exploration: the image of its core, and what is on its disk.</summary>
internal sealed record ExploredNode(int Number, CoreImage Core, HardState DiskState, ImmutableArray<Entry> DiskLog)
{
    /// <summary>What it consists of when the nodes are called otherwise.</summary>
    public (ulong One, ulong Two) Hash(Renamings renamings, int renaming)
    {
        var hash = ContentHash.Start(1);
        hash.Add(renamings.To(renaming, Number));
        hash.Add(Core.Term.Value);
        hash.Add(NameOf(Core.VotedFor));
        hash.Add(DiskState.Term.Value);
        hash.Add(NameOf(DiskState.VotedFor));
        hash.Add((long)Core.Role);
        hash.Add(NameOf(Core.Following));
        ExploredMessage.AddEntries(ref hash, Core.Log);
        if (!DiskLog.SequenceEqual(Core.Log)) ExploredMessage.AddEntries(ref hash, DiskLog);
        hash.Add(Core.HandedToDisk.Value);
        hash.Add(Core.Durable.Value);
        hash.Add(Core.Commit.Value);
        hash.Add(Core.Applied.Value);
        foreach (var ballot in Core.Ballots)
        {
            for (var i = 0; i < ballot.Answers.Length; i++) hash.Add(ballot.Answers[renamings.From(renaming, i)]);
            hash.Add(ballot.Granted);
            hash.Add(ballot.Refused);
        }
        if (Core.Role == RaftRole.Leader) AddLeader(ref hash);
        return hash.Finish();

        int NameOf(NodeId? id) => id is { } node ? renamings.To(renaming, SwarmNames.NumberOf(node)) + 1 : 0;

        void AddLeader(ref ContentHash leader)
        {
            leader.Add(Core.Barrier.Value);
            leader.Add(Core.WaitsForDisk);
            leader.Add(Core.Round);
            for (var renamed = 0; renamed <= Core.Peers.Length; renamed++)
            {
                var number = renamings.From(renaming, renamed);
                if (number == Number) continue;
                var peer = Core.Peers[number < Number ? number : number - 1];
                leader.Add((long)peer.State);
                leader.Add(peer.Match.Value);
                leader.Add(peer.Next.Value);
                leader.Add(peer.IsProbing);
                leader.Add(peer.RoundSent);
                leader.Add(peer.CommitSent.Value);
            }
        }
    }
}

/// <summary>What a message consists of.</summary>
internal static class ExploredMessage
{
    public static (ulong One, ulong Two) Hash(in Envelope envelope, Renamings renamings, int renaming)
    {
        var hash = ContentHash.Start(2);
        hash.Add(renamings.To(renaming, SwarmNames.NumberOf(envelope.From)));
        hash.Add(renamings.To(renaming, SwarmNames.NumberOf(envelope.To)));
        hash.Add(envelope.Term.Value);
        switch (envelope.Body)
        {
            case Message.VoteRequest request:
                hash.Add(1 | (request.IsPreVote ? 16 : 0) | (request.IsTransfer ? 32 : 0));
                Add(ref hash, request.LastEntry);
                break;
            case Message.VoteReply reply:
                hash.Add(2 | (reply.IsPreVote ? 16 : 0) | (reply.Granted ? 32 : 0));
                break;
            case Message.Append append:
                hash.Add(3);
                Add(ref hash, append.Previous);
                hash.Add(append.Commit.Value);
                hash.Add(append.ReadRound);
                AddEntries(ref hash, append.Entries);
                break;
            case Message.AppendReply reply:
                hash.Add(4 | (reply.Accepted ? 16 : 0));
                Add(ref hash, reply.Hint);
                hash.Add(reply.Refused.Value);
                hash.Add(reply.ReadRound);
                break;
            default:
                throw new InvalidOperationException($"the exploration knows no {envelope.Body}");
        }
        return hash.Finish();
    }

    public static void AddEntries(ref ContentHash hash, ImmutableArray<Entry> entries)
    {
        hash.Add(entries.Length);
        foreach (var entry in entries)
        {
            Add(ref hash, entry.Id);
            hash.Add((long)entry.Kind);
            foreach (var part in entry.Payload.Span) hash.Add(part);
        }
    }

    public static string Describe(in Envelope envelope) => envelope.Body switch
    {
        Message.VoteRequest { IsPreVote: true } r => $"pre-vote request of {envelope.From} to {envelope.To} for term {envelope.Term}, log ends with {r.LastEntry}",
        Message.VoteRequest r => $"vote request of {envelope.From} to {envelope.To} for term {envelope.Term}, log ends with {r.LastEntry}",
        Message.VoteReply { IsPreVote: true } r => $"{(r.Granted ? "granted" : "refused")} pre-vote of {envelope.From} to {envelope.To}, term {envelope.Term}",
        Message.VoteReply r => $"{(r.Granted ? "granted" : "refused")} vote of {envelope.From} to {envelope.To}, term {envelope.Term}",
        Message.Append a => $"append of {envelope.From} to {envelope.To}, term {envelope.Term}: after {a.Previous} "
            + $"[{string.Join(' ', a.Entries.Select(e => e.Id))}], commit {a.Commit}, round {a.ReadRound}",
        Message.AppendReply { Accepted: true } r => $"acknowledgement of {envelope.From} to {envelope.To}, term {envelope.Term}: holds {r.Hint}",
        Message.AppendReply r => $"refusal of {envelope.From} to {envelope.To}, term {envelope.Term}: not after {r.Refused}, perhaps after {r.Hint}",
        _ => envelope.ToString(),
    };

    private static void Add(ref ContentHash hash, EntryId id)
    {
        hash.Add(id.Term.Value);
        hash.Add(id.Index.Value);
    }
}
