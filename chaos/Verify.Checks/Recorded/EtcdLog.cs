using System.Globalization;
using System.Text.RegularExpressions;

namespace Verify.Checks.Recorded;

/// <summary>Jepsen's log of its etcd test, as the tests of Porcupine keep it: "INFO  jepsen.util - 3 :invoke :cas [3 0]". Other lines of
/// the log are passed over. A refused compare-and-set (":fail :cas [3 0]") is an observation; what timed out stays open.</summary>
internal static partial class EtcdLog
{
    private const string TimedOut = ":timed-out";

    public static IReadOnlyList<RecordedCall> Read(string text, string file)
    {
        var pairs = new CallPairs();
        var number = 0;
        foreach (var line in text.Split('\n'))
        {
            number++;
            if (!Mark().IsMatch(line))
            {
                continue;
            }

            var match = Line().Match(line);
            if (!match.Success)
            {
                throw new RunFileException(file, number, $"'{line.Trim()}' is not understood; expected is: process, :invoke, :ok, :fail or :info, :read, :write or :cas, value");
            }

            Take(pairs, match, number, file);
        }

        return pairs.All();
    }

    private static void Take(CallPairs pairs, Match match, int line, string file)
    {
        var (process, type, function, value) = (match.Groups["process"].Value, match.Groups["type"].Value, match.Groups["f"].Value, match.Groups["value"].Value);
        var isTimedOut = string.Equals(value, TimedOut, StringComparison.Ordinal);
        var parsed = isTimedOut ? new EdnValue.Nil() : new EdnReader(value, file).Next() ?? new EdnValue.Nil();
        if (type is "invoke")
        {
            pairs.Begin(new(line, process, function, Key: null, Fields: null, parsed, new EdnValue.Nil(), CallEnd.Open, line, long.MaxValue));
            return;
        }

        if (type is "info")
        {
            return; // it stays open, and its process does not come back
        }

        if (pairs.OpenOf(process) is not { } open)
        {
            throw new RunFileException(file, line, $"process {process} has no call that could end here: is the beginning of the log missing?");
        }

        if (!string.Equals(open.Function, function, StringComparison.Ordinal))
        {
            throw new RunFileException(file, line, $"process {process} called :{open.Function} on line {open.Line.ToString(CultureInfo.InvariantCulture)}, and this ends a :{function}");
        }

        var end = (type, function, isTimedOut) switch
        {
            (_, "read", true) or ("fail", "read", _) => CallEnd.NotDone, // a read that says nothing
            ("ok", _, false) => CallEnd.Answered,
            ("fail", "cas", false) => CallEnd.Refused,
            _ => CallEnd.Open,
        };
        if (end != CallEnd.Open)
        {
            pairs.End(process, open with { Answered = parsed, End = end, ReturnedAt = line });
        }
    }

    [GeneratedRegex(@"jepsen\.util\s+-\s+\d+\s", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Mark();

    [GeneratedRegex(@"jepsen\.util\s+-\s+(?<process>\d+)\s+:(?<type>invoke|ok|fail|info)\s+:(?<f>read|write|cas)\s+(?<value>\S.*?)\s*$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Line();
}
