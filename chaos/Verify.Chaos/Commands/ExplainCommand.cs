using System.CommandLine;
using System.Text.Json;
using Verify.Chaos.Explaining;
using Verify.Chaos.Traces;
using Verify.Checks;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos explain: the chain of causes that leads to a violation, in words and as a space-time diagram.</summary>
internal static class ExplainCommand
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create()
    {
        var what = new Argument<string>("what") { Description = AccountSource.Help };
        var outDirectory = new Option<string?>("--out") { Description = "Folder for explanation.html and explanation.md; by default the run's own folder, else the current one." };
        var json = new Option<bool>("--json") { Description = "Print the chain as JSON on standard output; everything for people goes to standard error." };
        var mutant = new Option<string>("--bug") { Description = "The planted bug to switch on (test build only).", DefaultValueFactory = _ => "" };
        var command = new Command("explain", """
            Says how a violation came about: the chain of causes from the last event in which it shows backwards (happens-before), in words and as a
            space-time diagram on a page that needs no network. Simulated runs are played again for it, with every event and its cause kept;
            of a live run the chain is chosen by time.
            Examples:
              verify-chaos explain artifacts/latest
              verify-chaos explain artifacts/latest/sim/seed-7 --out why
              verify-chaos explain raft:4711
              verify-chaos explain cluster/lostanswers:12 --json
            Exit codes: 0 nothing to explain (no promise was broken), 1 a violation was explained, 2 an unknown verdict was, 3 the harness failed.
            """) { what, outDirectory, json, mutant };
        command.SetAction((parse, _) => ProgramErrors.GuardAsync(() =>
        {
            ArmedBug.Arm(parse.GetValue(mutant)!);
            return Task.FromResult(Explain(parse.GetValue(what)!, parse.GetValue(outDirectory), parse.GetValue(json)));
        }));
        return command;
    }

    private static int Explain(string what, string? outDirectory, bool isJson)
    {
        var teller = new Teller(isJson);
        teller.Line($"playing {what} again, with every event and its cause kept …");
        var account = AccountSource.Read(what).Account;
        if (Explanation.Of(account) is not { } explanation)
        {
            teller.Line($"{account.Title}: {Words.Of(account.Verdict)}: no promise was broken, there is nothing to explain");
            return 0;
        }

        var folder = outDirectory ?? (Directory.Exists(what) ? what : ".");
        explanation.WriteTo(folder);
        teller.Line($"{account.Title}: {Words.Of(account.Verdict)}{(account.FailureClass.Length > 0 ? $" ({account.FailureClass})" : "")}: {explanation.Chain.Finding.Check}: {explanation.Chain.Finding.Observed}");
        foreach (var line in explanation.Lines()) teller.Line($"  {line}");
        teller.Line($"page {Path.Combine(folder, Explanation.PageName)}");
        if (isJson) Console.WriteLine(JsonSerializer.Serialize(Record(account, explanation), Json));
        return account.Verdict == Verdict.Invalid ? 1 : 2;
    }

    private static object Record(RunAccount account, Explanation explanation) => new
    {
        account.Title, account.World, verdict = account.Verdict.ToString(), account.FailureClass, explanation.Chain.Finding.Check, explanation.Chain.Finding.Predicate, explanation.Chain.Finding.Observed,
        chain = explanation.Chain.Links.Select((l, i) => new { number = i + 1, l.AtUs, l.Actor, style = l.Style.ToString(), l.Text, l.IsAnchor }),
        influences = explanation.Chain.Influences.Select(i => new { from = i.FromLink + 1, to = i.ToLink + 1, i.Message.From, receiver = i.Message.To, i.Message.SentUs, i.Message.AtUs, i.Message.Name }),
    };
}
