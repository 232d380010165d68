using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using System.Diagnostics.Metrics;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Http;
using Verify.NodeHost.Security;

namespace Verify.NodeHost.Tests;

/// <summary>The HTTP listener with certificates and allowed networks, on real sockets.</summary>
public sealed class HttpsTests
{
    private string _directory = null!;
    private X509Certificate2 _authority = null!;
    private readonly ManualTime _time = new();
    private int _port;

    [SetUp]
    public void Start()
    {
        _directory = Directory.CreateTempSubdirectory("verify-https-").FullName;
        TrialAuthority.Init(_directory, ["n1=localhost+127.0.0.1", "client"], TimeSpan.FromDays(2), DateTimeOffset.UtcNow);
        _authority = X509Certificate2.CreateFromPemFile(Path.Combine(_directory, "ca.pem"), Path.Combine(_directory, "ca.key"));
        _port = FreePort.Next();
    }

    [TearDown]
    public void Stop()
    {
        _authority.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Test]
    public async Task HTTPS_takes_a_new_certificate_without_a_restart()
    {
        await using var app = await StartAsync("");
        Assert.That(await SerialShownAsync(), Is.EqualTo(SerialOf("n1")));
        var before = SerialOf("n1");
        var (certificate, key) = TrialAuthority.Issue(_authority, ["n1", "127.0.0.1"], DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(Path.Combine(_directory, "n1.pem"), certificate);
        File.WriteAllText(Path.Combine(_directory, "n1.key"), key);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.That(await SerialShownAsync(), Is.EqualTo(SerialOf("n1")).And.Not.EqualTo(before));
    }

    [Test]
    public async Task Plain_HTTP_gets_nothing_from_an_HTTPS_listener()
    {
        await using var app = await StartAsync("");
        using var http = new HttpClient();
        Assert.That(async () => await http.GetAsync($"http://127.0.0.1:{_port}/api/_ping"), Throws.InstanceOf<HttpRequestException>());
    }

    [Test]
    public async Task With_client_certificates_only_those_of_the_authority_get_in()
    {
        var other = Path.Combine(_directory, "other");
        TrialAuthority.Init(other, ["client"], TimeSpan.FromDays(2), DateTimeOffset.UtcNow);
        await using var app = await StartAsync(", \"UseMutualTLS\": true");
        Assert.That(await PingAsync(Path.Combine(_directory, "client")), Is.EqualTo(HttpStatusCode.OK));
        Assert.That(async () => await PingAsync(null), Throws.InstanceOf<HttpRequestException>());
        Assert.That(async () => await PingAsync(Path.Combine(other, "client")), Throws.InstanceOf<HttpRequestException>());
    }

    [Test]
    public async Task A_client_from_outside_the_allowed_networks_gets_no_answer()
    {
        await using var app = await StartAsync(", \"HTTPAllowedNetworks\": [\"10.0.0.0/8\"]");
        // Cut off before or after the client looked at its socket.
        Assert.That(async () => await PingAsync(Path.Combine(_directory, "client")), Throws.InstanceOf<HttpRequestException>().Or.InstanceOf<System.Net.Sockets.SocketException>());
        await using var allowed = await StartAsync(", \"HTTPAllowedNetworks\": [\"10.0.0.0/8\", \"127.0.0.1\"]");
        Assert.That(await PingAsync(null), Is.EqualTo(HttpStatusCode.OK));
    }

    private async Task<WebApplication> StartAsync(string more)
    {
        _port = FreePort.Next();
        string Of(string file) => Path.Combine(_directory, file).Replace('\\', '/');
        var config = HostConfig.Parse("node.json", System.Text.Encoding.UTF8.GetBytes(
            $$"""{ "RaftDataDir": "d", "ListenAddress": "127.0.0.1:{{_port}}", "UseSSL": true, "SSLCertFile": "{{Of("n1.pem")}}", "SSLPrivateKeyFile": "{{Of("n1.key")}}", "SSLCAFile": "{{Of("ca.pem")}}"{{more}} }"""), _ => null);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddMetrics();
        NodeHostApp.Configure(builder.Services);
        var logs = new RecordedLogs();
        var certificate = new CertificateFiles(config.Https!.Files, logs, _time);
        RefusedSources? refused = null;
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(k => Http.HttpListener.Configure(k, config, () => certificate, () => refused!));
        var app = builder.Build();
        refused = new(logs, TimeProvider.System, app.Services.GetRequiredService<IMeterFactory>());
        NodeHostApp.Map(app, new ScriptedNode(), config, prometheus: null, refused);
        await app.StartAsync();
        return app;
    }

    private async Task<HttpStatusCode> PingAsync(string? client)
    {
        using var handler = Handler(_ => { });
        if (client is not null) handler.ClientCertificates.Add(X509Certificate2.CreateFromPemFile(client + ".pem", client + ".key"));
        using var http = new HttpClient(handler);
        using var response = await http.GetAsync($"https://127.0.0.1:{_port}/api/_ping");
        return response.StatusCode;
    }

    private async Task<string> SerialShownAsync()
    {
        var serial = "";
        using var handler = Handler(shown => serial = shown.SerialNumber);
        using var http = new HttpClient(handler);
        using var response = await http.GetAsync($"https://127.0.0.1:{_port}/api/_ping");
        return serial;
    }

    /// <summary>Trusts the test's authority and nobody else.</summary>
#pragma warning disable MA0039 // A private authority cannot be trusted in another way, and the test wants to see the certificate.
    private HttpClientHandler Handler(Action<X509Certificate2> look) => new()
    {
        ServerCertificateCustomValidationCallback = (_, certificate, _, _) =>
        {
            look(certificate!);
            using var chain = new X509Chain { ChainPolicy = CertificateFiles.PolicyFor([_authority], Usage.Server) };
            return chain.Build(certificate!);
        },
    };
#pragma warning restore MA0039

    private string SerialOf(string name)
    {
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(Path.Combine(_directory, name + ".pem"));
        return certificate.SerialNumber;
    }
}
