using System.CommandLine;
using System.Diagnostics;
using Verify.Chaos.Running;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos fuzz: mutated inputs for every decoder. The decoders are many rooms' own, the node host's included, so a
/// program of its own links them (chaos/Verify.Fuzz); this command starts it, as the live world starts verify-node.</summary>
internal static class FuzzCommand
{
    private static readonly string[] Values = ["--decoder", "--inputs", "--first", "--seed", "--threads", "--out", "--replay", "--markdown"];

    private static readonly string[] ListOnly = ["--list"];

    public static Command Create()
    {
        var command = new Command("fuzz", """
            Feeds every decoder (wire, log, snapshots, configuration, HTTP) with mutated inputs: no crash, no hang, no more memory
            than its bound. An input is a function of seed and number; a failing one is saved and can be played again.
            Examples:
              verify-chaos fuzz --inputs 100000
              verify-chaos fuzz --decoder peer-stream --seed 7
              verify-chaos fuzz --decoder peer-stream --replay fuzz-failures/peer-stream-seed7-input4711.bin
            Exit codes: 0 nothing found; 1 a decoder failed; 3 the harness or the machine failed.
            """);
        var list = new Option<bool>("--list") { Description = "Name the decoders." };
        command.Add(list);
        var options = Values.Select(name => new Option<string?>(name) { Description = Describe(name) }).ToArray();
        foreach (var option in options) command.Add(option);
        command.SetAction((parse, cancel) => ProgramErrors.GuardAsync(() => RunAsync(
            [.. options.Where(o => parse.GetValue(o) is not null).SelectMany(o => new[] { o.Name, parse.GetValue(o)! }), .. parse.GetValue(list) ? ListOnly : []], cancel)));
        return command;
    }

    private static string Describe(string name) => name switch
    {
        "--decoder" => "Only this one; all by default.",
        "--inputs" => "Inputs per decoder; 10,000,000 by default.",
        "--first" => "The number of the first input; 0 by default.",
        "--seed" => "Draws the mutations; 1 by default.",
        "--threads" => "As many as there are cores by default.",
        "--out" => "Where failing inputs are saved; fuzz-failures by default.",
        "--replay" => "Read one saved input; needs --decoder.",
        _ => "Write the table to this file.",
    };

    private static async Task<int> RunAsync(IReadOnlyList<string> arguments, CancellationToken cancel)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host ? host : "dotnet") { UseShellExecute = false };
        start.ArgumentList.Add(Program());
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start) ?? throw new HarnessException("verify-fuzz cannot be started");
        try
        {
            await process.WaitForExitAsync(cancel);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }

        return process.ExitCode is 0 or 1 or ProgramErrors.HarnessFailed ? process.ExitCode
            : throw new HarnessException($"verify-fuzz died with exit code {process.ExitCode}: a decoder may have ended the process (its last lines are above); go on with --first from there to find the input");
    }

    /// <summary>Built with this very harness, into the folder beside it.</summary>
    private static string Program()
    {
        var root = Machine.CheckoutRoot() ?? throw new HarnessException("no checkout of Verify is near; fuzzing needs the built verify-fuzz");
        var built = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        var program = Path.Combine(root, "chaos", "Verify.Fuzz", "bin", built.Parent!.Name, built.Name, "verify-fuzz.dll");
        return File.Exists(program) ? program : throw new HarnessException($"{program} is not built; run: dotnet build chaos/Verify.Fuzz -c {built.Parent.Name}");
    }
}
