using Verify.Checks;
using Verify.Reports.SpaceTime;

namespace Verify.Chaos.Explaining;

/// <summary>The explanation of a run's worst finding, in its three forms: lines for a terminal, a page, Markdown.</summary>
internal sealed class Explanation
{
    public const string PageName = "explanation.html";
    public const string MarkdownName = "explanation.md";
    private readonly RunAccount _account;

    private Explanation(RunAccount account, Chain chain) => (_account, Chain, Story) = (account, chain, StoryDrawing.Of(account, chain));

    public Chain Chain { get; }
    public SpaceTimeStory Story { get; }

    /// <summary>Null: the run broke no promise and left no question open.</summary>
    public static Explanation? Of(RunAccount account) =>
        ChainBuilder.WorstOf(account) is { } finding ? new(account, new ChainBuilder(account, new CausalHistory(account)).Of(finding)) : null;

    /// <summary>The last links of the chain: where it ends is what one wants to see first.</summary>
    public IReadOnlyList<string> Lines(int linesMax = int.MaxValue) => [.. Chain.Words(_account.TimeText, linesMax)];

    public void WriteTo(string folder)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, PageName), ExplanationPage.Html(Story));
        File.WriteAllText(Path.Combine(folder, MarkdownName), ExplanationPage.Markdown(Story));
        if (Chain.Finding.Check != "linearizable") return;
        File.WriteAllText(Path.Combine(folder, Exports.LinearizationExport.FileName), Exports.LinearizationExport.Render(_account));
    }
}
