namespace Verify.NodeHost.Commands;

/// <summary>The words behind verify-node: a command of at most two words, options with values, switches.</summary>
internal sealed class CommandLine
{
    private readonly SortedDictionary<string, string> _values = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _switches = new(StringComparer.Ordinal);

    private CommandLine(string command) => Command = command;

    /// <summary>"run" when none was given.</summary>
    public string Command { get; }

    /// <summary>What each command takes: options with a value, then switches.</summary>
    private static readonly SortedDictionary<string, (string[] Options, string[] Switches)> Commands = new(StringComparer.Ordinal)
    {
        ["run"] = (["--config", "--events"], ["--check", "--help", "-h", "--version", "--upgrade-check", "--json"]),
        ["config check"] = (["--config"], ["--json"]),
        ["tls init"] = (["--out", "--names", "--days"], []),
        ["keys init"] = (["--key-file"], []),
        ["keys rotate"] = (["--key-file"], []),
        ["keys list"] = (["--key-file"], ["--json"]),
    };

    public static (CommandLine? Line, string? Problem) Parse(string[] args)
    {
        var words = args.TakeWhile(a => !a.StartsWith('-')).ToList();
        var name = words.Count == 0 ? "run" : string.Join(' ', words);
        if (!Commands.TryGetValue(name, out var takes)) return (null, $"'{name}' is not known; known are {string.Join(", ", Commands.Keys.Where(k => k != "run"))}");
        var line = new CommandLine(name);
        for (var i = words.Count; i < args.Length; i++)
        {
            if (takes.Switches.Contains(args[i])) line._switches.Add(args[i]);
            else if (takes.Options.Contains(args[i]) && i + 1 < args.Length) line._values[args[i]] = args[++i];
            else return (null, $"'{args[i]}' is not known{(name == "run" ? "" : $" to {name}")} or lacks its value");
        }

        return (line, null);
    }

    public string? Value(string option) => _values.GetValueOrDefault(option);

    public bool Has(string option) => _switches.Contains(option);
}
