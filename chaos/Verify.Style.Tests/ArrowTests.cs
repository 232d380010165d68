using System.Xml.Linq;

namespace Verify.Style.Tests;

/// <summary>The arrows between the rooms are as ARCHITECTURE.md draws them: in the project files, and in what was built.</summary>
public sealed class ArrowTests
{
    private static readonly SortedDictionary<string, string[]> MayReference = new(StringComparer.Ordinal)
    {
        ["Verify.Raft"] = [],
        ["Verify.MySql"] = [],
        ["Verify.Node"] = ["Verify.Raft", "Verify.MySql"],
        ["verify-node"] = ["Verify.Node", "Verify.Raft", "Verify.MySql", "Verify.Reports"],
        ["Verify.Client"] = [],
        ["verify-ctl"] = ["Verify.Client"],
        ["Verify.Sim"] = ["Verify.Node", "Verify.MySql", "Verify.Raft"],
        ["Verify.Scenarios"] = [],
        ["Verify.Checks"] = [],
        ["Verify.Fleet"] = ["Verify.MySql"],
        ["Verify.Reports"] = ["Verify.Checks", "Verify.Scenarios"],
        ["verify-chaos"] = ["Verify.Scenarios", "Verify.Checks", "Verify.Fleet", "Verify.Sim", "Verify.Reports", "Verify.MySql", "Verify.Node", "Verify.Raft", "Verify.Client"],
        ["verify-fuzz"] = ["Verify.Raft", "Verify.MySql", "Verify.Node", "verify-node"],
    };

    private static string[] Names() => [.. Checkout.Projects.Keys];

    [TestCaseSource(nameof(Names))]
    public void An_assembly_references_only_the_rooms_it_may_see(string name)
    {
        using var assembly = Checkout.Assembly(name);
        var ours = assembly.MainModule.AssemblyReferences.Select(r => r.Name)
            .Where(n => n.StartsWith("Verify", StringComparison.OrdinalIgnoreCase)).Order(StringComparer.Ordinal);
        Assert.That(ours, Is.SubsetOf(MayReference[name]));
    }

    [Test]
    public void The_client_library_and_its_program_need_nothing_but_what_they_say()
    {
        Assert.That(Outsiders("Verify.Client"), Is.Empty, "Verify.Client is for everybody's program: the base class library and nothing else");
        Assert.That(Outsiders("verify-ctl"), Is.SubsetOf(new[] { "System.CommandLine", "Spectre.Console", "Verify.Client" }));
    }

    [Test]
    public void The_live_world_starts_the_node_host_and_never_links_it()
    {
        var project = XDocument.Load(Path.Combine(Checkout.Root, "chaos/Verify.Chaos/Verify.Chaos.csproj"));
        var reference = project.Descendants("ProjectReference").Single(r => r.Attribute("Include")!.Value.Contains("NodeHost", StringComparison.Ordinal));
        Assert.That(reference.Attribute("ReferenceOutputAssembly")?.Value, Is.EqualTo("false"));
    }

    /// <summary>References that the shared framework does not hold.</summary>
    private static IEnumerable<string> Outsiders(string name)
    {
        var framework = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        using var assembly = Checkout.Assembly(name);
        return [.. assembly.MainModule.AssemblyReferences.Select(r => r.Name).Where(n => !File.Exists(Path.Combine(framework, n + ".dll")))];
    }

    [Test]
    public void The_default_build_references_no_package_that_the_build_machines_lack()
    {
        string[] absent = ["Microsoft.Coyote", "DotNext.Net.Cluster", "Testcontainers", "Toxiproxy.Net", "MySqlConnector"];
        foreach (var file in Directory.EnumerateFiles(Checkout.Root, "*.csproj", SearchOption.AllDirectories))
        {
            var names = XDocument.Load(file).Descendants("PackageReference").Select(p => p.Attribute("Include")!.Value);
            Assert.That(names.Where(n => absent.Any(a => n.StartsWith(a, StringComparison.Ordinal))), Is.Empty, file);
        }
    }

    [Test]
    public void The_top_level_holds_what_was_prescribed_and_nothing_else()
    {
        string[] prescribed =
        [
            "node", "sim", "chaos", "scenarios", "reports", "Verify.sln", "run-chaos.ps1", "README.md", "ARCHITECTURE.md", "STYLE.md", "CONTRIBUTING.md",
            "Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", "global.json", ".editorconfig", ".gitignore", ".gitattributes",
            ".config", ".ci", ".git", "LICENSE", "artifacts", "TestResults", ".vs", ".idea",
        ];
        var found = Directory.EnumerateFileSystemEntries(Checkout.Root).Select(p => Path.GetFileName(p));
        Assert.That(found, Is.SubsetOf(prescribed));
    }
}
