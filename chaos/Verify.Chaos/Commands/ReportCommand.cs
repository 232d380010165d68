using System.CommandLine;
using Verify.Chaos.Output;
using Verify.Reports;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos report: renders the pages again from what a run left.</summary>
internal static class ReportCommand
{
    public static Command Create()
    {
        var folder = new Argument<string>("folder") { Description = "artifacts/<run>." };
        var command = new Command("report", """
            Renders report.html, junit.xml and summary.md again from run.json, history.ndjson and events.ndjson.
            Example: verify-chaos report artifacts/latest
            """) { folder };
        command.SetAction((parse, _) => ProgramErrors.GuardAsync(() =>
        {
            var path = parse.GetValue(folder)!;
            var suite = RunFolder.Load(path);
            File.WriteAllText(Path.Combine(path, "report.html"), ReportPage.Render(suite));
            File.WriteAllText(Path.Combine(path, "junit.xml"), JUnitXml.Render(suite));
            File.WriteAllText(Path.Combine(path, "summary.md"), SummaryMarkdown.Render(suite));
            Console.WriteLine($"{Path.Combine(path, "report.html")}: {Words.Of(suite.Verdict)}");
            return Task.FromResult(0);
        }));
        return command;
    }
}
