using Verify.Checks;
using Verify.Reports.SpaceTime;

namespace Verify.Chaos.Explaining;

/// <summary>One link of a chain of causes.</summary>
/// <param name="Place">In the trace; -1 where there is none.</param>
internal sealed record ChainLink(long AtUs, string Actor, MarkStyle Style, string Text, int Place)
{
    public bool IsAnchor { get; init; }
    public RunEvent? Event { get; init; }
    public Op? Op { get; init; }
}

/// <summary>A message that carried one link's news to another's actor first.</summary>
internal sealed record Influence(int FromLink, int ToLink, TracedMessage Message);

/// <summary>Why one finding came about: the links in order of time, and how one reached the next.</summary>
internal sealed record Chain(Finding Finding, IReadOnlyList<ChainLink> Links, IReadOnlyList<Influence> Influences)
{
    /// <summary>The key that has no order; null when the finding is about something else, or the search ran out of time.</summary>
    public KvFailure? Failure { get; init; }

    /// <summary>Operations that the check keeps as its smallest failing part.</summary>
    public IReadOnlyList<Op> Operations => Failure?.Smallest ?? [];

    /// <summary>The first lines, for a terminal.</summary>
    public IEnumerable<string> Words(Func<long, string> timeText, int linesMax)
    {
        var left = Math.Max(0, Links.Count - linesMax);
        for (var i = left; i < Links.Count; i++) yield return $"{i + 1}. {timeText(Links[i].AtUs)}  {Links[i].Text}";
    }
}
