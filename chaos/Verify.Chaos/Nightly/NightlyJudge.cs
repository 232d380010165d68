using System.Globalization;
using Verify.Checks;

namespace Verify.Chaos.Nightly;

/// <summary>What makes a night red.</summary>
/// <param name="ExitCode">1: a promise was broken; 2: something was not decided; 3: the night itself is not to be believed.</param>
internal sealed record NightlyObjection(int ExitCode, string What);

/// <summary>Judges a night by its record, as whoever reads it would.</summary>
internal static class NightlyJudge
{
    private const int Broken = 1, Undecided = 2, NotToBeBelieved = 3;

    /// <summary>Everything that is wrong; nothing: the night is green.</summary>
    public static IReadOnlyList<NightlyObjection> Objections(NightlyRecord record) =>
        [.. Canaries(record), .. Marks(record), .. record.Parts.SelectMany(Failures), .. NotPlayed(record)];

    /// <summary>0 green; else a night that is not to be believed comes first (what else it saw is not all that there is), then what is broken.</summary>
    public static int ExitCode(IReadOnlyList<NightlyObjection> objections) =>
        new[] { NotToBeBelieved, Broken, Undecided }.FirstOrDefault(code => objections.Any(o => o.ExitCode == code));

    private static IEnumerable<NightlyObjection> Canaries(NightlyRecord record)
    {
        foreach (var part in record.Parts.Where(p => p.CanariesHeard < p.CanariesDue))
            yield return new(NotToBeBelieved, string.Create(CultureInfo.InvariantCulture,
                $"{part.Name}: {part.CanariesDue - part.CanariesHeard} of {part.CanariesDue} canaries were not reported, the first is seed {part.FirstUnheard}: failures get lost on the way"));
        if (record.Parts.Sum(p => p.CanariesDue) == 0)
            yield return new(NotToBeBelieved, $"no canary was due among {record.Schedules} schedules: nothing shows that a failure would be reported; take more time, or seeds that hold a whole hundred");
    }

    private static IEnumerable<NightlyObjection> Marks(NightlyRecord record)
    {
        var reached = record.Marks;
        var missing = record.MarksDue.Where(name => reached.GetValueOrDefault(name) == 0).ToArray();
        if (missing.Length > 0)
            yield return new(NotToBeBelieved, $"never reached in {record.Schedules} schedules: {string.Join("; ", missing)}. The tests do not go where they seem to go");
    }

    private static IEnumerable<NightlyObjection> Failures(NightlyPartRecord part) => part.Failures.Select(failure => new NightlyObjection(
        failure.Verdict == Verdict.Invalid ? Broken : Undecided,
        $"{part.Name}: seed {failure.Seed}: {failure.Verdict} ({failure.FailureClass}): {failure.Promise}: {failure.What.Split('\n')[0].TrimEnd()}\n  again: {Again(part, failure.Seed)}"));

    private static IEnumerable<NightlyObjection> NotPlayed(NightlyRecord record) => record.Parts.Where(p => p.Schedules == 0)
        .Select(part => new NightlyObjection(Undecided, $"{part.Name}: nothing was played before the night ended ({record.EndedBy})"));

    public static string Again(NightlyPartRecord part, ulong seed) =>
        string.Create(CultureInfo.InvariantCulture, $"dotnet run --project chaos/Verify.Chaos -c Release -- {part.Again} --seeds {seed} --tell");
}
