namespace Verify.Checks.Timelines;

/// <summary>From one microsecond of the run to another.</summary>
public readonly record struct Span(long FromUs, long ToUs)
{
    public long LengthUs => ToUs - FromUs;
    public bool Contains(long atUs) => FromUs <= atUs && atUs <= ToUs;

    /// <summary>How long both last at once; negative or zero: not at all.</summary>
    public long OverlapUs(Span other) => Math.Min(ToUs, other.ToUs) - Math.Max(FromUs, other.FromUs);
}

/// <summary>A span in the life of a node or server.</summary>
/// <param name="Who">Node or server.</param>
/// <param name="Term">For a leader's lease: the term; otherwise 0.</param>
/// <param name="IsOpen">It lasted to the end of the run.</param>
public readonly record struct NamedSpan(string Who, Span Span, long Term = 0, bool IsOpen = false);

/// <summary>Two spans of different holders that should not have lasted at the same time.</summary>
public readonly record struct Overlap(NamedSpan First, NamedSpan Second)
{
    public long LengthUs => First.Span.OverlapUs(Second.Span);
    public long FromUs => Math.Max(First.Span.FromUs, Second.Span.FromUs);

    /// <summary>Every pair of spans of different holders that last together for longer than nothing, in order of time.</summary>
    public static IReadOnlyList<Overlap> Among(IReadOnlyList<NamedSpan> spans)
    {
        var found = new List<Overlap>();
        var sorted = spans.OrderBy(s => s.Span.FromUs).ThenBy(s => s.Who, StringComparer.Ordinal).ToArray();
        for (var i = 0; i < sorted.Length; i++)
        {
            for (var j = i + 1; j < sorted.Length && sorted[j].Span.FromUs < sorted[i].Span.ToUs; j++)
            {
                if (!string.Equals(sorted[i].Who, sorted[j].Who, StringComparison.Ordinal) && sorted[i].Span.OverlapUs(sorted[j].Span) > 0)
                {
                    found.Add(new Overlap(sorted[i], sorted[j]));
                }
            }
        }

        return found;
    }
}
