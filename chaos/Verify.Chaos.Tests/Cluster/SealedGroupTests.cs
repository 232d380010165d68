using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Verify.Chaos.Live;
using Verify.Chaos.Live.Groups;
using Verify.Client;

namespace Verify.Chaos.Tests.Cluster;

/// <summary>Three nodes with certificates from verify-node tls init and keys from verify-node keys init: what is on the wire and on the
/// disk is sealed, certificates and keys change while the group works, strangers stay outside.</summary>
[Category("Live")]
[NonParallelizable]
[FixtureLifeCycle(LifeCycle.SingleInstance)]
public sealed partial class SealedGroupTests
{
    /// <summary>Held open for as long as the node runs; nobody else can read it.</summary>
    private const string LockFile = "verify-node.lock";
    private const string Plaintext = "the-plaintext-that-must-not-be-on-any-disk";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private LiveGroup _group = null!;
    private List<GroupPlace> _places = null!;
    private string _certificates = null!;
    private CancellationTokenSource _limit = null!;

    [OneTimeSetUp]
    public async Task BeginAsync()
    {
        _group = LiveGroup.Begin(TestContext.Progress.WriteLine);
        _certificates = _group.Run.Folder("tls");
        _places = [_group.Place(), _group.Place(), _group.Place()];
        await IssueAsync(_places);
        foreach (var place in _places) await Ctl.NodeAsync("keys", "init", "--key-file", KeyFile(place));
        await Task.WhenAll(_places.Select(p => _group.StartAsync(p, Settings(p), "https")));
        using var client = Client();
        using var limit = new CancellationTokenSource(Limit);
        await client.Kv.PutAsync("sealed/first", Plaintext, cancel: limit.Token);
    }

    [OneTimeTearDown]
    public async Task EndAsync() => await _group.DisposeAsync();

    [SetUp]
    public void LimitTime() => _limit = new(Limit);

    [TearDown]
    public void ForgetLimit() => _limit.Dispose();

    [Test]
    public async Task A_certificate_is_replaced_while_the_group_works()
    {
        var before = await ShownAsync(_places[1].Http);
        File.Delete(CertificateFile("n2"));
        File.Delete(PrivateKeyFile("n2"));
        await IssueAsync([_places[1]]);
        using var client = Client();
        await LiveGroup.UntilAsync("the new certificate is shown over HTTP", async () => await ShownAsync(_places[1].Http) != before, _group.Nodes, _limit.Token);
        await LiveGroup.UntilAsync("the new certificate is in use between nodes", async () =>
            (await File.ReadAllTextAsync(Node("n2").LogFile, _limit.Token)).Split("is in use").Length - 1 >= 3, _group.Nodes, _limit.Token);

        // New links are made with it: another node comes back and reaches this one.
        await LiveGroup.StopAsync(Node("n3"));
        await LiveGroup.StartAsync(Node("n3"));
        await client.Kv.PutAsync("sealed/second", "2", cancel: _limit.Token);
        await EachReachesAllAsync();
    }

    [Test]
    public async Task A_stranger_is_refused_and_counted_and_said_once()
    {
        var node = Node("n1");
        var before = await RefusedAsync(node);
        for (var i = 0; i < 3; i++) Assert.That(await IsLetInAsync(_places[0].Peer, Stranger()), Is.False, "a certificate of another authority");
        Assert.That(await IsLetInAsync(_places[0].Peer, certificate: null), Is.False, "no certificate");
        await LiveGroup.UntilAsync("the refusals are counted", async () => await RefusedAsync(node) >= before + 4, _group.Nodes, _limit.Token);
        var lines = (await File.ReadAllLinesAsync(node.LogFile, _limit.Token)).Count(l => l.Contains("Refused at the peer door", StringComparison.Ordinal));
        Assert.That(lines, Is.InRange(1, 3), "once for each source and kind in a minute");
        var stranger = await Ctl.TryAtAsync(_group.Nodes.Select(n => n.Http), TimeSpan.FromSeconds(1), "cluster", "status");
        Assert.That(stranger.Code, Is.EqualTo(3), "without the authority the client does not believe the nodes");
        Assert.That(await Ctl.RunAsync(_group, "cluster", "peers", "--ca", AuthorityFile), Does.Contain("n3"));
    }

    [Test]
    public async Task The_plaintext_is_in_no_file_of_any_node()
    {
        using var client = Client();
        for (var i = 0; i < 20; i++) await client.Kv.PutAsync($"sealed/{i}", $"{Plaintext} {i}", cancel: _limit.Token);
        await Ctl.RunAsync(_group, "cluster", "snapshot", "--all", "--ca", AuthorityFile);
        foreach (var node in _group.Nodes)
        {
            Assert.That(FilesWith(node.DataDirectory, Plaintext), Is.Empty, node.Name);
            Assert.That(Directory.EnumerateFiles(node.DataDirectory, "*", SearchOption.AllDirectories).Sum(f => new FileInfo(f).Length), Is.GreaterThan(20 * Plaintext.Length), "there are files");
        }
    }

    [Test]
    public async Task The_same_search_finds_it_where_nothing_is_sealed()
    {
        await using var open = LiveGroup.Begin(TestContext.Progress.WriteLine);
        var place = open.Place();
        var node = await open.StartAsync(place, LiveGroup.Alone(place));
        await open.WholeAsync(_limit.Token);
        using var client = open.Client();
        await client.Kv.PutAsync("open", Plaintext, cancel: _limit.Token);
        Assert.That(FilesWith(node.DataDirectory, Plaintext), Is.Not.Empty);
    }

    [Test]
    public async Task The_key_is_rotated_while_the_group_works_and_old_and_new_data_are_read_after_a_restart()
    {
        var before = await ActiveKeysAsync();
        foreach (var place in _places) await Ctl.NodeAsync("keys", "rotate", "--key-file", KeyFile(place));
        await Ctl.RunAsync(_group, "cluster", "rotate-key", "--ca", AuthorityFile);
        var after = await ActiveKeysAsync();
        Assert.That(after.Except(before, StringComparer.Ordinal).Count(), Is.EqualTo(3), "each node has a key of its own, and a new one");
        using var client = Client();
        await client.Kv.PutAsync("sealed/after", Plaintext, cancel: _limit.Token);
        await Task.WhenAll(_group.Nodes.Select(n => n.KillAsync()));
        await Task.WhenAll(_group.Nodes.Select(LiveGroup.StartAsync));
        using var again = Client();
        Assert.That((await again.Kv.GetAsync("sealed/first", cancel: _limit.Token)).Pair?.Value, Is.EqualTo(Plaintext));
        Assert.That((await again.Kv.GetAsync("sealed/after", cancel: _limit.Token)).Pair?.Value, Is.EqualTo(Plaintext));
        foreach (var node in _group.Nodes) Assert.That(FilesWith(node.DataDirectory, Plaintext), Is.Empty, node.Name);
    }

    private string AuthorityFile => Path.Combine(_certificates, "ca.pem");

    private string CertificateFile(string name) => Path.Combine(_certificates, name + ".pem");

    private string PrivateKeyFile(string name) => Path.Combine(_certificates, name + ".key");

    private string KeyFile(GroupPlace place) => Path.Combine(_group.Run.Folder("keys"), place.Name);

    private LiveNode Node(string name) => _group.Nodes.Single(n => n.Name == name);

    private VerifyClient Client() => _group.Client(_group.Nodes, o => o with { CaFile = AuthorityFile });

    private Task IssueAsync(IEnumerable<GroupPlace> places) =>
        Ctl.NodeAsync("tls", "init", "--out", _certificates, "--names", string.Join(',', places.Select(p => $"{p.Name}={Host(p.Peer)}+{Host(p.Http)}")));

    private static string Host(string address) => address[..address.LastIndexOf(':')];

    private SortedDictionary<string, object> Settings(GroupPlace place)
    {
        var settings = LiveGroup.Founder(place, _places);
        settings["RaftNodeId"] = place.Name;
        settings["RaftNodes"] = _places.Select(p => $"{p.Name}@{p.Peer}").ToArray();
        (settings["RaftTLSCertFile"], settings["RaftTLSKeyFile"], settings["RaftTLSCAFile"]) = (CertificateFile(place.Name), PrivateKeyFile(place.Name), AuthorityFile);
        (settings["UseSSL"], settings["SSLCertFile"], settings["SSLPrivateKeyFile"]) = (true, CertificateFile(place.Name), PrivateKeyFile(place.Name));
        settings["DataKeyFile"] = KeyFile(place);
        return settings;
    }

    private async Task EachReachesAllAsync() => await LiveGroup.UntilAsync("each node has links to all others", async () =>
    {
        using var client = Client();
        foreach (var node in _group.Nodes)
        {
            JsonElement answer;
            try
            {
                answer = await client.Cluster.AskNodeAsync(node.Http, "/cluster/peers", _limit.Token);
            }
            catch (VerifyClientException)
            {
                return false;
            }

            if (answer.GetProperty("peers").EnumerateArray().Any(p => !p.GetProperty("reachable").GetBoolean())) return false;
        }

        return true;
    }, _group.Nodes, _limit.Token);

    private async Task<List<string>> ActiveKeysAsync()
    {
        using var client = Client();
        var keys = new List<string>();
        foreach (var node in _group.Nodes) keys.Add((await client.Cluster.AskNodeAsync(node.Http, "/cluster/config", _limit.Token)).GetProperty("data_key").GetString()!);
        return keys;
    }

    /// <summary>The group's authority is believed, and nobody else.</summary>
    private X509ChainPolicy Trust()
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(AuthorityFile);
        return policy;
    }

    /// <summary>The thumbprint of the certificate that an address shows.</summary>
    private async Task<string> ShownAsync(string address)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPEndPoint.Parse(address), _limit.Token);
        await using var tls = new SslStream(client.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = Host(address), CertificateChainPolicy = Trust() }, _limit.Token);
        return tls.RemoteCertificate!.GetCertHashString(HashAlgorithmName.SHA256);
    }

    /// <summary>In TLS 1.3 a client learns of its refusal when it reads (RFC 8446 §4.4.2.4 and appendix E.1.1), so one byte is asked for.</summary>
    private async Task<bool> IsLetInAsync(string address, X509Certificate2? certificate)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPEndPoint.Parse(address), _limit.Token);
        await using var tls = new SslStream(client.GetStream());
        try
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = Host(address), ClientCertificates = certificate is null ? null : [certificate], EnabledSslProtocols = SslProtocols.Tls13, CertificateChainPolicy = Trust(),
            }, _limit.Token);
            return await tls.ReadAsync(new byte[1], _limit.Token) > 0;
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            return false;
        }
    }

    private static X509Certificate2 Stranger()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=n2", key, HashAlgorithmName.SHA256);
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), password: null);
    }

    /// <summary>What the node counts as refused before it saw it.</summary>
    private async Task<double> RefusedAsync(LiveNode node)
    {
        using var handler = new SocketsHttpHandler { SslOptions = new() { CertificateChainPolicy = Trust() } };
        using var http = new HttpClient(handler);
        var text = await http.GetStringAsync(new Uri(node.Http, "metrics"), _limit.Token);
        return RefusedLine().Matches(text).Sum(m => double.Parse(m.Groups["n"].Value, System.Globalization.CultureInfo.InvariantCulture));
    }

    private static IEnumerable<string> FilesWith(string folder, string text)
    {
        var wanted = Encoding.UTF8.GetBytes(text);
        return Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(f => Path.GetFileName(f) != LockFile).Where(f =>
        {
            using var file = new FileStream(f, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var bytes = new byte[file.Length];
            var read = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            return bytes.AsSpan(0, read).IndexOf(wanted) >= 0;
        });
    }

    [GeneratedRegex(@"^verify_host_refused\S*\{[^}]*door=""peer""[^}]*\} (?<n>[0-9.e+]+)", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 10_000)]
    private static partial Regex RefusedLine();
}
