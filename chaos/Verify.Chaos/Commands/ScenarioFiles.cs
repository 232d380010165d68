using Verify.Chaos.Running;
using Verify.Scenarios;

namespace Verify.Chaos.Commands;

/// <summary>Finds scenarios: a file, a name of the library, or a regression of the checkout.</summary>
internal static class ScenarioFiles
{
    /// <exception cref="HarnessException">No such scenario, or the file is none; says every problem with its line.</exception>
    public static (Scenario Scenario, string Text) Read(string nameOrPath)
    {
        if (File.Exists(nameOrPath)) return Parsed(File.ReadAllText(nameOrPath), nameOrPath);
        if (ScenarioLibrary.Text(nameOrPath) is { } text) return Parsed(text, nameOrPath);
        var regression = Regressions().FirstOrDefault(f => Path.GetFileNameWithoutExtension(f) == nameOrPath);
        if (regression is not null) return Parsed(File.ReadAllText(regression), regression);
        throw new HarnessException($"'{nameOrPath}' is neither a file nor a scenario; there are: {string.Join(", ", Names())}");
    }

    public static IReadOnlyList<string> Names() => [.. ScenarioLibrary.Names, .. Regressions().Select(f => Path.GetFileNameWithoutExtension(f))];

    public static Scenario Parse(string text, string file)
    {
        try
        {
            return ScenarioReader.Read(text, file);
        }
        catch (ScenarioException e)
        {
            throw new HarnessException(e.Message, e);
        }
    }

    private static (Scenario Scenario, string Text) Parsed(string text, string file) => (Parse(text, file), text);

    private static IReadOnlyList<string> Regressions()
    {
        var folder = Path.Combine(Machine.CheckoutRoot() ?? ".", "scenarios", "regressions");
        return Directory.Exists(folder) ? [.. Directory.EnumerateFiles(folder, "*.yaml").Order(StringComparer.Ordinal)] : [];
    }
}
