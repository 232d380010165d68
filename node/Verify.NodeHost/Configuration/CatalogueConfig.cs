using Verify.Node.Loop;

namespace Verify.NodeHost.Configuration;

/// <summary>The catalogue of services, as the host needs it.</summary>
internal sealed record CatalogueConfig
{
    /// <summary>Registrations by PUT /register end after so long without a heartbeat, where they do not say it themselves; zero: never.</summary>
    public required TimeSpan ServiceTtl { get; init; }

    /// <summary>Where POST /backup leaves its files.</summary>
    public required string BackupDirectory { get; init; }

    public required NameServer.DnsSettings Dns { get; init; }

    public static CatalogueConfig Of(ConfigValues values, string dataDirectory)
    {
        var directory = values.Text("BackupDir", "", "path");
        return new()
        {
            ServiceTtl = TimeSpan.FromSeconds(values.Int("ServiceTTLSeconds", 30, 0, 31_536_000)),
            Dns = DnsOf(values),
            BackupDirectory = directory.Length > 0 ? directory : dataDirectory.TrimEnd('/') + "-backups",
        };
    }

    private static NameServer.DnsSettings DnsOf(ConfigValues values)
    {
        const int portOtherwise = 8600;
        var text = values.Text("DnsListen", "", "host:port");
        if (text.StartsWith(':')) text = "0.0.0.0" + text;
        var domains = values.Texts("DnsDomains", "consul verify").SelectMany(static d => d.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Select(static d => d.Trim('.').ToLowerInvariant()).ToArray();
        if (domains.Length == 0 || domains.Any(static d => d.Length is 0 or > 200 || d.Split('.').Any(static label => label.Length is 0 or > 63)))
            values.Problem("DnsDomains", "a list of domains like \"consul\"");
        return new(text.Length > 0 ? values.EndpointOf("DnsListen", text, portOtherwise) : null, domains, values.Int("DnsTTLSeconds", 0, 0, 86_400));
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
