using Verify.Chaos.Exports;
using Verify.Checks;
using Verify.Reports.SpaceTime;

namespace Verify.Chaos.Explaining;

/// <summary>The explanation of a run's worst finding, in its three forms: lines for a terminal, a page, Markdown.</summary>
internal sealed class Explanation
{
    public const string PageName = "explanation.html";
    public const string MarkdownName = "explanation.md";
    private readonly RunAccount _account;

    private Explanation(RunAccount account, CausalHistory history, Chain chain) => (_account, Chain, Story) = (account, chain, StoryDrawing.Of(account, history, chain));

    public Chain Chain { get; }
    public SpaceTimeStory Story { get; }

    /// <summary>Null: the run broke no promise and left no question open.</summary>
    public static Explanation? Of(RunAccount account)
    {
        if (ChainBuilder.WorstOf(account) is not { } finding) return null;
        var history = new CausalHistory(account);
        return new(account, history, new ChainBuilder(account, history).Of(finding));
    }

    /// <summary>The last links of the chain: where it ends is what one wants to see first.</summary>
    public IReadOnlyList<string> Lines(int linesMax = int.MaxValue) => [.. Chain.Words(_account.TimeText, linesMax)];

    public void WriteTo(string folder)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, PageName), ExplanationPage.Html(Story));
        File.WriteAllText(Path.Combine(folder, MarkdownName), ExplanationPage.Markdown(Story));
        if (Chain.Failure is not { } failure) return;
        File.WriteAllText(Path.Combine(folder, LinearizationExport.FileName), LinearizationExport.Render(_account, failure));
    }
}
