using Verify.Checks;

namespace Verify.Reports.Model;

/// <summary>Verdicts and worlds as readers see them: always a word, never a colour alone.</summary>
public static class VerdictText
{
    public static string Word(this Verdict verdict) => verdict switch
    {
        Verdict.Valid => "VALID",
        Verdict.Invalid => "INVALID",
        _ => "UNKNOWN",
    };

    /// <summary>The style class of the page.</summary>
    public static string Css(this Verdict verdict) => verdict switch
    {
        Verdict.Valid => "valid",
        Verdict.Invalid => "invalid",
        _ => "unknown",
    };

    /// <summary>"sim" → "simulated".</summary>
    public static string World(string world) => world == "sim" ? "simulated" : world;

    /// <summary>Live first: it is the one that a reader believes.</summary>
    public static IReadOnlyList<string> Worlds(SuiteRecord suite) =>
        [.. suite.Runs.Select(r => r.World).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    public static string TitleOf(RunRecord run) =>
        run.World == "live" ? "Live run" : $"Simulated run, seed {run.Seed}";

    /// <summary>The beginning of a text that may be of any length.</summary>
    public static string Cut(string text, int charactersMax) =>
        text.Length <= charactersMax ? text : $"{text[..charactersMax]} … (the whole is in run.json)";
}
