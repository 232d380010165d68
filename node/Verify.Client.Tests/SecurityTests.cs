using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Verify.Client.Tests.Fakes;

namespace Verify.Client.Tests;

/// <summary>Who the client says it is, whom it believes, and what it never shows.</summary>
public sealed class SecurityTests
{
    private string _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("verify-client-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task A_node_is_believed_whose_certificate_the_given_authority_signed()
    {
        var (authority, certificate) = Certificates();
        await using var node = new FakeNode(new FakeGroup().Write, certificate);
        using var client = new VerifyClient(new() { Endpoints = [node.Uri], CaFile = Save("ca.pem", authority) });
        Assert.That(await client.Kv.PutAsync("a", "1"), Is.InstanceOf<KvWrite.Written>());
    }

    [Test]
    public async Task A_node_with_a_certificate_of_somebody_else_gets_no_request()
    {
        var (_, certificate) = Certificates();
        var (another, _) = Certificates();
        await using var node = new FakeNode(new FakeGroup().Write, certificate);
        using var client = new VerifyClient(new() { Endpoints = [node.Uri], CaFile = Save("ca.pem", another), Deadline = TimeSpan.FromMilliseconds(300) });
        var none = (await Assert.ThrowsAsync<NoNodeReachableException>(() => client.Kv.PutAsync("a", "1")))!;
        Assert.That(none.Message, Does.Contain("certificate").IgnoreCase);
        Assert.That(node.Requests, Is.Empty);
    }

    [Test]
    public void A_CA_file_that_is_not_there_or_holds_nothing_is_named()
    {
        var empty = Path.Combine(_folder, "empty.pem");
        File.WriteAllText(empty, "nothing");
        foreach (var file in new[] { Path.Combine(_folder, "absent.pem"), empty })
        {
            var wrong = Assert.Throws<ClientOptionsException>(() => new VerifyClient(new() { Endpoints = [new("https://127.0.0.1:1/")], CaFile = file }).Dispose())!;
            Assert.That(wrong.Message, Does.Contain(file));
        }
    }

    [Test]
    public async Task User_and_token_go_with_every_request()
    {
        await using var node = new FakeNode(new FakeGroup().Write);
        using (var client = new VerifyClient(new() { Endpoints = [node.Uri], Credentials = Credentials.Basic("ann", "s3cret") })) await client.Kv.PutAsync("a", "1");
        Assert.That(node.Requests.Select(r => r.Headers["Authorization"]), Is.All.EqualTo("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("ann:s3cret"))));
        node.Requests.Clear();
        using (var client = new VerifyClient(new() { Endpoints = [node.Uri], Credentials = Credentials.Token("t0k3n") })) await client.Kv.PutAsync("a", "1");
        Assert.That(node.Requests.Select(r => r.Headers["Authorization"]), Is.All.EqualTo("Bearer t0k3n"));
    }

    [Test]
    public void A_secret_shows_in_no_text()
    {
        var options = new ClientOptions { Endpoints = [new("http://127.0.0.1:1/")], Credentials = Credentials.Basic("ann", "s3cret") };
        Assert.That(options.ToString(), Does.Not.Contain("s3cret").And.Contain("ann"));
        Assert.That((options with { Credentials = Credentials.Token("t0k3n") }).ToString(), Does.Not.Contain("t0k3n"));
    }

    private string Save(string name, X509Certificate2 certificate)
    {
        var file = Path.Combine(_folder, name);
        File.WriteAllText(file, certificate.ExportCertificatePem());
        return file;
    }

    private static (X509Certificate2 Authority, X509Certificate2 Node) Certificates()
    {
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test authority", authorityKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        var now = DateTimeOffset.UtcNow;
        var authority = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var own = new CertificateRequest("CN=node", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        own.CertificateExtensions.Add(names.Build());
        using var signed = own.Create(authority, now.AddDays(-1), now.AddDays(1).AddSeconds(-1), RandomNumberGenerator.GetBytes(8));
        using var withKey = signed.CopyWithPrivateKey(key);
        return (authority, X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pfx), password: null));
    }
}
