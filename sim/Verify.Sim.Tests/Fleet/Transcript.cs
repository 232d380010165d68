using Verify.MySql;

namespace Verify.Sim.Tests.Fleet;

/// <summary>One line of a transcript that does something, with the answer that must follow. A line may begin with [mysql] or
/// [mariadb]: then it is there for that flavour only.</summary>
/// <param name="Line">Where it stands, for messages.</param>
/// <param name="Words">What to do; the grammar is in <see cref="TranscriptRunner"/>.</param>
/// <param name="Expected">The answer, line by line: rows, "ok", "error 1290", "waits", "closed".</param>
internal sealed record TranscriptStep(int Line, string Words, IReadOnlyList<string> Expected);

/// <summary>A story of sessions, statements and answers that must be true of the model and of the real server alike.</summary>
internal sealed record Transcript(string Name, IReadOnlyList<TranscriptStep> Steps)
{
    public static Transcript Read(string file, Flavor flavor)
    {
        var steps = new List<TranscriptStep>();
        var mine = flavor == Flavor.MySql ? "[mysql] " : "[mariadb] ";
        var number = 0;
        foreach (var raw in File.ReadLines(file))
        {
            number++;
            var line = raw.TrimEnd();
            if (line.StartsWith(mine, StringComparison.Ordinal)) line = line[mine.Length..];
            if (line.Length == 0 || line[0] is '#' or '[') continue;
            if (IsExpectation(line)) ((List<string>)steps[^1].Expected).Add(line);
            else steps.Add(new(number, line, new List<string>()));
        }

        return new(Path.GetFileNameWithoutExtension(file), steps);
    }

    public static IEnumerable<string> Names() =>
        Directory.EnumerateFiles(Folder, "mysql-*.txt").Select(f => Path.GetFileNameWithoutExtension(f)!).Order(StringComparer.Ordinal);

    public static string PathOf(string name) => Path.Combine(Folder, name + ".txt");

    private static string Folder => Path.Combine(TestContext.CurrentContext.TestDirectory, "testdata");

    private static bool IsExpectation(string line) =>
        line[0] == '|' || line is "ok" or "waits" or "closed" || line.StartsWith("error ", StringComparison.Ordinal);
}
