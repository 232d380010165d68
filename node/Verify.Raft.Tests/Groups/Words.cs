using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Verify.Raft.Tests.Groups;

/// <summary>Puts messages, entries and states into words for transcripts.</summary>
internal static class Words
{
    public static string Of(Envelope e) => $"{e.From} -> {e.To}  t{e.Term}  {Of(e.Body)}";

    public static string Of(Message body) => body switch
    {
        Message.VoteRequest m => $"{(m.IsPreVote ? "PreVote?" : "Vote?")} last={m.LastEntry}{(m.IsTransfer ? " transfer" : "")}",
        Message.VoteReply m => $"{(m.IsPreVote ? "PreVote" : "Vote")} {(m.Granted ? "granted" : "refused")}",
        Message.Append m => $"Append prev={m.Previous} entries={Of(m.Entries)} commit={m.Commit} round={m.ReadRound}",
        Message.AppendReply { Accepted: true } m => $"Accepted {m.Hint} round={m.ReadRound}",
        Message.AppendReply m => $"Refused {m.Refused} hint={m.Hint} round={m.ReadRound}",
        Message.TimeoutNow => "TimeoutNow",
        Message.SnapshotChunk m => $"Snapshot {m.Id.Last} {m.Membership} bytes {m.Offset}..{m.Offset + m.Bytes.Length} of {m.Id.Bytes}",
        Message.SnapshotReply m => $"Stored {m.Received} of snapshot {m.Id.Last}",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>Entries of one term as a range: "[1.5..1.9 2.10 "set x"]".</summary>
    public static string Of(ImmutableArray<Entry> entries)
    {
        if (entries.Length <= 3) return $"[{string.Join(' ', entries.Select(Of))}]";
        var text = new StringBuilder("[");
        for (var i = 0; i < entries.Length;)
        {
            var end = i;
            while (end + 1 < entries.Length && entries[end + 1].Term == entries[i].Term) end++;
            if (i > 0) text.Append(' ');
            text.Append(end == i ? $"{entries[i].Id}" : $"{entries[i].Id}..{entries[end].Id}");
            i = end + 1;
        }
        return text.Append(']').ToString();
    }

    public static string Of(Entry entry) => entry.Kind switch
    {
        EntryKind.Barrier => $"{entry.Id}:barrier",
        EntryKind.Membership => $"{entry.Id}:{MembershipCodec.TryDecode(entry.Payload.Span)}",
        _ => $"{entry.Id}:{Encoding.UTF8.GetString(entry.Payload.Span)}",
    };

    public static string Of(RaftStatus s)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{s.Self}  {s.Role} t{s.Term} vote={s.VotedFor?.Name ?? "-"}");
        text.Append(CultureInfo.InvariantCulture, $" leader={s.Leader?.Name ?? "-"} last={s.Last} durable={s.Durable}");
        text.Append(CultureInfo.InvariantCulture, $" commit={s.Commit} applied={s.Applied}");
        if (s.MembershipIndex > LogIndex.Zero) text.Append(CultureInfo.InvariantCulture, $" members@{s.MembershipIndex}: {s.Membership}");
        if (s.Snapshot.Index > LogIndex.Zero) text.Append(CultureInfo.InvariantCulture, $" snapshot={s.Snapshot} first={s.First}");
        text.Append(s.HasLease ? " lease" : "").Append(s.IsInQuorum ? " in-quorum" : "");
        foreach (var p in s.Peers)
            text.Append(CultureInfo.InvariantCulture, $"\n    {p.Peer}: {p.State} match={p.Match} next={p.Next} heard={p.TicksSinceHeard}");
        return text.ToString();
    }

    public static string Of(NodeId node, RaftWork work)
    {
        var text = new StringBuilder();
        if (work.HardState is { } hs) text.Append(CultureInfo.InvariantCulture, $"  save term={hs.Term} vote={hs.VotedFor?.Name ?? "-"}\n");
        if (work.Install is { } mark) text.Append(CultureInfo.InvariantCulture, $"  install {mark.Last} {mark.Membership}\n");
        if (!work.Append.IsEmpty) text.Append(CultureInfo.InvariantCulture, $"  append {Of(work.Append)}\n");
        foreach (var e in work.SendNow) text.Append(CultureInfo.InvariantCulture, $"  send now      {Of(e)}\n");
        foreach (var e in work.SendWhenDurable) text.Append(CultureInfo.InvariantCulture, $"  when durable  {Of(e)}\n");
        if (!work.Apply.IsEmpty) text.Append(CultureInfo.InvariantCulture, $"  apply {Of(work.Apply)}\n");
        foreach (var p in work.SnapshotSends) text.Append(CultureInfo.InvariantCulture, $"  read for {p.To} snapshot {p.Snapshot} from byte {p.Offset}\n");
        foreach (var p in work.SnapshotPieces) text.Append(CultureInfo.InvariantCulture, $"  store {Of(p.Chunk)}\n");
        if (work.DiscardUpTo > LogIndex.Zero) text.Append(CultureInfo.InvariantCulture, $"  discard up to {work.DiscardUpTo}\n");
        foreach (var g in work.ReadsGranted) text.Append(CultureInfo.InvariantCulture, $"  read {g.Ticket} granted at {g.Index}\n");
        foreach (var t in work.ReadsRefused) text.Append(CultureInfo.InvariantCulture, $"  read {t} refused\n");
        return $"{node} works\n{text}";
    }
}
