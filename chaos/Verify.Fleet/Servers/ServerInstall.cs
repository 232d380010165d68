using System.Globalization;
using Verify.Fleet.Processes;
using Verify.MySql;

namespace Verify.Fleet.Servers;

/// <summary>Gives a server program for a flavour: the machine's own, else Verify's cache, else fetched from the machine's
/// Debian mirror. Whatever it makes appears in the cache whole or not at all, also when it is killed half-way.</summary>
public sealed class ServerInstall
{
    private static readonly TimeSpan LockDeadline = TimeSpan.FromMinutes(15);

    public FleetCache Cache { get; init; } = FleetCache.Default();

    /// <summary>False forbids to fetch anything (--no-install, VERIFY_NO_INSTALL=1).</summary>
    public bool MayFetch { get; init; } = Environment.GetEnvironmentVariable("VERIFY_NO_INSTALL") is null or "" or "0";

    /// <summary>False skips the machine's own servers.</summary>
    public bool UsesSystemServers { get; init; } = true;

    /// <summary>Told what is being done, one sentence at a time.</summary>
    public Action<string> Say { get; init; } = _ => { };

    /// <exception cref="FleetException">No server can be had; the message says what to install.</exception>
    public async Task<InstalledServer> FindOrFetchAsync(Flavor flavor, CancellationToken cancel = default)
    {
        if (!OperatingSystem.IsLinux()) throw new FleetException("real servers as plain processes need Linux");
        var setBack = "";
        foreach (var program in SystemPrograms(flavor))
        {
            if (await InstalledServer.OfSystemAsync(flavor, program, cancel) is not { } found) continue;
            try
            {
                return await WithTemplateAsync(found, cancel);
            }
            catch (FleetException unusable)
            {
                setBack = $" ({unusable.Message})";
                Say($"{program} is there but cannot be used: {unusable.Message}");
            }
        }

        var root = Cache.ServerRoot(flavor);
        if (await InstalledServer.OfRootAsync(flavor, root, cancel) is { } cached) return await WithTemplateAsync(cached, cancel);
        return await WithTemplateAsync(await FetchAsync(flavor, root, setBack, cancel), cancel);
    }

    private async Task<InstalledServer> FetchAsync(Flavor flavor, string root, string setBack, CancellationToken cancel)
    {
        var wish = flavor == Flavor.MySql ? "MySQL 8.0.22 or later (mysqld)" : "MariaDB 10.6 or later (mariadbd)";
        var remedy = $"no usable {wish} on the PATH, in /usr/sbin or in {Cache.Directory}{setBack}";
        if (!MayFetch) throw new FleetException($"{remedy}, and fetching is forbidden: install {wish}, or allow it (without --no-install and VERIFY_NO_INSTALL)");
        if (!Libc.IsRoot || DebianMirror.Release() is not { Length: > 0 } release)
        {
            throw new FleetException($"{remedy}; it can be fetched only as root on Debian or Ubuntu: install {wish}");
        }

        await using var alone = await Cache.LockAsync($"install-{flavor}", LockDeadline, () => Say("another process is installing the server: waiting for it"), cancel);
        if (await InstalledServer.OfRootAsync(flavor, root, cancel) is { } meanwhile) return meanwhile;

        var begin = TimeProvider.System.GetTimestamp();
        Say($"no {wish} here: putting one into {root} (once, about a minute; nothing is installed in the system)");
        var partial = root + ".partial";
        RemoveTree(partial);
        RemoveTree(root);
        Directory.CreateDirectory(partial);
        try
        {
            await new DebianMirror(Path.Combine(partial, "apt"), Say).FetchAsync(flavor, release, Path.Combine(partial, "root"), cancel);
            Directory.Move(Path.Combine(partial, "root"), root);
        }
        catch (FleetException impossible)
        {
            throw new FleetException($"{remedy}, and it cannot be fetched ({impossible.Message}): install {wish}", impossible);
        }
        finally
        {
            RemoveTree(partial);
        }

        var fetched = await InstalledServer.OfRootAsync(flavor, root, cancel)
            ?? throw new FleetException($"what was unpacked into {root} does not run on this machine: install {wish}");
        Say(string.Create(CultureInfo.InvariantCulture, $"{fetched.Version} is there after {TimeProvider.System.GetElapsedTime(begin).TotalSeconds:0.0} s"));
        return fetched;
    }

    private async Task<InstalledServer> WithTemplateAsync(InstalledServer server, CancellationToken cancel)
    {
        // A template belongs to one program: another version, or the same from elsewhere, gets its own.
        var origin = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(string.Join(' ', server.Command))))[..8];
        var version = server.Version;
        var name = $"{version.Flavor}-{version.Major}.{version.Minor}.{version.Patch}-{origin}".ToLowerInvariant();
        var template = Path.Combine(Cache.Folder("templates"), name);
        if (Directory.Exists(template)) return server with { TemplateDirectory = template };

        await using var alone = await Cache.LockAsync($"template-{name}", LockDeadline, () => Say("another process is initialising the data directory: waiting for it"), cancel);
        if (!Directory.Exists(template))
        {
            var begin = TimeProvider.System.GetTimestamp();
            var partial = template + ".partial";
            RemoveTree(partial);
            await DataTemplate.CreateAsync(server, partial, cancel);
            Directory.Move(partial, template);
            Say(string.Create(CultureInfo.InvariantCulture, $"data directory of {version} initialised in {TimeProvider.System.GetElapsedTime(begin).TotalSeconds:0.0} s"));
        }

        return server with { TemplateDirectory = template };
    }

    private IEnumerable<string> SystemPrograms(Flavor flavor)
    {
        if (!UsesSystemServers) return [];
        var names = flavor == Flavor.MySql ? new[] { "mysqld" } : ["mariadbd", "mysqld"];
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Append("/usr/sbin").Append("/usr/local/sbin").Distinct(StringComparer.Ordinal);
        return folders.SelectMany(folder => names.Select(name => Path.Combine(folder, name))).Where(File.Exists);
    }

    private static void RemoveTree(string directory)
    {
        if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
    }
}
