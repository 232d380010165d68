using System.Diagnostics;
using System.Text.Json;
using Verify.Chaos.Running;

namespace Verify.Chaos.Tests.Mutants;

/// <summary>The gate: the test build is made beside the production build, and simulation finds the planted bugs of the gate, a minute each
/// at the most, while the same hunts find nothing without them.</summary>
[Category("Mutants")]
[NonParallelizable]
public sealed class PlantedBugTests
{
    private static readonly TimeSpan BuildTimeMax = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan HuntTimeMax = TimeSpan.FromMinutes(6);

    /// <summary>The gate: found within seconds each. The whole table is made by the command in CONTRIBUTING.md.</summary>
    private static readonly string[] Gate =
    [
        "M01", "M02", "M03", "M04", "M06", "M07", "M09", "M12", "M13", "M14", "M18", "M19", "M21", "M23", "M26", "M29", "M31", "M34", "M37", "M39", "M40", "M41", "M44",
        "M49", "M50", "M51", "M53", "M54", "M56", "M70", "M71", "M72", "M73",
        "T1", "T2", "T3", "T4-clock", "T4-pool", "T4-random", "T5", "T6-everything", "T6-nothing",
    ];

    [Test]
    public async Task All_planted_bugs_of_the_gate_are_found_and_nothing_is_found_without_them()
    {
        var root = await BuildAsync();
        var program = Program(root);
        var hunt = await RunAsync(root!, HuntTimeMax, program, "mutants", "--only", string.Join(',', Gate), "--seconds", "60", "--control", "3", "--control-times", "1", "--json");
        await TestContext.Out.WriteLineAsync(hunt.Errors);
        Assert.That(hunt.ExitCode, Is.Zero, hunt.Errors);
        using var record = JsonDocument.Parse(hunt.Output);
        Assert.That(record.RootElement.GetProperty("isControlClean").GetBoolean(), Is.True, hunt.Errors);
        var bugs = record.RootElement.GetProperty("bugs").EnumerateArray()
            .Select(b => (Bug: b.GetProperty("bug").GetString(), Outcome: b.GetProperty("outcome").GetString(), Hits: b.GetProperty("hits").GetInt64())).ToArray();
        Assert.That(bugs.Select(b => b.Bug), Is.EqualTo(Gate));
        Assert.That(bugs.Select(b => b.Outcome), Is.All.EqualTo("found"));
        Assert.That(bugs.Select(b => b.Hits), Is.All.Positive, "a bug that was found did something wrong");
    }

    /// <summary>Makes the test build beside the production build, once for all tests; its program is <see cref="Program"/>.</summary>
    internal static Task<string> BuildAsync() => Built.Value;

    private static readonly Lazy<Task<string>> Built = new(MakeAsync);

    private static async Task<string> MakeAsync()
    {
        var root = Machine.CheckoutRoot();
        if (root is null) Assert.Ignore("there is no checkout above the tests, so the test build cannot be made");
        // A build server that stays behind would hold the pipes open.
        var build = await RunAsync(root!, BuildTimeMax, "build", "chaos/Verify.Chaos", "-c", "Release", "-p:Mutants=true", "--nologo", "-v", "q", "-clp:NoSummary",
            "-nodeReuse:false", "-p:UseSharedCompilation=false");
        Assert.That(build.ExitCode, Is.Zero, build.Output + build.Errors);
        Assert.That(build.Output, Does.Not.Contain("warning"), "the test build has no warnings");
        return root!;
    }

    internal static string Program(string root) => Path.Combine(root, "chaos", "Verify.Chaos", "bin", "mutants", "Release", "net10.0", "verify-chaos.dll");

    internal static async Task<(int ExitCode, string Output, string Errors)> RunAsync(string root, TimeSpan limit, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", arguments)
        {
            WorkingDirectory = root, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        using var deadline = new CancellationTokenSource(limit);
        try
        {
            await process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException e)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"dotnet {string.Join(' ', arguments)} took longer than {limit.TotalMinutes:0} minutes; it said:\n{await errors}", e);
        }

        return (process.ExitCode, await output, await errors);
    }
}
