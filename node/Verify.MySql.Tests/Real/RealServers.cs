using System.Security.Cryptography.X509Certificates;
using Verify.Fleet;
using Verify.Fleet.Servers;
using Verify.MySql.Tests.Support;

namespace Verify.MySql.Tests.Real;

/// <summary>Two servers per flavour for all tests against real ones, started when the first asks and gone behind the last.</summary>
[SetUpFixture]
public sealed class RealServers
{
    private static readonly SortedDictionary<Flavor, Task<ServerUnderTest[]>> Started = [];
    private static FleetRun? _run;

    /// <summary>The first is open for writes, the second too; neither replicates, neither waits for a replica.</summary>
    internal static async Task<ServerUnderTest[]> OfAsync(Flavor flavor)
    {
        if (!Started.TryGetValue(flavor, out var servers)) Started[flavor] = servers = StartAsync(flavor);
        try
        {
            return await servers;
        }
        catch (FleetException e)
        {
            if (Environment.GetEnvironmentVariable("VERIFY_REQUIRE_LIVE") is "1") Assert.Fail($"VERIFY_REQUIRE_LIVE=1 and no real {flavor}: {e.Message}");
            Assert.Ignore($"no real {flavor} here: {e.Message}");
            throw;
        }
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        if (_run is { } run) await run.DisposeAsync();
    }

    private static async Task<ServerUnderTest[]> StartAsync(Flavor flavor)
    {
        _run ??= FleetRun.Begin(FleetCache.Default(), TestContext.Progress.WriteLine);
        var program = await new ServerInstall { Say = TestContext.Progress.WriteLine }.FindOrFetchAsync(flavor);
        var host = new ServerHost(_run, program);
        var tls = flavor == Flavor.MariaDb ? CertificateLines(_run.Folder("tls")) : []; // MySQL makes a certificate of its own
        foreach (var name in (string[])["db1", "db2"])
        {
            host.Add($"{flavor}-{name}".ToLowerInvariant(), with: o => o with { SemiSync = false, ExtraLines = [.. o.ExtraLines, .. tls] });
        }

        await host.StartAllAsync(ServerUnderTest.Patience);
        var servers = host.Servers.Select(s => new ServerUnderTest(s, host.Users)).ToArray();
        foreach (var server in servers) await server.PrepareAsync(new Statement.SetReadOnly(On: false).Sql(flavor));
        return servers;
    }

    private static string[] CertificateLines(string folder)
    {
        using var certificate = TestCertificate.Create();
        using var key = certificate.GetRSAPrivateKey()!;
        var (certificateFile, keyFile) = (Path.Combine(folder, "certificate.pem"), Path.Combine(folder, "key.pem"));
        File.WriteAllText(certificateFile, certificate.ExportCertificatePem());
        File.WriteAllText(keyFile, key.ExportRSAPrivateKeyPem());
        return [$"ssl-cert={certificateFile}", $"ssl-key={keyFile}"];
    }
}

/// <summary>Base of the tests that run against a real server of each flavour.</summary>
[Category("RealMySql")]
public abstract class RealServerFixture(Flavor flavor)
{
    internal ServerUnderTest Db1 { get; private set; } = null!;

    internal ServerUnderTest Db2 { get; private set; } = null!;

    protected Flavor Flavor { get; } = flavor;

    [OneTimeSetUp]
    public async Task Have_servers() => (Db1, Db2) = await RealServers.OfAsync(Flavor) is [var first, var second] ? (first, second) : throw new InvalidOperationException("two servers");
}
