using System.Diagnostics;
using System.Text;

namespace Verify.NodeHost.Tests;

/// <summary>Plays testdata/*.txt with the real curl: a line "$ command" is run by a shell, the lines behind it up to an empty one are what it must say; a line
/// "@words" is for the test; # is a comment.</summary>
internal sealed class CurlTranscript(string file, params (string Name, string Value)[] environment)
{
    /// <summary>What differs from run to run is made equal here.</summary>
    public required Func<string, string> Clean { get; init; }

    /// <summary>What the node has said, for the message of a failure.</summary>
    public Func<string> Story { get; init; } = static () => "";

    /// <summary>Does what a line "@words" asks for.</summary>
    public Func<string[], Task> Direct { get; init; } = static words => throw new FormatException($"@{words[0]} is not known here");

    /// <summary>How many commands were played. With VERIFY_REWRITE=1 the answers are taken as they come and printed: commit only what you can explain.</summary>
    public async Task<int> PlayAsync()
    {
        var lines = await File.ReadAllLinesAsync(Path.Combine(TestContext.CurrentContext.TestDirectory, "testdata", file));
        var isRewritten = Environment.GetEnvironmentVariable("VERIFY_REWRITE") is "1";
        var (played, anew) = (0, new StringBuilder());
        for (var i = 0; i < lines.Length; i++)
        {
            anew.AppendLine(lines[i]);
            if (lines[i].StartsWith('@')) await Direct(lines[i][1..].Split(' '));
            if (!lines[i].StartsWith("$ ", StringComparison.Ordinal)) continue;
            var expected = string.Join('\n', lines.Skip(i + 1).TakeWhile(l => l.Length > 0));
            var output = await ShellAsync(lines[i][2..]);
            if (!isRewritten) Assert.That(output, Is.EqualTo(expected), $"{file}, line {i + 1}: {lines[i]}\n{Story()}");
            if (output.Length > 0) anew.AppendLine(output);
            while (i + 1 < lines.Length && lines[i + 1].Length > 0) i++;
            played++;
        }

        if (isRewritten) Assert.Ignore($"rewritten, read the difference:\n{anew}");
        return played;
    }

    private async Task<string> ShellAsync(string command)
    {
        using var shell = new Process { StartInfo = new("/bin/sh", ["-c", command]) { RedirectStandardOutput = true, UseShellExecute = false } };
        foreach (var (name, value) in environment) shell.StartInfo.Environment[name] = value;
        shell.Start();
        var output = await shell.StandardOutput.ReadToEndAsync();
        await shell.WaitForExitAsync();
        return Clean(output.Replace("\r", "", StringComparison.Ordinal)).TrimEnd('\n');
    }
}
