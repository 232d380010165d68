using System.Text.RegularExpressions;
using Verify.Reports.Model;
using Verify.Reports.Tests.Samples;

namespace Verify.Reports.Tests.Screenshots;

/// <summary>The page as a person sees it: opened in a browser without a network, and looked at.</summary>
[Category("Live")]
internal sealed class ScreenshotTests
{
    private const int Width = 1280, Height = 1600;

    [Test]
    public void A_report_of_two_writable_primaries_shows_its_verdict_and_the_overlap_at_first_sight()
    {
        var (page, picture) = Shoot(SampleSuites.NotFenced(), "not-fenced");
        Looks(page, picture, verdict: "--bad");
        Assert.Multiple(() =>
        {
            Assert.That(picture.Count(ColourOf(page, "rect.overlap")), Is.GreaterThan(1500), "the label and the edges of the overlap");
            Assert.That(picture.Count(ColourOf(page, "rect.writable")), Is.GreaterThan(7000), "db1 and db2, each most of the time");
        });
    }

    [Test]
    public void A_report_of_a_fenced_data_centre_shows_its_verdict_and_no_overlap()
    {
        var (page, picture) = Shoot(SampleSuites.Valid(), "fenced");
        Looks(page, picture, verdict: "--ok");
        Assert.That(picture.Count(ColourOf(page, "rect.overlap")), Is.Zero);
        Assert.That(picture.Count(ColourOf(page, "rect.fencing")), Is.GreaterThan(20), "the fence itself is short, and is seen all the same");
    }

    [Test]
    public void A_report_of_a_broken_run_says_unknown_and_not_valid()
    {
        var (page, picture) = Shoot(SampleSuites.Unknown(), "unknown");
        Assert.That(picture.Count(ColourOf(page, "--unk")), Is.GreaterThan(4000));
        Assert.That(picture.Count(ColourOf(page, "--ok")), Is.LessThan(2000), "green is for what holds");
    }

    private static void Looks(string page, Picture picture, string verdict)
    {
        Assert.Multiple(() =>
        {
            Assert.That((picture.Width, picture.Height), Is.EqualTo((Width, Height)));
            Assert.That(picture.ShareOf(Colour.White), Is.InRange(0.2, 0.93), "neither blank nor covered");
            Assert.That(picture.ColoursCount(), Is.GreaterThan(100), "text is drawn, with its soft edges");
            Assert.That(picture.Count(ColourOf(page, verdict)), Is.GreaterThan(8000), "the verdict");
            Assert.That(picture.TopOf(ColourOf(page, verdict)), Is.InRange(0, 60), "the verdict comes first");
            foreach (var (name, least) in new[] { ("leader", 3000), ("leaderLease", 2000), ("writeLease", 2000), ("writable", 3000), ("linkCut", 2000), ("follower", 3000), ("fault", 2000), ("ok", 2000), ("refused", 100), ("unanswered", 100) })
            {
                Assert.That(picture.Count(ColourOf(page, $"rect.{name}")), Is.GreaterThan(least), name);
            }

            foreach (var x in new[] { 0, 5, Width - 6, Width - 1 }) Assert.That(picture.IsColumn(x, Colour.White), Is.True, $"nothing runs over the edge at {x}");
        });
    }

    private static (string Page, Picture Picture) Shoot(SuiteRecord suite, string name)
    {
        var browser = Browser.FindOrIgnore();
        var folder = Directory.CreateDirectory(Path.Combine(TestContext.CurrentContext.WorkDirectory, "TestResults", "screenshots")).FullName;
        var (html, png) = (Path.Combine(folder, $"{name}.html"), Path.Combine(folder, $"{name}.png"));
        File.Delete(png);
        var page = ReportPage.Render(suite);
        File.WriteAllText(html, page);
        browser.Shoot(html, png, Width, Height);
        TestContext.Out.WriteLine($"{png} ({new FileInfo(png).Length:#,0} bytes), of {html} ({new FileInfo(html).Length:#,0} bytes)");
        TestContext.AddTestAttachment(png);
        return (page, Picture.Read(png));
    }

    /// <summary>The colour that the page's own style sheet gives to a band ("rect.leader") or names ("--bad").</summary>
    private static Colour ColourOf(string page, string what)
    {
        var found = Regex.Match(page, what.StartsWith("--", StringComparison.Ordinal) ? $"{what}: (#[0-9a-f]{{6}})" : $"{Regex.Escape(what)} {{ fill: (#[0-9a-f]{{6}})", RegexOptions.None, TimeSpan.FromSeconds(10));
        Assert.That(found.Success, Is.True, $"the style sheet has no colour for {what}");
        return Colour.Parse(found.Groups[1].Value);
    }
}
