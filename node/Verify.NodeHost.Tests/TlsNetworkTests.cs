using System.Diagnostics.Metrics;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Verify.Node.Seam;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Seam;
using Verify.NodeHost.Security;

namespace Verify.NodeHost.Tests;

/// <summary>Peer links over real sockets on loopback: who gets in, who does not, and certificates that change while the node runs.</summary>
[Platform(Exclude = "Win")]
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class TlsNetworkTests
{
    private string _directory = null!;
    private ServiceProvider _services = null!;
    private RecordedLogs _logs = null!;
    private RefusedSources _refused = null!;

    [SetUp]
    public void Start()
    {
        _directory = Directory.CreateTempSubdirectory("verify-tls-").FullName;
        TrialAuthority.Init(_directory, ["n1=127.0.0.1", "n2"], TimeSpan.FromDays(30), DateTimeOffset.UtcNow);
        _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        _logs = new();
        _refused = new(_logs, TimeProvider.System, _services.GetRequiredService<IMeterFactory>());
    }

    [TearDown]
    public void Stop()
    {
        _services.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Test]
    public async Task Two_nodes_of_one_authority_talk_and_each_knows_the_other_by_name()
    {
        var (listener, at) = Listen("n1");
        await using var _ = listener;
        var dialled = await NetworkOf("n2").ConnectAsync(at, CancellationToken.None);
        await using var mine = dialled;
        await using var theirs = await AcceptAsync(listener);
        Assert.That(((ICertifiedStream)dialled).Names, Is.EqualTo(new[] { "127.0.0.1", "n1" }));
        Assert.That(((ICertifiedStream)theirs).Names, Is.EqualTo(new[] { "n2" }));
        Assert.That(((SslStream)theirs).SslProtocol, Is.EqualTo(SslProtocols.Tls13));
        await dialled.WriteAsync("hello"u8.ToArray());
        var buffer = new byte[5];
        await theirs.ReadExactlyAsync(buffer);
        Assert.That(buffer, Is.EqualTo("hello"u8.ToArray()));
        Assert.That(_refused.Count, Is.Zero);
    }

    [Test]
    public async Task A_node_of_another_authority_is_refused_by_both_ends()
    {
        var other = Path.Combine(_directory, "other");
        TrialAuthority.Init(other, ["n2"], TimeSpan.FromDays(30), DateTimeOffset.UtcNow);
        var (listener, at) = Listen("n1");
        await using var _ = listener;
        var foreign = new TlsNetwork(Plain(), new(new(Path.Combine(other, "n2.pem"), Path.Combine(other, "n2.key"), Path.Combine(other, "ca.pem")), _logs, TimeProvider.System), _refused);
        Assert.That(async () => await foreign.ConnectAsync(at, CancellationToken.None), Throws.InstanceOf<IOException>().With.Message.Contains("no TLS 1.3 between us"));

        // Believes our authority, but shows a certificate of its own: TLS 1.3 lets the client finish first; nothing comes through.
        await ShouldGetNothingAsync(at, SslProtocols.Tls13, X509Certificate2.CreateFromPemFile(Path.Combine(other, "n2.pem"), Path.Combine(other, "n2.key")));
        await RefusedAsync(2);
        Assert.That(_logs.Lines, Has.Some.Contains("is not one of this group's"));
    }

    [Test]
    public async Task A_certificate_that_has_ended_is_refused()
    {
        using var authority = X509Certificate2.CreateFromPemFile(Path.Combine(_directory, "ca.pem"), Path.Combine(_directory, "ca.key"));
        var (certificate, key) = TrialAuthority.Issue(authority, ["n2"], DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddMinutes(-1));
        var (listener, at) = Listen("n1");
        await using var _ = listener;
        await ShouldGetNothingAsync(at, SslProtocols.Tls13, X509Certificate2.CreateFromPem(certificate, key));
        await RefusedAsync(1);

        File.WriteAllText(Path.Combine(_directory, "old.pem"), certificate);
        File.WriteAllText(Path.Combine(_directory, "old.key"), key);
        File.SetUnixFileMode(Path.Combine(_directory, "old.key"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.That(() => FilesOf("old"), Throws.InstanceOf<CertificateException>().With.Message.Contains("ended on"));
    }

    [Test]
    public async Task A_peer_without_a_certificate_or_with_TLS_1_2_is_refused()
    {
        var (listener, at) = Listen("n1");
        await using var _ = listener;
        await ShouldGetNothingAsync(at, SslProtocols.Tls13, certificate: null);
        await ShouldGetNothingAsync(at, SslProtocols.Tls12, X509Certificate2.CreateFromPemFile(Path.Combine(_directory, "n2.pem"), Path.Combine(_directory, "n2.key")));
        await RefusedAsync(2);
    }

    [TestCase("GET / HTTP/1.1\r\nHost: n1\r\n\r\n")]
    [TestCase("\0\0\0\0garbage garbage garbage garbage garbage garbage garbage")]
    [TestCase("\u0016\u0003\u0001\u007f\u007f\u0001\0\0\u0001")]
    public async Task Plain_text_and_garbage_are_refused_and_counted_and_said_once_a_minute(string text)
    {
        var (listener, at) = Listen("n1");
        await using var _ = listener;
        for (var i = 0; i < 3; i++)
        {
            using var socket = new TcpClient(at.Host, at.Port);
            var stream = socket.GetStream();
            await stream.WriteAsync(System.Text.Encoding.Latin1.GetBytes(text));
            socket.Client.Shutdown(SocketShutdown.Send);
            await DrainAsync(stream);
        }

        await RefusedAsync(3);
        Assert.That(_logs.Lines.Count(l => l.Contains("Refused at the peer door", StringComparison.Ordinal)), Is.EqualTo(1), "once per source and minute");

        await using var good = await NetworkOf("n2").ConnectAsync(at, CancellationToken.None);
        await using var accepted = await AcceptAsync(listener);
        Assert.That(((ICertifiedStream)accepted).Names, Is.EqualTo(new[] { "n2" }), "who is right gets in all the same");
    }

    [Test]
    public async Task A_caller_who_says_nothing_holds_up_nobody()
    {
        var (listener, at) = Listen("n1");
        await using var _ = listener;
        using var silent = new TcpClient(at.Host, at.Port);
        await using var good = await NetworkOf("n2").ConnectAsync(at, CancellationToken.None);
        await using var accepted = await AcceptAsync(listener);
        Assert.That(((ICertifiedStream)accepted).Names, Is.EqualTo(new[] { "n2" }));
    }

    [Test]
    public async Task A_new_certificate_is_taken_without_a_restart_and_a_broken_one_leaves_the_old_in_use()
    {
        var time = new ManualTime();
        var files = new CertificateFiles(PathsOf("n1"), _logs, time);
        var at = new Endpoint("127.0.0.1", FreePort.Next());
        await using var listener = new TlsNetwork(Plain(), files, _refused).Listen(at);
        Assert.That(await NamesShownAsync(listener, at), Is.EqualTo(new[] { "127.0.0.1", "n1" }));

        Replace("n1", "n1-new");
        Assert.That(await NamesShownAsync(listener, at), Does.Contain("n1"), "looked at most once a second");
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.That(await NamesShownAsync(listener, at), Is.EqualTo(new[] { "n1-new" }));

        File.WriteAllText(Path.Combine(_directory, "n1.pem"), "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n");
        for (var i = 0; i < 5; i++)
        {
            time.Advance(TimeSpan.FromSeconds(2));
            Assert.That(await NamesShownAsync(listener, at), Is.EqualTo(new[] { "n1-new" }));
        }

        Assert.That(_logs.Lines.Count(l => l.Contains("the old ones stay in use", StringComparison.Ordinal)), Is.EqualTo(1), "said once");
    }

    [Test]
    public void A_private_key_that_others_can_read_is_refused_with_the_remedy()
    {
        var key = Path.Combine(_directory, "n1.key");
        File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        Assert.That(() => FilesOf("n1"), Throws.InstanceOf<CertificateException>().With.Message.Contains($"chmod 600 {key}"));
    }

    [Test]
    public void A_certificate_that_its_own_authority_does_not_know_is_refused_at_the_start()
    {
        var other = Path.Combine(_directory, "other");
        TrialAuthority.Init(other, ["n1"], TimeSpan.FromDays(30), DateTimeOffset.UtcNow);
        Assert.That(() => new CertificateFiles(PathsOf("n1") with { Authority = Path.Combine(other, "ca.pem") }, _logs, TimeProvider.System),
            Throws.InstanceOf<CertificateException>().With.Message.Contains("not good for"));
    }

    [Test]
    public async Task A_caller_from_outside_the_allowed_networks_is_cut_off_before_a_byte_is_read()
    {
        Assert.That(AllowedNetworks.TryParse("10.0.0.0/8", out var network), Is.True);
        var port = FreePort.Next();
        await using var listener = new SystemNetwork(new([network]), _refused).Listen(new("127.0.0.1", port));
        var accept = listener.AcceptAsync().AsTask();
        using var socket = new TcpClient("127.0.0.1", port);
        await DrainAsync(socket.GetStream());
        await RefusedAsync(1);
        Assert.That(accept.IsCompleted, Is.False);
        Assert.That(_logs.Lines, Has.Some.Contains("RaftAllowedNetworks"));
    }

    [TestCase("10.0.0.0/8", "10.1.2.3", true)]
    [TestCase("10.0.0.0/8", "::ffff:10.1.2.3", true)]
    [TestCase("10.0.0.0/8", "11.1.2.3", false)]
    [TestCase("192.168.1.7", "192.168.1.7", true)]
    [TestCase("192.168.1.7", "192.168.1.8", false)]
    [TestCase("2001:db8::/32", "2001:db8:1::1", true)]
    [TestCase("2001:db8::/32", "10.1.2.3", false)]
    public void Networks_allow_what_is_in_them(string network, string address, bool isAllowed)
    {
        Assert.That(AllowedNetworks.TryParse(network, out var parsed), Is.True);
        Assert.That(new AllowedNetworks([parsed]).Allows(System.Net.IPAddress.Parse(address)), Is.EqualTo(isAllowed));
    }

    private static SystemNetwork Plain() => new(AllowedNetworks.Everywhere, refused: null);

    private TlsFiles PathsOf(string name) => new(Path.Combine(_directory, name + ".pem"), Path.Combine(_directory, name + ".key"), Path.Combine(_directory, "ca.pem"));

    private CertificateFiles FilesOf(string name) => new(PathsOf(name), _logs, TimeProvider.System);

    private TlsNetwork NetworkOf(string name) => new(Plain(), FilesOf(name), _refused);

    private (IListener Listener, Endpoint At) Listen(string name)
    {
        var at = new Endpoint("127.0.0.1", FreePort.Next());
        return (NetworkOf(name).Listen(at), at);
    }

    private static async Task<Stream> AcceptAsync(IListener listener) =>
        await listener.AcceptAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(10)) ?? throw new InvalidOperationException("the listener has closed");

    /// <summary>The names in the certificate that a listener shows to a new connection.</summary>
    private async Task<IReadOnlyList<string>> NamesShownAsync(IListener listener, Endpoint at)
    {
        await using var mine = await NetworkOf("n2").ConnectAsync(at, CancellationToken.None);
        await using var theirs = await AcceptAsync(listener);
        return ((ICertifiedStream)mine).Names;
    }

    private void Replace(string name, string speaksFor)
    {
        using var authority = X509Certificate2.CreateFromPemFile(Path.Combine(_directory, "ca.pem"), Path.Combine(_directory, "ca.key"));
        var (certificate, key) = TrialAuthority.Issue(authority, [speaksFor], DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(Path.Combine(_directory, name + ".pem"), certificate);
        File.WriteAllText(Path.Combine(_directory, name + ".key"), key);
    }

    /// <summary>Whatever the client believes of the handshake: it gets no byte, and the connection ends.</summary>
    private static async Task ShouldGetNothingAsync(Endpoint at, SslProtocols protocol, X509Certificate2? certificate)
    {
        using var socket = new TcpClient(at.Host, at.Port);
        await using var stream = new SslStream(socket.GetStream());
        var seen = 0;
        try
        {
            await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "n1",
                EnabledSslProtocols = protocol,
                ClientCertificates = certificate is null ? null : [certificate],
                RemoteCertificateValidationCallback = (_, _, _, _) => ++seen > 0,
            });
            Assert.That(await stream.ReadAsync(new byte[1]).AsTask().WaitAsync(TimeSpan.FromSeconds(10)), Is.Zero);
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            Assert.That(e.Message, Is.Not.Empty);
        }
    }

    private static async Task DrainAsync(Stream stream)
    {
        try
        {
            while (await stream.ReadAsync(new byte[1024]).AsTask().WaitAsync(TimeSpan.FromSeconds(10)) > 0) { }
        }
        catch (IOException e)
        {
            Assert.That(e.InnerException, Is.InstanceOf<SocketException>());
        }
    }

    /// <summary>The server notices a moment after the client does.</summary>
    private async Task RefusedAsync(int count)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        while (_refused.Count < count && !limit.IsCancellationRequested) await Task.Delay(10);
        Assert.That(_refused.Count, Is.EqualTo(count));
    }
}
