using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Verify.Checks.Linearizability;

namespace Verify.Checks.Tests.Linearizability;

/// <summary>Reads the two formats of the Porcupine corpus (shared/facts/checkers.md §0.1 and §0.2). The order of the lines is the time.</summary>
internal static partial class PorcupineCorpus
{
    public static IReadOnlyList<(string File, bool IsLinearizable)> Cases()
    {
        using var verdicts = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(SharedData.Folder("porcupine"), "expected-verdicts.json")));
        return verdicts.RootElement.GetProperty("cases").EnumerateArray()
            .Select(c => (c.GetProperty("file").GetString()!, c.GetProperty("linearizable").GetBoolean()))
            .ToArray();
    }

    public static Verdict Judge(string file, SearchLimits limits)
    {
        var lines = File.ReadAllLines(Path.Combine(SharedData.Folder("porcupine"), file));
        return file.StartsWith("jepsen/", StringComparison.Ordinal)
            ? new PartitionedSearch<int, RegisterCall>(new RegisterModel(), limits).Judge([new("register", Etcd(lines))]).Verdict
            : new PartitionedSearch<string, AppendCall>(new AppendModel(), limits).Judge(Kv(lines)).Verdict;
    }

    /// <summary>A CAS register that begins as nil. A refused CAS is an observation; ":info" leaves the call open for ever.</summary>
    public static List<TimedCall<RegisterCall>> Etcd(string[] lines)
    {
        var calls = new List<TimedCall<RegisterCall>>();
        var open = new SortedDictionary<int, (RegisterCall Call, int Line)>();
        for (var line = 0; line < lines.Length; line++)
        {
            var match = EtcdLine().Match(lines[line]);
            if (!match.Success)
            {
                continue;
            }

            var process = int.Parse(match.Groups["process"].ValueSpan, CultureInfo.InvariantCulture);
            var (type, word, value) = (match.Groups["type"].Value, match.Groups["f"].Value, match.Groups["value"].Value);
            switch (type)
            {
                case "invoke":
                    open.Add(process, (Called(word, value), line));
                    break;
                case "ok" or "fail":
                    var (call, from) = open[process];
                    open.Remove(process);
                    if (Answered(call, type, value) is { } answered)
                    {
                        calls.Add(new(answered, from, line, IsOptional: false, from));
                    }

                    break;
                default:
                    break; // info: it stays open, and its process never comes back
            }
        }

        calls.AddRange(open.Values.Where(o => o.Call.Kind != RegisterCallKind.Read)
            .Select(o => new TimedCall<RegisterCall>(o.Call, o.Line, long.MaxValue, IsOptional: true, o.Line)));
        return calls;
    }

    public static List<Partition<AppendCall>> Kv(string[] lines)
    {
        var byKey = new SortedDictionary<string, List<TimedCall<AppendCall>>>(StringComparer.Ordinal);
        var open = new SortedDictionary<int, int>();
        for (var line = 0; line < lines.Length; line++)
        {
            var match = KvLine().Match(lines[line]);
            Assert.That(match.Success, $"line {line + 1}: {lines[line]}");
            var process = int.Parse(match.Groups["process"].ValueSpan, CultureInfo.InvariantCulture);
            if (match.Groups["type"].Value is "invoke")
            {
                open.Add(process, line);
                continue;
            }

            var kind = Enum.Parse<AppendCallKind>(match.Groups["f"].Value, ignoreCase: true);
            var key = match.Groups["key"].Value;
            byKey.TryAdd(key, []);
            byKey[key].Add(new(new AppendCall(kind, match.Groups["value"].Value), open[process], line, IsOptional: false, open[process]));
            open.Remove(process);
        }

        Assert.That(open, Is.Empty, "the KV files have no unfinished calls");
        return byKey.Select(p => new Partition<AppendCall>(p.Key, p.Value)).ToList();
    }

    private static RegisterCall Called(string word, string value)
    {
        var numbers = value.Trim('[', ']').Split(' ');
        return word switch
        {
            "read" => new(RegisterCallKind.Read, RegisterModel.Absent),
            "write" => new(RegisterCallKind.Write, Number(value)),
            "cas" => new(RegisterCallKind.Cas, Number(numbers[1]), Number(numbers[0])),
            _ => throw new FormatException($"'{word}' is not a call"),
        };
    }

    private static RegisterCall? Answered(RegisterCall call, string type, string value) => call.Kind switch
    {
        RegisterCallKind.Read => value is ":timed-out" ? null : call with { Value = Number(value) },
        RegisterCallKind.Cas when type is "fail" => new(RegisterCallKind.CasRefused, RegisterModel.Absent, call.Expected),
        _ => call,
    };

    private static int Number(string text) => text is "nil" ? RegisterModel.Absent : int.Parse(text, CultureInfo.InvariantCulture) + 1;

    [GeneratedRegex(@"^INFO\s+jepsen\.util\s+-\s+(?<process>\d+)\s+:(?<type>invoke|ok|fail|info)\s+:(?<f>read|write|cas)\s+(?<value>.*?)\s*$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex EtcdLine();

    [GeneratedRegex("""^\{:process (?<process>\d+), :type :(?<type>invoke|ok), :f :(?<f>get|put|append), :key "(?<key>.*?)", :value ("(?<value>.*)"|nil)\}$""", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex KvLine();
}
