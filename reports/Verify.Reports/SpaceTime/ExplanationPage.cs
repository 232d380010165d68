using System.Globalization;
using System.Text;
using System.Xml.Linq;
using Verify.Reports.Model;

namespace Verify.Reports.SpaceTime;

/// <summary>A story as a page (one file, no network, no script, light and dark) and as Markdown. The page is well-formed XML as well, so
/// that tests and programs can read it.</summary>
public static class ExplanationPage
{
    private const int EvidenceMax = 12_000;

    public static string Html(SpaceTimeStory story)
    {
        var layout = new SpaceTimeLayout(story);
        var body = new XElement("body", Verdict(story));
        body.Add(new XElement("h2", "How it came about"), Sentences(story));
        if (story.Chain.Count > 0)
        {
            body.Add(new XElement("h2", "The same as a picture"),
                new XElement("figure", SpaceTimeSvg.Draw(story, layout), new XElement("figcaption", Key(story))));
        }

        if (story.Evidence.Length > 0) body.Add(new XElement("h2", "What the check kept"), new XElement("pre", VerdictText.Cut(story.Evidence, EvidenceMax)));
        body.Add(new XElement("h2", "Going on from here"), new XElement("dl", story.Commands.SelectMany(c => new[] { new XElement("dt", c.What), new XElement("dd", new XElement("code", c.Command)) })));
        body.Add(new XElement("h2", "How to read this"), new XElement("p", A("class", "soft"), story.Method));
        return Document($"{story.Title}: why {story.Promise} does not hold", "explanation.css", body);
    }

    public static string Markdown(SpaceTimeStory story)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# {Escaped(story.Title)}: {story.VerdictWord}{(story.FailureClass.Length > 0 ? $" ({story.FailureClass})" : "")}\n\n");
        text.Append(CultureInfo.InvariantCulture, $"**{Escaped(story.Promise)}** does not hold. Observed: {Escaped(story.Observed)}.{(story.Bound.Length > 0 ? $" Bound: {Escaped(story.Bound)}." : "")}\n\n## How it came about\n\n");
        foreach (var line in story.Chain) text.Append(CultureInfo.InvariantCulture, $"{line.Number}. {story.TimeText(line.AtUs)}: {Escaped(line.Text)}\n");
        if (story.Evidence.Length > 0) text.Append(CultureInfo.InvariantCulture, $"\n## What the check kept\n\n```\n{VerdictText.Cut(story.Evidence, EvidenceMax)}\n```\n");
        text.Append("\n## Going on from here\n\n");
        foreach (var (what, command) in story.Commands) text.Append(CultureInfo.InvariantCulture, $"- {what}: `{command}`\n");
        return text.Append(CultureInfo.InvariantCulture, $"\n{story.Method}\n").ToString();
    }

    /// <summary>A whole page around a body; the style sheet is embedded.</summary>
    internal static string Document(string title, string styles, XElement body)
    {
        var page = new XElement("html", A("lang", "en"),
            new XElement("head", new XElement("meta", A("charset", "utf-8")), new XElement("meta", A("name", "viewport"), A("content", "width=device-width, initial-scale=1")),
                new XElement("meta", A("name", "color-scheme"), A("content", "light dark")), new XElement("title", title), new XElement("style", PageAsset.Text(styles))), body);
        foreach (var text in page.DescendantNodes().OfType<XText>().ToList()) text.Value = Printable(text.Value);
        foreach (var attribute in page.Descendants().Attributes()) attribute.Value = Printable(attribute.Value);
        return "<!DOCTYPE html>\n" + page.ToString(SaveOptions.DisableFormatting);
    }

    /// <summary>Keys and values are anybody's bytes; what XML cannot hold is shown as a replacement character.</summary>
    private static string Printable(string text)
    {
        if (text.All(System.Xml.XmlConvert.IsXmlChar)) return text;
        var printable = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1])) printable.Append(text[i]).Append(text[++i]);
            else printable.Append(System.Xml.XmlConvert.IsXmlChar(text[i]) ? text[i] : '\uFFFD');
        }

        return printable.ToString();
    }

    private static XElement Verdict(SpaceTimeStory story)
    {
        var style = story.VerdictWord.ToLowerInvariant();
        return new("div", A("class", $"verdict {style}"), new XElement("div", A("class", "word"), story.VerdictWord),
            new XElement("div", A("class", "what"), new XElement("h1", story.Title),
                new XElement("p", new XElement("strong", story.Promise), " does not hold", story.FailureClass.Length > 0 ? $" (class: {story.FailureClass})" : ""),
                new XElement("p", A("class", "soft"), $"Observed: {VerdictText.Cut(story.Observed, 600)}{(story.Bound.Length > 0 ? $". Bound: {story.Bound}" : "")}")));
    }

    private static XElement Sentences(SpaceTimeStory story) => story.Chain.Count == 0
        ? new("p", "No event of the record could be tied to the violation; what the check itself says is all there is.")
        : new("ol", A("class", "chain"), story.Chain.Select(line => new XElement("li", A("class", line.Style == MarkStyle.Violation ? "violation" : "step"),
            new XElement("span", A("class", "n"), line.Number.ToString(CultureInfo.InvariantCulture)), new XElement("span", A("class", "at"), story.TimeText(line.AtUs)),
            new XElement("span", A("class", "who"), line.Track), new XElement("span", A("class", "what"), line.Text))));

    private static IEnumerable<XElement> Key(SpaceTimeStory story)
    {
        var words = new[]
        {
            (BarStyle.Leader, "leads"), (BarStyle.Candidate, "stands for election"), (BarStyle.LeaderLease, "leader lease"), (BarStyle.WriteLease, "write lease"),
            (BarStyle.Writable, "server takes writes"), (BarStyle.Down, "down"), (BarStyle.Operation, "operation of a client"), (BarStyle.WrongOperation, "operation that cannot be put in order"),
        };
        foreach (var (style, meaning) in words.Where(w => story.Bars.Any(b => b.Style == w.Item1))) yield return Entry(char.ToLowerInvariant(style.ToString()[0]) + style.ToString()[1..], meaning);
        if (story.Faults.Count > 0) yield return Entry("fault", "fault, and whom it hits");
        yield return new("span", A("class", "entry"), "thick arrow: the first message by which one link of the chain could have influenced the next · thin: other messages · crossed out: held or lost");
        yield return new("span", A("class", "entry"), "Waits are squeezed: order and times are true, lengths are not. Point at anything for its story.");
    }

    private static XElement Entry(string style, string meaning) => new("span", A("class", "entry"), new XElement("span", A("class", $"key {style}"), "\u200b"), meaning);

    private static string Escaped(string text) => text.Replace("*", "\\*", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal);

    private static XAttribute A(string name, string value) => new(name, value);
}

/// <summary>Style sheets and scripts that are part of this program.</summary>
internal static class PageAsset
{
    public static string Text(string name)
    {
        using var stream = typeof(PageAsset).Assembly.GetManifestResourceStream($"Verify.Reports.Assets.{name}") ?? throw new InvalidOperationException($"{name} is not embedded");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
