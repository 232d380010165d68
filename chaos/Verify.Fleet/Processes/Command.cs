using System.Collections.Immutable;
using System.Diagnostics;

namespace Verify.Fleet.Processes;

/// <summary>What a finished tool said.</summary>
internal sealed record CommandResult(int ExitCode, string Output, string Errors)
{
    /// <summary>The last line that says what went wrong.</summary>
    public string Complaint =>
        (Errors + "\n" + Output).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        .LastOrDefault(line => line.StartsWith("E:", StringComparison.Ordinal) || line.Contains("rror", StringComparison.Ordinal))
        ?? $"exit code {ExitCode}";
}

/// <summary>A tool of the system that is run to its end (apt-get, dpkg-deb, mkfs), with a deadline.</summary>
internal sealed record Command(string Program, ImmutableArray<string> Arguments)
{
    public ImmutableArray<(string Name, string Value)> Environment { get; init; } = [];
    public string? Input { get; init; }
    public string? WorkingDirectory { get; init; }
    public Action<string>? OnLine { get; init; }

    /// <exception cref="FleetException">The program is not there, or the deadline passed (it is then killed).</exception>
    public async Task<CommandResult> RunAsync(TimeSpan deadline, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(deadline);
        using var process = new Process { StartInfo = StartInfo() };
        try
        {
            process.Start();
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            throw new FleetException($"cannot run {Program}: {missing.Message}", missing);
        }

        try
        {
            var output = ReadAsync(process.StandardOutput, limit.Token);
            var errors = ReadAsync(process.StandardError, limit.Token);
            if (Input is not null) await process.StandardInput.WriteAsync(Input.AsMemory(), limit.Token);
            process.StandardInput.Close();
            await process.WaitForExitAsync(limit.Token);
            return new(process.ExitCode, await output, await errors);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new FleetException($"{Program} did not end within {deadline.TotalSeconds:0} s");
        }
        catch (IOException closed)
        {
            throw new FleetException($"{Program} ended before it had read its input", closed);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }

    private ProcessStartInfo StartInfo()
    {
        var info = new ProcessStartInfo(Program)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = WorkingDirectory ?? "/",
        };
        foreach (var argument in Arguments) info.ArgumentList.Add(argument);
        info.Environment["LC_ALL"] = "C";
        foreach (var (name, value) in Environment) info.Environment[name] = value;
        return info;
    }

    private async Task<string> ReadAsync(StreamReader reader, CancellationToken cancel)
    {
        var text = new System.Text.StringBuilder();
        while (await reader.ReadLineAsync(cancel) is { } line)
        {
            OnLine?.Invoke(line);
            text.Append(line).Append('\n');
        }

        return text.ToString();
    }
}
