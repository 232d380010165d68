using System.CommandLine;
using Verify.Chaos.Exploring;
using Verify.Chaos.Running;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos merge: the results of the shards of one exploration as one.</summary>
internal static class MergeCommand
{
    public static Command Create()
    {
        var files = new Argument<string[]>("file") { Description = "Results of explore --out or --json, one per shard.", Arity = ArgumentArity.OneOrMore };
        var outFile = new Option<string?>("--out") { Description = "Write the whole as JSON to this file." };
        var json = new Option<bool>("--json") { Description = "Print the whole as JSON on standard output; everything for people goes to standard error." };
        var command = new Command("merge", """
            Joins the results of the shards of one exploration. Refuses results of differing commits or options; names seeds that nobody
            played and seeds that were played twice.
            Examples:
              verify-chaos merge part-0.json part-1.json part-2.json part-3.json
              verify-chaos merge part-*.json --out whole.json
            Exit codes: 0 clean and complete, 1 a promise was broken in any of them, 2 undecided (gaps, overlaps), 3 these are no parts of one exploration.
            """) { files, outFile, json };
        command.SetAction((parse, _) => ProgramErrors.GuardAsync(() =>
        {
            var whole = ExploreMerge.Of([.. parse.GetValue(files)!.Select(file => (file, ExploreRecord.Read(file)))]);
            ExploreCommand.Conclude(whole, parse.GetValue(json), parse.GetValue(outFile), parse.GetValue(json) ? Console.Error.WriteLine : Console.WriteLine);
            return Task.FromResult(RunOutcome.ExitCode(whole.Verdict));
        }));
        return command;
    }
}
