using Verify.Chaos.Running;
using Verify.Scenarios;

namespace Verify.Chaos.Commands;

/// <summary>Finds scenario files: a path, or a name in the library or among the regressions of the checkout.</summary>
internal static class ScenarioLibrary
{
    public static string FileOf(string nameOrPath)
    {
        if (File.Exists(nameOrPath)) return nameOrPath;
        foreach (var file in All())
        {
            if (Path.GetFileNameWithoutExtension(file) == nameOrPath) return file;
        }

        throw new HarnessException($"'{nameOrPath}' is neither a file nor a scenario of the library; there are: {string.Join(", ", All().Select(f => Path.GetFileNameWithoutExtension(f)))}");
    }

    /// <exception cref="HarnessException">The file is not a scenario; says every problem with its line.</exception>
    public static (Scenario Scenario, string Text) Read(string nameOrPath)
    {
        var file = FileOf(nameOrPath);
        var text = File.ReadAllText(file);
        return (Parse(text, file), text);
    }

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

    public static IReadOnlyList<string> All()
    {
        var root = Machine.CheckoutRoot() ?? throw new HarnessException("no checkout of Verify is near (no Verify.sln above here); name the scenario's file");
        return [.. new[] { "library", "regressions" }.Select(d => Path.Combine(root, "scenarios", d)).Where(d => Directory.Exists(d))
            .SelectMany(d => Directory.EnumerateFiles(d, "*.yaml")).Order(StringComparer.Ordinal)];
    }
}
