namespace Verify.Scenarios;

/// <summary>The scenarios that ship (scenarios/library), by name.</summary>
public static class ScenarioLibrary
{
    private const string Extension = ".yaml";

    /// <summary>All names, sorted.</summary>
    public static IReadOnlyList<string> Names { get; } =
        typeof(ScenarioLibrary).Assembly.GetManifestResourceNames()
            .Where(n => n.EndsWith(Extension, StringComparison.Ordinal)).Select(n => n[..^Extension.Length])
            .Order(StringComparer.Ordinal).ToArray();

    /// <summary>The file's text; null when no scenario of this name ships.</summary>
    public static string? Text(string name)
    {
        using var stream = typeof(ScenarioLibrary).Assembly.GetManifestResourceStream(name + Extension);
        if (stream is null)
        {
            return null;
        }

        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>By name from the library, or from a file when the text is a path of one.</summary>
    /// <exception cref="ScenarioException">Neither, or the file has errors.</exception>
    public static Scenario Find(string nameOrPath)
    {
        if (Text(nameOrPath) is { } text)
        {
            return ScenarioReader.Read(text, nameOrPath + Extension);
        }

        return File.Exists(nameOrPath)
            ? ScenarioReader.ReadFile(nameOrPath)
            : throw new ScenarioException([new ScenarioError(
                nameOrPath, 0, 0, $"there is no such file, and no scenario of this name ships; the library has {string.Join(", ", Names)}")]);
    }
}
