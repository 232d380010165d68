using System.Collections.Immutable;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>A piece of a segment that belongs to the log as it will be used.</summary>
internal sealed record LogPart(SegmentScan Segment, RecordRun Run);

/// <summary>What to do with what was found on disk. Decides; <see cref="LogRepair"/> carries it out.</summary>
/// <param name="Parts">The log: without gaps, reaching back to the snapshot. Empty: it begins anew behind the snapshot.</param>
/// <param name="Superfluous">Segments whose entries are all in the snapshot, or can never be committed: they may go.</param>
/// <param name="Lost">What may have been acknowledged and is gone; null when nothing is.</param>
internal sealed record LogPlan(ImmutableArray<LogPart> Parts, ImmutableArray<SegmentScan> Superfluous, LogLoss? Lost)
{
    /// <summary>Why segments are superfluous, when it is worth a line; null for the ordinary course of things.</summary>
    public string? Note { get; init; }

    /// <summary>Finds the longest log without gaps that reaches back to the snapshot (Alagappan et al., "Protocol-Aware Recovery",
    /// FAST'18: which damage matters depends on what the protocol has said about the entry).</summary>
    /// <exception cref="UnusableDataException">The log cannot belong to this snapshot.</exception>
    public static LogPlan Of(IReadOnlyList<SegmentScan> segments, EntryId snapshot)
    {
        var runs = Join(segments);
        var chosen = runs.Where(run => run[0].Run.First <= snapshot.Index.Next && run[^1].Run.Last >= snapshot.Index)
            .OrderBy(run => run[^1].Run.Last).LastOrDefault();
        var last = LastPossible(segments);
        if (chosen is null) return Without(segments, snapshot, last);
        if (TermAt(chosen, snapshot.Index) is { } term && term != snapshot.Term)
        {
            return new([], [.. segments], Lost: null)
            {
                Note = $"the log holds entry {new EntryId(term, snapshot.Index)} where the snapshot holds {snapshot}: what follows it was never committed",
            };
        }

        var begin = chosen[0];
        var follows = begin.Run.First == snapshot.Index.Next && begin.Run.Offset == begin.Segment.Header!.Bytes ? begin.Segment.Header.PreviousTerm : null;
        if (follows is { Value: > 0 } previous && previous != snapshot.Term)
            throw new UnusableDataException($"{begin.Segment.Name} follows entry {new EntryId(previous, snapshot.Index)}, but the newest snapshot ends with {snapshot}: "
                + "they are not from one history. Restore both from one backup of this node.");
        var first = segments.ToList().IndexOf(begin.Segment);
        var lost = last > chosen[^1].Run.Last ? LossAfter(segments, chosen[^1]) with { Last = last } : null;
        var damage = segments.Take(first + 1).Select(s => s.Damage is { } d ? $"{s.Name}, offset {d.Offset}: {d.What}" : null).FirstOrDefault(d => d is not null);
        return new([.. chosen], [.. segments.Take(first)], lost)
        {
            Note = damage is not null && lost?.Segment.Name != segments[first].Name ? $"{damage}. All of that is in the snapshot" : null,
        };
    }

    /// <summary>The runs of entries over the borders of segments, each with its parts in order.</summary>
    private static List<List<LogPart>> Join(IReadOnlyList<SegmentScan> segments)
    {
        var joined = new List<List<LogPart>>();
        foreach (var segment in segments)
        {
            foreach (var run in segment.Runs)
            {
                var before = joined.Count == 0 ? null : joined[^1][^1].Run;
                var follows = before is not null && before.Last.Next == run.First && before.Entries[^1].Term <= run.Entries[0].Term;
                if (follows) joined[^1].Add(new(segment, run));
                else joined.Add([new(segment, run)]);
            }
        }

        return joined;
    }

    /// <summary>No entry beyond this one can have been in the log. A segment ends where the next one says that it begins.</summary>
    private static LogIndex LastPossible(IReadOnlyList<SegmentScan> segments)
    {
        var last = LogIndex.Zero;
        for (var i = 0; i < segments.Count; i++)
        {
            var here = i + 1 < segments.Count ? LogIndex.Min(segments[i].LastPossible, segments[i + 1].NamedFirst.Previous) : segments[i].LastPossible;
            last = LogIndex.Max(last, here);
        }

        return last;
    }

    private static LogPlan Without(IReadOnlyList<SegmentScan> segments, EntryId snapshot, LogIndex last)
    {
        if (last <= snapshot.Index)
        {
            return new([], [.. segments], Lost: null)
            {
                Note = last == snapshot.Index || segments.Count == 0 ? null : $"the log ends with entry {last}, before the snapshot does ({snapshot})",
            };
        }

        var place = segments.FirstOrDefault(s => s.Damage is not null) ?? segments[0];
        var (offset, what) = place.Damage ?? (0, $"the segment begins with entry {place.NamedFirst} where entry {snapshot.Index.Next} must follow");
        return new([], [], new(place, offset, what, snapshot.Index.Next, last));
    }

    private static LogLoss LossAfter(IReadOnlyList<SegmentScan> segments, LogPart end)
    {
        var first = end.Run.Last.Next;
        var at = segments.ToList().IndexOf(end.Segment);
        if (end.Run.End < end.Segment.Bytes.Length && (end.Segment.Tail != SegmentTail.Torn || at < segments.Count - 1))
            return new(end.Segment, end.Run.End, $"the record of entry {first} is damaged", first, first);
        var next = segments[Math.Min(at + 1, segments.Count - 1)];
        var (offset, what) = next.Header is null && next.Damage is { } damage ? damage : (0, $"the segment begins with entry {next.NamedFirst} where entry {first} must follow");
        return new(next, offset, what, first, first);
    }

    private static Term? TermAt(List<LogPart> parts, LogIndex index)
    {
        foreach (var (_, run) in parts)
            if (index >= run.First && index <= run.Last) return run.Entries[(int)(index.Value - run.First.Value)].Term;
        return null;
    }
}

/// <summary>Entries that this node may have acknowledged and does not have any more.</summary>
/// <param name="Segment">Where that was seen.</param>
/// <param name="First">The first that is gone.</param>
/// <param name="Last">No entry beyond this one can have been acknowledged.</param>
internal sealed record LogLoss(SegmentScan Segment, long Offset, string What, LogIndex First, LogIndex Last);
