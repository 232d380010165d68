using System.Text.RegularExpressions;

namespace Verify.Style.Tests;

/// <summary>The rules of STYLE.md that a machine can see.</summary>
public sealed partial class SourceTests
{
    private const int FileLinesMax = 600;
    private const int MethodLinesMax = 70;

    [Test]
    public void No_file_is_longer_than_a_reader_can_hold() =>
        Assert.That(Checkout.Sources().Select(s => (Source: s, Lines: Checkout.Lines(s).Length)).Where(s => s.Lines > FileLinesMax), Is.Empty);

    [Test]
    public void No_method_is_longer_than_a_screen()
    {
        var tooLong = new List<string>();
        foreach (var name in Checkout.Projects.Keys)
        {
            using var assembly = Checkout.Assembly(name);
            foreach (var method in Checkout.Methods(assembly))
            {
                var lines = method.DebugInformation.SequencePoints.Where(p => !p.IsHidden && p.Document.Url.EndsWith(".cs", StringComparison.Ordinal)
                    && !p.Document.Url.Contains("/obj/", StringComparison.Ordinal)).Select(p => (p.StartLine, p.EndLine)).ToList();
                if (lines.Count == 0 || method.Name == "<Main>$") continue;
                var length = lines.Max(l => l.EndLine) - lines.Min(l => l.StartLine) + 1;

                // Constructors gather the field initialisers of the whole type.
                if (length > MethodLinesMax && !method.IsConstructor) tooLong.Add($"{method.FullName}: {length} lines");
            }
        }

        Assert.That(tooLong, Is.Empty);
    }

    [Test]
    public void Nothing_is_left_to_do_in_a_comment_or_behind_an_exception()
    {
        var found = Checkout.Sources().Where(s => !s.StartsWith("chaos/Verify.Style.Tests/", StringComparison.Ordinal))
            .SelectMany(s => Checkout.Lines(s).Select((text, i) => (Place: $"{s}:{i + 1}", Text: text)))
            .Where(l => Leftover().IsMatch(l.Text) && !(l.Place.Contains(".Tests/", StringComparison.Ordinal) && l.Text.Contains("NotSupportedException()", StringComparison.Ordinal)));
        Assert.That(found.Select(l => l.Place), Is.Empty);
    }

    [Test]
    public void No_exception_is_swallowed_without_a_word()
    {
        var found = new List<string>();
        foreach (var source in Checkout.Sources())
        {
            var text = File.ReadAllText(Path.Combine(Checkout.Root, source));
            found.AddRange(EmptyCatch().Matches(text).Select(m => $"{source}:{text[..m.Index].Count(c => c == '\n') + 1}"));
        }

        Assert.That(found, Is.Empty);
    }

    [Test]
    public void Names_say_what_a_thing_is_for_and_not_what_pattern_it_follows()
    {
        var found = new List<string>();
        foreach (var name in Checkout.Projects.Keys)
        {
            using var assembly = Checkout.Assembly(name);
            found.AddRange(assembly.MainModule.Types.Where(t => PatternName().IsMatch(t.Name) && !t.Name.Contains('<', StringComparison.Ordinal)).Select(t => t.FullName));
        }

        Assert.That(found, Is.Empty);
    }

    [Test]
    public void The_door_for_PowerShell_stays_thin()
    {
        var lines = Checkout.Lines("run-chaos.ps1");
        Assert.That(lines, Has.Length.LessThanOrEqualTo(60));
        var code = string.Join('\n', lines);
        Assert.That(PowerShellCall().Matches(code), Has.Count.EqualTo(1), "one native call");
        Assert.That(lines[^1], Is.EqualTo("exit $LASTEXITCODE"));
        Assert.That(code, Does.Contain("'Stop'").And.Contain("@args"));
    }

    [Test]
    public void No_file_names_a_package_feed_or_a_directory_of_one_machine()
    {
        string[] kinds = [".cs", ".razor", ".md", ".yaml", ".yml", ".json", ".props", ".targets", ".csproj", ".ps1", ".sh", ".txt", ".config", ""];
        var found = Directory.EnumerateFiles(Checkout.Root, "*", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(Checkout.Root, f).Replace('\\', '/'))
            .Where(f => kinds.Contains(Path.GetExtension(f)) && !f.Split('/').Any(p => p is "bin" or "obj" or ".git" or "artifacts" or "TestResults" or "Verify.Style.Tests"))
            .Where(f => MachineOrFeed().IsMatch(File.ReadAllText(Path.Combine(Checkout.Root, f))));
        Assert.That(found, Is.Empty);
    }

    [GeneratedRegex(@"//.*\b(TODO|FIXME|HACK)\b|NotImplementedException|NotSupportedException\(\)|Assert\.(Pass|Inconclusive)\(", RegexOptions.ExplicitCapture, 10_000)]
    private static partial Regex Leftover();

    [GeneratedRegex(@"catch\s*(\([^)]*\))?\s*(when\s*\([^{]*\))?\s*\{\s*\}", RegexOptions.ExplicitCapture, 10_000)]
    private static partial Regex EmptyCatch();

    [GeneratedRegex(@"(Manager|Helper|Helpers|Utils|Util)(`\d)?$", RegexOptions.ExplicitCapture, 10_000)]
    private static partial Regex PatternName();

    [GeneratedRegex(@"\bdotnet\b", RegexOptions.ExplicitCapture, 10_000)]
    private static partial Regex PowerShellCall();

    [GeneratedRegex(@"(^|[^A-Za-z0-9.$])/(work|farm)/|api\.nuget\.org|registry\.npmjs\.org|deb\.debian\.org", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 10_000)]
    private static partial Regex MachineOrFeed();
}
