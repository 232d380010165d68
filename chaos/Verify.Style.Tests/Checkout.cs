using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Verify.Style.Tests;

/// <summary>The checkout under test: its sources as text, its built assemblies as IL.</summary>
internal static class Checkout
{
    public static readonly string Root = FindRoot();

    /// <summary>The project of each production assembly, by assembly name.</summary>
    public static readonly SortedDictionary<string, string> Projects = new(StringComparer.Ordinal)
    {
        ["Verify.Raft"] = "node/Verify.Raft",
        ["Verify.MySql"] = "node/Verify.MySql",
        ["Verify.Node"] = "node/Verify.Node",
        ["verify-node"] = "node/Verify.NodeHost",
        ["Verify.Client"] = "node/Verify.Client",
        ["verify-ctl"] = "node/Verify.Ctl",
        ["Verify.Sim"] = "sim/Verify.Sim",
        ["Verify.Scenarios"] = "scenarios/Verify.Scenarios",
        ["Verify.Checks"] = "chaos/Verify.Checks",
        ["Verify.Fleet"] = "chaos/Verify.Fleet",
        ["Verify.Reports"] = "reports/Verify.Reports",
        ["verify-chaos"] = "chaos/Verify.Chaos",
        ["verify-fuzz"] = "chaos/Verify.Fuzz",
    };

    public static AssemblyDefinition Assembly(string name)
    {
        var file = Path.Combine(TestContext.CurrentContext.TestDirectory, name + ".dll");
        Assert.That(file, Does.Exist, $"{name} is not beside the tests: is it referenced by Verify.Style.Tests?");
        return AssemblyDefinition.ReadAssembly(file, new ReaderParameters { ReadSymbols = true, SymbolReaderProvider = new EmbeddedPortablePdbReaderProvider() });
    }

    /// <summary>Every source file of the repository (C# and Razor), with paths relative to the root.</summary>
    public static IEnumerable<string> Sources() =>
        Directory.EnumerateFiles(Root, "*.*", SearchOption.AllDirectories)
            .Where(f => f.EndsWith(".cs", StringComparison.Ordinal) || f.EndsWith(".razor", StringComparison.Ordinal))
            .Select(f => Path.GetRelativePath(Root, f).Replace('\\', '/'))
            .Where(f => !f.Split('/').Any(part => part is "bin" or "obj" or "artifacts" or "TestResults"))
            .Order(StringComparer.Ordinal);

    public static string[] Lines(string source) => File.ReadAllLines(Path.Combine(Root, source));

    public static IEnumerable<MethodDefinition> Methods(AssemblyDefinition assembly) =>
        assembly.MainModule.GetTypes().SelectMany(t => t.Methods).Where(m => m.HasBody);

    /// <summary>Everything a method's IL mentions outside its own assembly.</summary>
    public static IEnumerable<MemberReference> Mentions(MethodDefinition method)
    {
        foreach (var instruction in method.Body.Instructions)
        {
            if (instruction.Operand is MemberReference member) yield return member;
        }
    }

    private static string FindRoot()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Verify.sln"))) return at.FullName;
        }

        throw new InvalidOperationException("no Verify.sln above the tests");
    }
}
