using System.Diagnostics;

namespace Verify.Reports.Tests.Screenshots;

/// <summary>One run of an outside program, with an end: it is killed, by its id, when its time is up.</summary>
internal sealed record ProgramRun(int ExitCode, bool TimedOut, string Output)
{
    public bool Succeeded => ExitCode == 0 && !TimedOut;

    /// <exception cref="System.ComponentModel.Win32Exception">There is no such program.</exception>
    public static ProgramRun Of(string program, IReadOnlyList<string> arguments, TimeSpan limit, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        var ended = process.WaitForExit(limit);
        if (!ended) process.Kill(entireProcessTree: true);
        process.WaitForExit();
        return new(ended ? process.ExitCode : -1, !ended, output.Result + errors.Result);
    }
}
