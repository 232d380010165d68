using System.Globalization;
using System.Text.Json;
using Verify.NodeHost.Keys;
using Verify.NodeHost.Security;

namespace Verify.NodeHost.Commands;

/// <summary>The commands that make files: tls init, keys init, keys rotate, keys list.</summary>
internal static class FileCommands
{
    public static int TlsInit(CommandLine line, TextWriter to, TextWriter errors)
    {
        var days = 365;
        if (line.Value("--out") is not { Length: > 0 } directory || line.Value("--names") is not { Length: > 0 } list)
        {
            errors.WriteLine("verify-node tls init: --out DIR and --names n1,n2,… are needed");
            return ExitCode.BadSettings;
        }

        if (line.Value("--days") is { } text && (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out days) || days is < 1 or > 3650))
        {
            errors.WriteLine("verify-node tls init: --days must be a number from 1 to 3650");
            return ExitCode.BadSettings;
        }

        var names = list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (names.FirstOrDefault(n => n.Split('=')[0] is var stem && (stem.Length == 0 || stem is "ca" || stem.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '.' or '_')))) is { } bad)
        {
            errors.WriteLine($"verify-node tls init: '{bad}' is no name for a certificate: letters, digits, '-', '.', '_', and not ca");
            return ExitCode.BadSettings;
        }

        var made = TrialAuthority.Init(directory, names, TimeSpan.FromDays(days), TimeProvider.System.GetUtcNow());
        foreach (var file in made) to.WriteLine(file);
        if (made.Count == 0) to.WriteLine($"{directory}: everything is there already");
        else to.WriteLine($"Per node: RaftTLSCertFile {Path.Combine(directory, "NAME.pem")}, RaftTLSKeyFile {Path.Combine(directory, "NAME.key")}, RaftTLSCAFile {Path.Combine(directory, TrialAuthority.AuthorityFile)}. Keep {TrialAuthority.AuthorityKeyFile} off the nodes.");
        return ExitCode.Stopped;
    }

    public static int Keys(CommandLine line, TextWriter to, TextWriter errors)
    {
        if (line.Value("--key-file") is not { Length: > 0 } path)
        {
            errors.WriteLine($"verify-node {line.Command}: --key-file FILE is needed");
            return ExitCode.BadSettings;
        }

        try
        {
            switch (line.Command)
            {
                case "keys init":
                    to.WriteLine($"{path}: key {DataKeyFile.Init(path).Id}. Keep a copy away from the data: without it log and snapshots cannot be read.");
                    break;
                case "keys rotate":
                    var keys = DataKeyFile.Rotate(path);
                    to.WriteLine($"{path}: key {keys.Active!.Id} comes first now, {keys.Keys.Length} in all. Tell the node: kill -HUP, or POST /cluster/rotate-key.");
                    break;
                default:
                    List(path, line.Has("--json"), to);
                    break;
            }

            return ExitCode.Stopped;
        }
        catch (Exception e) when (e is DataKeyException or IOException or UnauthorizedAccessException)
        {
            errors.WriteLine($"verify-node {line.Command}: {e.Message}");
            return ExitCode.CannotStart;
        }
    }

    private static void List(string path, bool json, TextWriter to)
    {
        var keys = DataKeyFile.Read(path).Keys;
        if (json) to.WriteLine(JsonSerializer.Serialize(keys.Select((k, i) => new { id = k.Id, active = i == 0 })));
        else foreach (var (index, key) in keys.Index()) to.WriteLine(index == 0 ? $"{key.Id} (active)" : key.Id);
    }
}
