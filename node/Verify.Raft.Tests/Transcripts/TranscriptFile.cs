namespace Verify.Raft.Tests.Transcripts;

/// <summary>A file of commands, each followed by a line of dashes and its whole output, up to an empty line. Lines that begin
/// with # are comments. With VERIFY_REWRITE=1 the outputs are written anew: commit the difference only if you can explain it.</summary>
internal sealed class TranscriptFile
{
    private const string Dashes = "----";
    private readonly string _path;

    public TranscriptFile(string path) => _path = path;

    /// <summary>The folder in the source tree, so that a rewrite reaches the repository and not a build output.</summary>
    public static string Folder
    {
        get
        {
            for (var at = new DirectoryInfo(TestContext.CurrentContext.TestDirectory); at is not null; at = at.Parent)
            {
                var folder = Path.Combine(at.FullName, "node", "Verify.Raft.Tests", "testdata");
                if (Directory.Exists(folder)) return folder;
            }
            throw new DirectoryNotFoundException("node/Verify.Raft.Tests/testdata was not found above the test assembly.");
        }
    }

    /// <summary>Runs every command; returns what the file says and what really happened.</summary>
    public (string Expected, string Actual) Run(Func<string, string> command)
    {
        var lines = File.ReadAllLines(_path);
        var actual = new List<string>();
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i].Length == 0 || lines[i].StartsWith('#'))
            {
                actual.Add(lines[i]);
                continue;
            }
            var commands = new List<string>();
            while (i < lines.Length && lines[i] is not Dashes && lines[i].Length > 0) commands.Add(lines[i++]);
            // A command without dashes is a new one: a rewrite adds its output.
            if (i < lines.Length && lines[i] is Dashes)
                while (i + 1 < lines.Length && lines[i + 1].Length > 0) i++;
            else
                i--;
            actual.AddRange(commands);
            actual.Add(Dashes);
            foreach (var c in commands) actual.AddRange(command(c).Split('\n', StringSplitOptions.RemoveEmptyEntries));
        }
        var text = string.Join('\n', actual) + "\n";
        if (Environment.GetEnvironmentVariable("VERIFY_REWRITE") is "1") File.WriteAllText(_path, text);
        return (string.Join('\n', lines) + "\n", text);
    }
}
