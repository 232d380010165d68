using Verify.Node.Loop;

namespace Verify.NodeHost.Configuration;

/// <summary>The catalogue of services, as the host needs it.</summary>
internal sealed record CatalogueConfig
{
    /// <summary>Registrations by PUT /register end after so long without a heartbeat, where they do not say it themselves; zero: never.</summary>
    public required TimeSpan ServiceTtl { get; init; }

    /// <summary>Where POST /backup leaves its files.</summary>
    public required string BackupDirectory { get; init; }

    public static CatalogueConfig Of(ConfigValues values, string dataDirectory)
    {
        var directory = values.Text("BackupDir", "", "path");
        return new()
        {
            ServiceTtl = TimeSpan.FromSeconds(values.Int("ServiceTTLSeconds", 30, 0, 31_536_000)),
            BackupDirectory = directory.Length > 0 ? directory : dataDirectory.TrimEnd('/') + "-backups",
        };
    }

    public static CatalogueSettings NodeOf(ConfigValues values)
    {
        var defaults = new CatalogueSettings();
        return new()
        {
            OwnerGoneAfter = TimeSpan.FromSeconds(values.Int("CheckOwnerGoneSeconds", (int)defaults.OwnerGoneAfter.TotalSeconds, 1, 86_400)),
            ChecksAtOnceMax = values.Int("ChecksAtOnceMax", defaults.ChecksAtOnceMax, 1, 10_000),
        };
    }
}
