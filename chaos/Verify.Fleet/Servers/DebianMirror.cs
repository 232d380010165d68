using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;
using Verify.Fleet.Processes;
using Verify.MySql;

namespace Verify.Fleet.Servers;

/// <summary>Fetches a server's packages with everything they need from the Debian mirror that the machine's own apt sources
/// name, and unpacks them. It works beside the machine's apt: lists, cache and status are private, nothing is installed,
/// no hook of the machine's configuration runs (apt.conf(5), apt-get(8) --print-uris, dpkg-deb(1) -x).</summary>
internal sealed partial class DebianMirror(string workDirectory, Action<string> say)
{
    private static readonly TimeSpan StepDeadline = TimeSpan.FromMinutes(5);

    // What a server does not read, below the unpacked root: half of its size.
    private static readonly ImmutableArray<string> NotNeeded =
    [
        "etc", "usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian", "usr/share/perl",
        "usr/share/perl5", "usr/share/bug", "usr/share/systemd", "usr/lib/systemd", "usr/bin",
    ];

    private static readonly ImmutableArray<string> LibrariesNotNeeded = ["gconv", "perl", "perl5", "perl-base"];

    private readonly string _configuration = Path.Combine(workDirectory, "apt.conf");
    private readonly string _sources = Path.Combine(workDirectory, "sources");
    private readonly string _archives = Path.Combine(workDirectory, "cache/archives");

    /// <summary>The distribution's code name ("bookworm"), or null when this is no Debian or Ubuntu with apt.</summary>
    public static string? Release()
    {
        if (!File.Exists("/usr/bin/apt-get") || !File.Exists("/usr/bin/dpkg-deb") || !File.Exists("/etc/os-release")) return null;
        var facts = File.ReadAllLines("/etc/os-release");
        var family = Fact(facts, "ID") + " " + Fact(facts, "ID_LIKE");
        return family.Contains("debian", StringComparison.Ordinal) ? Fact(facts, "VERSION_CODENAME") : null;
    }

    /// <summary>Fetches the first of the candidates that the mirror has, and unpacks it to <paramref name="root"/>.</summary>
    /// <exception cref="FleetException">The mirror has none, or does not answer.</exception>
    public async Task FetchAsync(Flavor flavor, string release, string root, CancellationToken cancel)
    {
        await PrepareAsync(cancel);
        var complaint = "the machine's apt sources name no mirror for " + release;
        foreach (var (suite, package) in Candidates(flavor, release))
        {
            foreach (var address in await AddressesAsync(release, cancel))
            {
                say($"fetching {package} and what it needs from suite {suite} of this machine's Debian mirror");
                var failure = await DownloadAsync(address, suite, package, cancel);
                if (failure is null)
                {
                    await UnpackAsync(root, cancel);
                    return;
                }

                complaint = $"{package} from suite {suite}: {failure}";
            }
        }

        throw new FleetException(complaint);
    }

    /// <summary>MySQL is in Debian's sid only; Ubuntu has it in its releases. MariaDB comes with every release.</summary>
    private static ImmutableArray<(string Suite, string Package)> Candidates(Flavor flavor, string release) =>
        flavor == Flavor.MariaDb
            ? [(release, "mariadb-server-core"), (release, "mariadb-server-core-10.6")]
            : Fact(File.ReadAllLines("/etc/os-release"), "ID") is "ubuntu"
                ? [(release, "mysql-server-core"), (release, "mysql-server-core-8.0")]
                : [("sid", "mysql-server-core")];

    private async Task PrepareAsync(CancellationToken cancel)
    {
        foreach (var folder in new[] { "state/lists/partial", "cache/archives/partial", "sources" })
        {
            Directory.CreateDirectory(Path.Combine(workDirectory, folder));
        }

        await File.WriteAllTextAsync(Path.Combine(workDirectory, "status"), "", cancel);
        var machine = await new Command("apt-config", ["dump"]).RunAsync(StepDeadline, cancel);
        var text = new StringBuilder();
        foreach (var line in machine.Output.Split('\n'))
        {
            // Proxies, authentication and time limits of the machine stay; its folders and hooks do not.
            if (line.StartsWith("Dir", StringComparison.Ordinal) || line.Contains("-Invoke", StringComparison.Ordinal)) continue;
            if (line.Contains("Pre-Install-Pkgs", StringComparison.Ordinal)) continue;
            text.Append(line).Append('\n');
        }

        text.Append($$"""
            Dir::Etc::main "/dev/null";
            Dir::Etc::parts "/dev/null";
            Dir::Etc::preferences "/dev/null";
            Dir::Etc::preferencesparts "/dev/null";
            APT::Sandbox::User "root";
            APT::Install-Recommends "false";
            APT::Get::Assume-Yes "true";
            Acquire::Languages "none";
            Acquire::Retries "3";
            Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
            Acquire::IndexTargets::deb::CNF::DefaultEnabled "false";

            """);
        await File.WriteAllTextAsync(_configuration, text.ToString(), cancel);
    }

    /// <summary>Where the machine gets its release from: asked of apt itself, which understands every form of its sources.</summary>
    private async Task<ImmutableArray<string>> AddressesAsync(string release, CancellationToken cancel)
    {
        var result = await AptAsync(["update", "--print-uris", "-o", $"Dir::State::lists={workDirectory}/state/lists"], cancel);
        return [.. ReleaseFilePattern().Matches(result.Output)
            .Where(m => m.Groups["suite"].ValueSpan.SequenceEqual(release)).Select(m => m.Groups["address"].Value).Distinct(StringComparer.Ordinal)];
    }

    /// <summary>Null, or what went wrong.</summary>
    private async Task<string?> DownloadAsync(string address, string suite, string package, CancellationToken cancel)
    {
        foreach (var old in Directory.EnumerateFiles(_archives, "*.deb")) File.Delete(old);
        const string DebianKeys = "/usr/share/keyrings/debian-archive-keyring.gpg";
        const string UbuntuKeys = "/usr/share/keyrings/ubuntu-archive-keyring.gpg";
        var keys = File.Exists(DebianKeys) ? $"Signed-By: {DebianKeys}\n" : File.Exists(UbuntuKeys) ? $"Signed-By: {UbuntuKeys}\n" : "";
        await File.WriteAllTextAsync(Path.Combine(_sources, "mirror.sources"),
            $"Types: deb\nURIs: {address}\nSuites: {suite}\nComponents: main{(keys.Contains("ubuntu", StringComparison.Ordinal) ? " universe" : "")}\n{keys}", cancel);
        ImmutableArray<string> folders =
        [
            "-o", $"Dir::State={workDirectory}/state", "-o", $"Dir::State::status={workDirectory}/status",
            "-o", $"Dir::Cache={workDirectory}/cache", "-o", "Dir::Etc::sourcelist=/dev/null", "-o", $"Dir::Etc::sourceparts={_sources}",
        ];
        var lists = await AptAsync(["update", .. folders, "-o", "APT::Update::Error-Mode=any"], cancel);
        if (lists.ExitCode != 0) return WithoutAddresses(lists.Complaint);
        var packages = await AptAsync(["install", "--download-only", .. folders, package], cancel);
        return packages.ExitCode != 0 ? WithoutAddresses(packages.Complaint) : null;
    }

    private async Task UnpackAsync(string root, CancellationToken cancel)
    {
        var packages = Directory.EnumerateFiles(_archives, "*.deb").Order(StringComparer.Ordinal).ToArray();
        say($"unpacking {packages.Length} packages ({packages.Sum(p => new FileInfo(p).Length) / 1_000_000} MB)");
        Directory.CreateDirectory(root);
        foreach (var package in packages)
        {
            var result = await new Command("dpkg-deb", ["-x", package, root]).RunAsync(StepDeadline, cancel);
            if (result.ExitCode != 0) throw new FleetException($"cannot unpack {Path.GetFileName(package)}: {result.Complaint}");
        }

        foreach (var folder in NotNeeded.Select(f => Path.Combine(root, f)).Where(Directory.Exists)) Directory.Delete(folder, recursive: true);
        foreach (var libraries in InstalledServer.LibraryRoots.Select(l => Path.Combine(root, l)).Where(Directory.Exists))
        {
            foreach (var unused in Directory.EnumerateDirectories(libraries, "*-linux-gnu*")
                .SelectMany(folder => LibrariesNotNeeded.Select(name => Path.Combine(folder, name))).Where(Directory.Exists).ToArray())
            {
                Directory.Delete(unused, recursive: true);
            }
        }
    }

    private async Task<CommandResult> AptAsync(ImmutableArray<string> arguments, CancellationToken cancel) =>
        await new Command("apt-get", arguments) { Environment = [("APT_CONFIG", _configuration), ("DEBIAN_FRONTEND", "noninteractive")] }
            .RunAsync(StepDeadline, cancel);

    private static string Fact(string[] lines, string name) =>
        lines.FirstOrDefault(l => l.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..].Trim('"') ?? "";

    private static string WithoutAddresses(string text) => AddressPattern().Replace(text, "(the mirror)");

    [GeneratedRegex(@"^'(?<address>\S+?)/dists/(?<suite>[^/']+)/(In)?Release'", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ReleaseFilePattern();

    [GeneratedRegex(@"\w+://\S+", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex AddressPattern();
}
