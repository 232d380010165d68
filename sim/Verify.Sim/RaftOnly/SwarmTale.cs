using System.Globalization;
using System.Text;
using Verify.Raft;

namespace Verify.Sim.RaftOnly;

/// <summary>A schedule in words, for people who read a failing one.</summary>
internal sealed class SwarmTale(Action<string> tell)
{
    public void Tell(int step, string what) => tell($"{step}: {what}");

    public void Arrives(int step, in Envelope e) => Tell(step, $"{e.From} -> {e.To} arrives: {e.Term} {Describe(e.Body)}");

    public void Work(int step, SwarmNode node, RaftWork work)
    {
        var core = node.Core;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{core.Self} {core.Role} t{core.Term} last={core.Last} commit={core.Commit}:");
        if (work.HardState is { } hardState) text.Append(CultureInfo.InvariantCulture, $" save {hardState.Term}/{hardState.VotedFor}");
        if (work.Install is { } mark) text.Append(CultureInfo.InvariantCulture, $" install {mark.Last} {mark.Membership}");
        if (!work.Append.IsEmpty) text.Append(CultureInfo.InvariantCulture, $" append {work.Append[0].Id}..{work.Append[^1].Id}");
        foreach (var entry in work.Append)
            if (entry.Kind == EntryKind.Membership) text.Append(CultureInfo.InvariantCulture, $" ({entry.Id} {MembershipCodec.TryDecode(entry.Payload.Span)})");
        if (!work.Apply.IsEmpty) text.Append(CultureInfo.InvariantCulture, $" apply {work.Apply[0].Id}..{work.Apply[^1].Id}");
        if (work.DiscardUpTo > LogIndex.Zero) text.Append(CultureInfo.InvariantCulture, $" discard up to {work.DiscardUpTo}");
        foreach (var m in work.SendNow) text.Append(CultureInfo.InvariantCulture, $" [now {m.To}: t{m.Term} {Describe(m.Body)}]");
        foreach (var m in work.SendWhenDurable) text.Append(CultureInfo.InvariantCulture, $" [durable {m.To}: t{m.Term} {Describe(m.Body)}]");
        foreach (var s in work.SnapshotSends) text.Append(CultureInfo.InvariantCulture, $" [piece of {s.Snapshot} from {s.Offset} to {s.To}]");
        Tell(step, text.ToString());
        foreach (var grant in work.ReadsGranted) Tell(step, $"{core.Self} answers the read {grant.Ticket} at index {grant.Index}");
    }

    private static string Describe(Message body) => body switch
    {
        Message.Append append => $"Append {append.Previous} +{append.Entries.Length} commit={append.Commit} round={append.ReadRound}",
        Message.SnapshotChunk chunk => $"SnapshotChunk {chunk.Id.Last} {chunk.Offset}+{chunk.Bytes.Length} of {chunk.Id.Bytes} round={chunk.ReadRound}",
        _ => body.ToString(),
    };
}
