using System.Text;
using Verify.Chaos.Running;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Verify.Chaos.Bugbase;

/// <summary>A story of the bug base: what is played, what it once broke, and what mended it (chaos/bugbase/README.md).</summary>
internal sealed record BugbaseEntry
{
    private static readonly string[] Keys = ["name", "plays", "seeds", "shape", "strategy", "fencing", "broke", "story", "fixed", "expect"];
    public required string Name { get; init; }

    /// <summary>raft, cluster, fleet, a scenario; or a trace or schedule file below the folder.</summary>
    public required string Plays { get; init; }
    public string Seeds { get; init; } = "";
    public string Shape { get; init; } = "";
    public string Strategy { get; init; } = "random";
    public bool FencingOff { get; init; }

    /// <summary>The check or promise that was broken.</summary>
    public required string Broke { get; init; }
    public required string Story { get; init; }

    /// <summary>The commit that mended it.</summary>
    public required string Fixed { get; init; }

    /// <summary>False: this must end invalid, by the check that <see cref="Broke"/> names.</summary>
    public bool ExpectsValid { get; init; } = true;

    /// <summary>Where it was read; for a trace beside it.</summary>
    public string Folder { get; init; } = "";
    public bool PlaysFile => Plays.EndsWith(".ndjson", StringComparison.Ordinal) || Plays.EndsWith(".json", StringComparison.Ordinal);

    /// <exception cref="HarnessException">The file is no entry; names the file, the line and the remedy.</exception>
    public static BugbaseEntry Read(string file)
    {
        var stream = new YamlStream();
        try
        {
            using var from = new StreamReader(file);
            stream.Load(from);
        }
        catch (YamlException e)
        {
            throw new HarnessException($"{file}:{e.Start.Line}:{e.Start.Column}: this is not YAML: {e.Message}", e);
        }

        if (stream.Documents.Count != 1 || stream.Documents[0].RootNode is not YamlMappingNode map) throw new HarnessException($"{file}: an entry is one map with {string.Join(", ", Keys)}");
        foreach (var (key, _) in map.Children)
            if (!Keys.Contains(key.ToString(), StringComparer.Ordinal)) throw new HarnessException($"{file}:{key.Start.Line}:{key.Start.Column}: '{key}' is not known in an entry; allowed are {string.Join(", ", Keys)}");
        string Text(string key, string? otherwise = null) => map.Children.TryGetValue(new YamlScalarNode(key), out var node) ? node.ToString()
            : otherwise ?? throw new HarnessException($"{file}: '{key}' is missing");
        var entry = new BugbaseEntry
        {
            Name = Text("name"), Plays = Text("plays"), Seeds = Text("seeds", ""), Shape = Text("shape", ""), Strategy = Text("strategy", "random"),
            FencingOff = Text("fencing", "on") == "off", Broke = Text("broke"), Story = Text("story"), Fixed = Text("fixed"),
            ExpectsValid = Text("expect", "valid") switch
            {
                "valid" => true,
                "invalid" => false,
                var other => throw new HarnessException($"{file}: expect is 'valid' or 'invalid', not '{other}'"),
            },
            Folder = Path.GetDirectoryName(Path.GetFullPath(file))!,
        };
        if (entry.Seeds.Length == 0 && !entry.PlaysFile) throw new HarnessException($"{file}: 'seeds' is missing; only a trace or a schedule is played without");
        return entry;
    }

    public string Write()
    {
        var text = new StringBuilder();
        void Line(string key, string value) => text.Append(key).Append(": ").Append(value).Append('\n');
        Line("name", Name);
        Line("plays", Plays);
        if (Seeds.Length > 0) Line("seeds", Seeds);
        if (Shape.Length > 0) Line("shape", Shape);
        if (Strategy != "random") Line("strategy", Strategy);
        if (FencingOff) Line("fencing", "off");
        Line("broke", Quoted(Broke));
        Line("story", Quoted(Story));
        Line("fixed", Quoted(Fixed));
        Line("expect", ExpectsValid ? "valid" : "invalid");
        return text.ToString();
    }

    private static string Quoted(string text) => $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).ReplaceLineEndings(" ")}\"";
}
