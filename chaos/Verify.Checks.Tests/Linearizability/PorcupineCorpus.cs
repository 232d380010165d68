using System.Text.Json;
using Verify.Checks.Linearizability;
using Verify.Checks.Recorded;

namespace Verify.Checks.Tests.Linearizability;

/// <summary>The public part of Porcupine's corpus, read as verify-chaos check reads it.</summary>
internal static class PorcupineCorpus
{
    public static IReadOnlyList<(string File, bool IsLinearizable)> Cases()
    {
        using var verdicts = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(SharedData.Folder("porcupine"), "expected-verdicts.json")));
        return verdicts.RootElement.GetProperty("cases").EnumerateArray()
            .Select(c => (c.GetProperty("file").GetString()!, c.GetProperty("linearizable").GetBoolean()))
            .ToArray();
    }

    public static string Text(string file) => File.ReadAllText(Path.Combine(SharedData.Folder("porcupine"), file));

    public static Verdict Judge(string file, SearchLimits limits) => new HistoryJudge("auto", limits).Judge(Text(file), file).Verdict;

    /// <summary>The files whose verdict is not the known one.</summary>
    public static string[] Wrong() =>
        Cases().Where(c => Judge(c.File, new SearchLimits()) != (c.IsLinearizable ? Verdict.Valid : Verdict.Invalid)).Select(c => c.File).ToArray();
}
