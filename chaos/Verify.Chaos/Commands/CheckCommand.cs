using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Verify.Chaos.Output;
using Verify.Chaos.Running;
using Verify.Checks;
using Verify.Checks.Linearizability;
using Verify.Checks.Recorded;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos check: the linearizability checker on histories from files, ours and others'.</summary>
internal static class CheckCommand
{
    private const long BytesMax = 1L << 30;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public static Command Create()
    {
        var files = new Argument<string[]>("file") { Description = "Histories, or folders of runs (their history.ndjson).", Arity = ArgumentArity.OneOrMore };
        var model = new Option<string>("--model") { Description = $"What the history is held against: {string.Join(", ", HistoryJudge.Models)}.", DefaultValueFactory = _ => "auto" };
        model.AcceptOnlyFromAmong([.. HistoryJudge.Models]);
        var initial = new Option<string>("--initial") { Description = "What a register or CAS register holds at first, as EDN: nil, 0, \"a\".", DefaultValueFactory = _ => "nil" };
        var seconds = new Option<double>("--seconds") { Description = "Time for each file; more is \"unknown\".", DefaultValueFactory = _ => 60 };
        var json = new Option<bool>("--json") { Description = "Print an array with a verdict per file as JSON on standard output, and nothing else there." };
        var command = new Command("check", """
            Judges histories: is there an order of the calls that the model allows and that respects real time?
            Formats, told from the text:
              history.ndjson  of our runs (model kv, each key a register with compare-and-set)
              EDN             Jepsen's history.edn and the KV logs of Porcupine's tests: maps with :process, :type, :f, :value, and :key
                              where there are several; [key value] pairs of jepsen.independent. :fail did not happen, :info may have
              etcd log        "INFO jepsen.util - 3 :invoke :cas [3 0]"; there a :fail of a cas is an observation
            Models: register (:read :write), cas (and :cas [from to]), kv (:get :put :append :delete :cas),
              lock (:acquire answered with its fencing token, :release and :use with :value TOKEN, :expire; the answer :refused counts),
              counter (:add with :session, :number and :value, answered with the new value, carried out once; :read).
            With --initial other than nil, a read of nil says nothing, as in Knossos.
            Examples:
              verify-chaos check artifacts/latest
              verify-chaos check --model kv history.ndjson
              verify-chaos check --model cas --initial 0 store/latest/history.edn
              verify-chaos check --json logs/*.log
            Exit codes: 0 all valid, 1 one is not linearizable, 2 one is unknown (time or memory ran out, or nothing was observed),
            3 a file cannot be read.
            """) { files, model, initial, seconds, json };
        command.SetAction((parse, _) => ProgramErrors.GuardAsync(() => Task.FromResult(Check(
            parse.GetValue(files)!, parse.GetValue(json),
            new(parse.GetValue(model)!, new SearchLimits { Time = TimeSpan.FromSeconds(Math.Max(0, parse.GetValue(seconds))) }, parse.GetValue(initial)!)))));
        return command;
    }

    private static int Check(string[] files, bool json, HistoryJudge judge)
    {
        var verdicts = new List<HistoryVerdict>();
        foreach (var file in files)
        {
            var verdict = Judged(file, judge);
            verdicts.Add(verdict);
            if (!json) Print(verdict);
        }

        if (json) Console.WriteLine(JsonSerializer.Serialize(verdicts, Json));
        return RunOutcome.ExitCode(verdicts.Max(v => v.Verdict));
    }

    private static HistoryVerdict Judged(string file, HistoryJudge judge)
    {
        var path = Directory.Exists(file) ? Path.Combine(file, "history.ndjson") : file;
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > BytesMax }) throw new HarnessException($"{path} has more than {BytesMax >> 30} GiB: cut it by key, each key is judged by itself");
            return judge.Judge(File.ReadAllText(path), path);
        }
        catch (Exception e) when (e is RunFileException or IOException or UnauthorizedAccessException)
        {
            throw new HarnessException(e.Message);
        }
    }

    private static void Print(HistoryVerdict verdict)
    {
        Console.WriteLine($"{Words.Of(verdict.Verdict),-8} {verdict.File} ({verdict.Format}, model {verdict.Model}, {verdict.Calls} calls, {verdict.OpenCalls} without an answer): {verdict.Observed}");
        if (verdict.Verdict != Verdict.Invalid) return;
        Console.WriteLine(verdict.IsSmallestMinimal
            ? "  The smallest part of it that has no legal order (without any call that can honestly be left out):"
            : "  A small part of it that has no legal order (there was no time to find out whether it is the smallest):");
        foreach (var line in verdict.Smallest) Console.WriteLine($"    {line}");
        Console.WriteLine($"  The longest order found has {verdict.LongestOrder} calls; its end:");
        foreach (var line in verdict.LongestOrderEnd) Console.WriteLine($"    {line}");
    }
}
