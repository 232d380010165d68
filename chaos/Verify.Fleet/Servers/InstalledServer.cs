using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Verify.Fleet.Processes;
using Verify.MySql;

namespace Verify.Fleet.Servers;

/// <summary>A server program that runs on this machine, with how to call it.</summary>
/// <param name="Origin">Where it came from, for people ("/usr/sbin/mysqld", "Verify's cache").</param>
/// <param name="Command">The program, behind its own loader when it was unpacked into the cache.</param>
/// <param name="PathOptions">Options that tell an unpacked server where its messages, character sets and plugins are.</param>
/// <param name="ShareDirectory">Where the SQL files of MariaDB's system tables are.</param>
public sealed partial record InstalledServer(
    Flavor Flavor, ServerVersion Version, string Origin, ImmutableArray<string> Command, ImmutableArray<string> PathOptions,
    string ShareDirectory)
{
    /// <summary>A freshly initialised data directory that every server starts from as a copy.</summary>
    public string TemplateDirectory { get; init; } = "";

    /// <summary>With and without merged /usr.</summary>
    internal static readonly ImmutableArray<string> LibraryRoots = ["usr/lib", "lib"];

    private static readonly TimeSpan VersionDeadline = TimeSpan.FromSeconds(20);

    /// <summary>A server that the machine's own packages put there; null when it is missing, another flavour or too old.</summary>
    internal static async Task<InstalledServer?> OfSystemAsync(Flavor flavor, string program, CancellationToken cancel)
    {
        if (!File.Exists(program)) return null;
        var basedir = Path.GetDirectoryName(Path.GetDirectoryName(program)) ?? "/usr";
        var share = new[] { Path.Combine(basedir, "share/mysql"), Path.Combine(basedir, "share/mariadb"), Path.Combine(basedir, "share") }
            .FirstOrDefault(d => File.Exists(Path.Combine(d, "mysql_system_tables.sql"))) ?? Path.Combine(basedir, "share/mysql");
        return await ProbeAsync(flavor, program, [program], [], share, cancel);
    }

    /// <summary>A server unpacked below <paramref name="root"/>: run through the loader and the libraries beside it, so that
    /// it does not matter what the machine itself has. Both layouts, with and without merged /usr, are understood.</summary>
    internal static async Task<InstalledServer?> OfRootAsync(Flavor flavor, string root, CancellationToken cancel)
    {
        var program = Path.Combine(root, "usr/sbin", flavor == Flavor.MySql ? "mysqld" : "mariadbd");
        var loader = FindLoader(root);
        if (!File.Exists(program) || loader is null) return null;
        var share = Path.Combine(root, "usr/share/mysql");
        ImmutableArray<string> options =
        [
            $"--basedir={root}/usr", $"--lc-messages-dir={share}", $"--character-sets-dir={share}/charsets",
            $"--plugin-dir={root}/usr/lib/mysql/plugin",
        ];
        return await ProbeAsync(flavor, "Verify's cache", [loader, "--library-path", LibraryPath(root), program], options, share, cancel);
    }

    /// <summary>True for what Verify supports: MySQL 8.0.22 and later (its replication words), MariaDB 10.6 and later.</summary>
    public static bool Supports(ServerVersion version) => version.Flavor == Flavor.MySql
        ? (version.Major, version.Minor, version.Patch).CompareTo((8, 0, 22)) >= 0
        : (version.Major, version.Minor).CompareTo((10, 6)) >= 0;

    /// <summary>Reads the answer to --version; null when it names no version.</summary>
    internal static ServerVersion? ReadVersion(string answer)
    {
        var match = VersionPattern().Match(answer);
        if (!match.Success) return null;
        var flavor = answer.Contains("MariaDB", StringComparison.OrdinalIgnoreCase) ? Flavor.MariaDb : Flavor.MySql;
        return new(flavor, Number(match.Groups["major"]), Number(match.Groups["minor"]), Number(match.Groups["patch"]));
    }

    private static async Task<InstalledServer?> ProbeAsync(Flavor flavor, string origin, ImmutableArray<string> command,
        ImmutableArray<string> options, string share, CancellationToken cancel)
    {
        var answer = await new Command(command[0], [.. command[1..], "--no-defaults", "--version"]).RunAsync(VersionDeadline, cancel);
        if (answer.ExitCode != 0 || ReadVersion(answer.Output) is not { } version) return null;
        return version.Flavor == flavor && Supports(version) ? new(flavor, version, origin, command, options, share) : null;
    }

    private static string? FindLoader(string root) => LibraryFolders(root)
        .SelectMany(folder => Directory.EnumerateFiles(folder, "ld-linux*.so.*").Order(StringComparer.Ordinal))
        .FirstOrDefault(file => new FileInfo(file).LinkTarget is null);

    private static string LibraryPath(string root) => string.Join(':', LibraryFolders(root));

    private static IEnumerable<string> LibraryFolders(string root) =>
        LibraryRoots.Select(lib => Path.Combine(root, lib)).Where(Directory.Exists)
            .SelectMany(lib => Directory.EnumerateDirectories(lib, "*-linux-gnu*").Order(StringComparer.Ordinal).Append(lib));

    private static int Number(Group digits) => int.Parse(digits.ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"Ver (?<major>\d+)\.(?<minor>\d+)\.(?<patch>\d+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex VersionPattern();
}
