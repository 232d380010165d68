using System.Globalization;
using Verify.Raft;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>What a message says of its sender is on the sender's disk when it leaves (Raft paper, figure 2: "updated on stable storage
/// before responding"); and the log forgets only what a durable snapshot holds.</summary>
internal sealed class Persist : Promise
{
    public override string Name => "Persist";

    public void Spoke(WatchedNode node, in Envelope envelope)
    {
        var disk = node.Disk.HardState;
        switch (envelope.Body)
        {
            // A word of a term that is over may be about an entry that the next leader has replaced before it was ever synced (both went to the disk in
            // one group, cluster seed 30 of the catalogue's story). Only the leader of that former term counts it; and whoever leads the later one was
            // elected by a quorum, each of whom had taken the entry before it voted, or never said so.
            case Message.AppendReply { Accepted: true } reply when disk.Term <= envelope.Term && !node.DiskHolds(reply.Hint):
                Break(string.Create(CultureInfo.InvariantCulture, $"n{node.Number + 1} acknowledges {reply.Hint}, which its disk does not hold"));
                break;
            case Message.VoteReply { Granted: true, IsPreVote: false } when !IsVote(disk, envelope.Term, envelope.To):
                Break(string.Create(CultureInfo.InvariantCulture, $"n{node.Number + 1} votes for {envelope.To} in term {envelope.Term}; its disk says {disk.Term}/{disk.VotedFor}"));
                break;
            case Message.VoteRequest { IsPreVote: false } when !IsVote(disk, envelope.Term, envelope.From):
                Break(string.Create(CultureInfo.InvariantCulture, $"n{node.Number + 1} stands for election in term {envelope.Term}; its disk says {disk.Term}/{disk.VotedFor}"));
                break;
            default:
                break;
        }
    }

    public void Discards(WatchedNode node, LogIndex upTo)
    {
        if (upTo > node.SnapshotIndexSoon)
            Break(string.Create(CultureInfo.InvariantCulture, $"n{node.Number + 1} may delete its log up to {upTo}; its snapshot ends at {node.SnapshotIndexSoon}"));
    }

    /// <summary>A node starts from what its disk holds; term and vote were durable there as <paramref name="before"/> says.</summary>
    public void Found(WatchedNode node, HardState before)
    {
        var now = node.Disk.HardState;
        if (now.Term > before.Term || (now.Term == before.Term && (before.VotedFor is null || now.VotedFor == before.VotedFor))) return;
        Break(string.Create(
            CultureInfo.InvariantCulture, $"n{node.Number + 1} had {before.Term}/{before.VotedFor} on its disk and wakes up with {now.Term}/{now.VotedFor}"));
    }

    public void NotSynced(WatchedNode node, string file) =>
        Break(string.Create(CultureInfo.InvariantCulture, $"n{node.Number + 1} goes on as if its disk had everything, and {file} would lose some of it without power"));

    private static bool IsVote(HardState disk, Term term, NodeId candidate) => disk.Term > term || (disk.Term == term && disk.VotedFor == candidate);
}
