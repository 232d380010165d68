using Mono.Cecil;

namespace Verify.Style.Tests;

/// <summary>Gate 1 of the simulator: what node and simulator code may touch outside itself, read from the IL, so that nothing a list of
/// banned symbols forgot slips in. Namespaces are an allow-list; within them some types and members are banned.</summary>
public sealed class IntermediateLanguageTests
{
    private static readonly string[] AllowedNamespaces =
    [
        "System", "System.Buffers", "System.Buffers.Binary", "System.Buffers.Text", "System.Collections", "System.Collections.Generic",
        "System.Collections.Immutable", "System.Collections.ObjectModel", "System.Diagnostics.CodeAnalysis", "System.Diagnostics.Metrics", "System.Globalization",
        "System.IO.Pipelines", "System.Linq", "System.Numerics", "System.Reflection", "System.Runtime.CompilerServices", "System.Runtime.ExceptionServices",
        "System.Runtime.InteropServices", "System.Text", "System.Text.RegularExpressions", "System.Threading.Tasks.Sources", "System.Threading.Tasks", "System.Runtime.Intrinsics",
    ];

    /// <summary>Types outside those namespaces, or more than the common ones, by assembly.</summary>
    private static readonly SortedDictionary<string, string[]> AllowedTypes = new(StringComparer.Ordinal)
    {
        ["Verify.Raft"] = ["System.Diagnostics.UnreachableException"],
        ["Verify.MySql"] =
        [
            "System.IO.Stream", "System.IO.IOException", "System.IO.EndOfStreamException", "System.Net.Security.*", "System.Security.*",
            "System.Threading.CancellationToken", "System.Threading.CancellationTokenSource", "System.Threading.CancellationTokenRegistration",
            "System.Threading.ITimer", "System.Threading.TimerCallback", "System.Threading.Timeout", "System.Threading.Interlocked", "System.Diagnostics.UnreachableException",
        ],
        ["Verify.Node"] =
        [
            "System.IO.Stream", "System.IO.IOException", "System.IO.EndOfStreamException", "System.IO.InvalidDataException", "System.Threading.CancellationToken",
            "System.Threading.CancellationTokenSource", "System.Threading.CancellationTokenRegistration", "System.Threading.ITimer", "System.Threading.TimerCallback",
            "System.Threading.Timeout", "System.Threading.PeriodicTimer", "System.Threading.Lock", "System.Threading.Lock/Scope", "System.Threading.Monitor", "System.Threading.Volatile",
            "System.Threading.Interlocked", "System.Diagnostics.UnreachableException", "System.Diagnostics.TagList", "Microsoft.Extensions.Logging.*",
            // Functions of their input alone (FIPS 180-4, RFC 5869, SP 800-38D): hashes of join tokens, data at rest. Not the random source.
            "System.Security.Cryptography.SHA256", "System.Security.Cryptography.HKDF", "System.Security.Cryptography.AesGcm",
            "System.Security.Cryptography.HashAlgorithmName", "System.Security.Cryptography.CryptographicOperations",
            "System.Security.Cryptography.AuthenticationTagMismatchException",
        ],
    };

    private static readonly string[] BannedTypes =
    [
        "System.Random", "System.HashCode", "System.Console", "System.Environment", "System.Diagnostics.Stopwatch", "System.Diagnostics.Process", "System.Activator",
        "System.Collections.Immutable.ImmutableDictionary`2", "System.Collections.Immutable.ImmutableHashSet`1", "System.Threading.Tasks.TaskScheduler",
        "System.Threading.Tasks.Parallel", "System.Threading.Tasks.TaskFactory", "System.Linq.ParallelEnumerable", "System.TimeZoneInfo",
    ];

    private static readonly (string Type, string Member)[] BannedMembers =
    [
        ("System.DateTime", "get_Now"), ("System.DateTime", "get_UtcNow"), ("System.DateTime", "get_Today"), ("System.DateTimeOffset", "get_Now"),
        ("System.DateTimeOffset", "get_UtcNow"), ("System.Guid", "NewGuid"), ("System.TimeProvider", "get_System"), ("System.Object", "GetHashCode"),
        ("System.String", "GetHashCode"), ("System.Threading.Tasks.Task", "Run"), ("System.Threading.Tasks.Task", "Yield"), ("System.Threading.Tasks.Task", "Wait"),
        ("System.Threading.Tasks.Task", "WaitAll"), ("System.Threading.Tasks.Task", "WaitAny"),
    ];

    [TestCase("Verify.Raft")]
    [TestCase("Verify.MySql")]
    [TestCase("Verify.Node")]
    public void Node_code_touches_only_what_the_simulator_can_control(string name)
    {
        using var assembly = Checkout.Assembly(name);
        var offences = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var method in Checkout.Methods(assembly))
        {
            foreach (var member in Checkout.Mentions(method))
            {
                if (Offence(name, member) is { } offence && !IsRecordPlumbing(method, member) && !IsIteratorPlumbing(method, member)) offences.Add($"{method.DeclaringType.FullName}.{method.Name}: {offence}");
            }
        }

        Assert.That(offences, Is.Empty);
    }

    [Test]
    public void The_gate_sees_an_offence_where_there_is_one()
    {
        using var assembly = Checkout.Assembly("verify-node");
        var seen = Checkout.Methods(assembly).SelectMany(Checkout.Mentions).Select(m => Offence("Verify.Node", m)).OfType<string>().ToHashSet(StringComparer.Ordinal);
        Assert.That(seen, Has.Some.Contains("System.Net.Sockets"), "the host uses sockets, and the gate must say so");
        Assert.That(seen, Has.Some.Contains("System.IO.File"), "the host uses files, and the gate must say so");
        Assert.That(seen, Has.Some.EqualTo("System.Diagnostics.Stopwatch"), "the host reads a clock of its own, and the gate must say so");
    }

    [TestCase("Verify.Raft")]
    [TestCase("Verify.Node")]
    [TestCase("Verify.MySql")]
    [TestCase("Verify.Sim")]
    [TestCase("verify-node")]
    public void A_production_build_holds_no_planted_bug(string name)
    {
        using var assembly = Checkout.Assembly(name);
        Assert.That(assembly.MainModule.GetTypes().Select(t => t.FullName), Has.None.EqualTo("Verify.Raft.Mutant"));
        Assert.That(Checkout.Methods(assembly).SelectMany(Checkout.Mentions).Select(m => m.DeclaringType?.FullName), Has.None.EqualTo("Verify.Raft.Mutant"));
    }

    [TestCase("Verify.Raft")]
    [TestCase("Verify.Node")]
    [TestCase("Verify.MySql")]
    [TestCase("Verify.Sim")]
    [TestCase("verify-node")]
    public void A_production_build_holds_no_fault_point_and_reaches_no_mark(string name)
    {
        string[] probes = ["Verify.Raft.FaultPoint", "Verify.Raft.ProbeRun", "Verify.Raft.Mark"];
        using var assembly = Checkout.Assembly(name);
        Assert.That(assembly.MainModule.GetTypes().Select(t => t.FullName), Has.None.EqualTo(probes[0]).And.None.EqualTo(probes[1]));
        Assert.That(Checkout.Methods(assembly).SelectMany(Checkout.Mentions).Select(m => m.DeclaringType?.FullName).Where(probes.Contains), Is.Empty);
    }

    /// <summary>What the compiler puts into a method with yield: by the thread's number an enumerable decides whether it may be its own
    /// enumerator or makes a second object. What is enumerated is the same.</summary>
    private static bool IsIteratorPlumbing(MethodDefinition method, MemberReference member) =>
        member is { Name: "get_CurrentManagedThreadId", DeclaringType.FullName: "System.Environment" } && method.DeclaringType.Name.StartsWith('<');

    private static string? Offence(string assembly, MemberReference member)
    {
        var type = (member as TypeReference ?? member.DeclaringType)?.GetElementType();
        if (type is null || type is GenericParameter || type.Scope is ModuleDefinition) return null;
        if (type.Scope is AssemblyNameReference { Name: var scope } && scope.StartsWith("Verify.", StringComparison.Ordinal)) return null;
        var outer = type;
        while (outer.DeclaringType is not null) outer = outer.DeclaringType;
        var full = type.FullName;
        if (BannedTypes.Contains(outer.FullName)) return full;
        if (member is MethodReference && BannedMembers.Contains((full, member.Name))) return $"{full.Split('.')[^1]}.{member.Name} ({full})";
        if (member is MethodReference { Name: "ConfigureAwait" } configure && configure.Parameters[0].ParameterType.FullName == "System.Boolean") return $"ConfigureAwait(bool) ({full})";
        if (member is MethodReference { Name: "Delay" } delay && full == "System.Threading.Tasks.Task" && !delay.Parameters.Any(p => p.ParameterType.FullName == "System.TimeProvider"))
        {
            return "Task.Delay without a TimeProvider";
        }

        var allowed = AllowedTypes[assembly];
        var isAllowed = AllowedNamespaces.Contains(outer.Namespace)
            || allowed.Any(a => a == full || a == outer.FullName || (a.EndsWith(".*", StringComparison.Ordinal) && outer.FullName.StartsWith(a[..^1], StringComparison.Ordinal)));
        return isAllowed ? null : full;
    }

    /// <summary>Records generate GetHashCode for themselves; nobody's output depends on it.</summary>
    private static bool IsRecordPlumbing(MethodDefinition method, MemberReference member) =>
        method.Name == "GetHashCode" && (member.Name == "GetHashCode" || member.DeclaringType?.Name.StartsWith("EqualityComparer", StringComparison.Ordinal) == true);
}
