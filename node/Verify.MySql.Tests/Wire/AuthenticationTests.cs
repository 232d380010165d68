using System.Security.Cryptography;
using System.Text;
using Verify.MySql.Tests.Support;
using Verify.MySql.Wire;

namespace Verify.MySql.Tests.Wire;

/// <summary>Every way in, played against a scripted server.</summary>
public class AuthenticationTests
{
    [SetUp]
    public void Leave_the_runner_s_context() => SynchronizationContext.SetSynchronizationContext(null);

    [Test]
    public async Task A_cached_password_needs_the_proof_only()
    {
        var server = new ScriptedServer();
        var opening = server.Open();
        await server.GreetAsync();
        var login = LoginRequest.Parse(await server.ReadAsync());
        Assert.That((login.User, login.AuthPlugin, login.Database), Is.EqualTo(("someone", PasswordProof.CachingSha2, "")));
        Assert.That(login.AuthResponse, Is.EqualTo(PasswordProof.OfCachingSha2("secret", ScriptedServer.Seed)));
        await server.SendHexAsync("02000002 01 03  07000003 00 00 00 0200 0000");
        await using var session = await opening;
        Assert.That((session.SessionId, session.IsOpen, session.IsEncrypted), Is.EqualTo((7L, true, false)));
        Assert.That(session.Version, Is.EqualTo(new ServerVersion(Flavor.MySql, 9, 7, 4)));
    }

    [Test]
    public async Task Without_TLS_a_password_travels_only_under_the_server_s_key()
    {
        using var rsa = RSA.Create(2048);
        var server = new ScriptedServer();
        var opening = server.Open();
        await server.GreetAsync();
        await server.ReadAsync();
        await server.SendHexAsync("02000002 01 04");
        server.Expect(3);
        Assert.That(await server.ReadAsync(), Is.EqualTo(new byte[] { 2 }), "asks for the key");
        server.Writer.Begin(4).Byte(Header.MoreAuthData).Text(rsa.ExportSubjectPublicKeyInfoPem()).End();
        await server.SendAsync();
        server.Expect(5);
        var masked = rsa.Decrypt(await server.ReadAsync(), RSAEncryptionPadding.OaepSHA1);
        for (var i = 0; i < masked.Length; i++) masked[i] ^= ScriptedServer.Seed[i % ScriptedServer.Seed.Length];
        Assert.That(masked, Is.EqualTo("secret\0"u8.ToArray()));
        new OkPacket(0, ServerStatus.AutoCommit).Write(server.Writer, 6);
        await server.SendAsync();
        await (await opening).DisposeAsync();
    }

    [TestCase(PasswordProof.CachingSha2, PasswordProof.Native)]
    [TestCase(PasswordProof.Native, PasswordProof.CachingSha2)]
    public async Task A_switch_of_method_is_followed_with_the_new_seed(string from, string to)
    {
        var newSeed = ScriptedServer.Seed.Reverse().ToArray();
        var server = new ScriptedServer();
        var opening = server.Open();
        await server.GreetAsync(plugin: from);
        Assert.That(LoginRequest.Parse(await server.ReadAsync()).AuthPlugin, Is.EqualTo(from));
        server.Writer.Begin(2).Byte(Header.AuthSwitch).ZeroEnded(to).Bytes(newSeed).Byte(0).End();
        await server.SendAsync();
        server.Expect(3);
        Assert.That(await server.ReadAsync(), Is.EqualTo(to is PasswordProof.Native
            ? PasswordProof.OfNative("secret", newSeed)
            : PasswordProof.OfCachingSha2("secret", newSeed)));
        new OkPacket(0, ServerStatus.AutoCommit).Write(server.Writer, 4);
        await server.SendAsync();
        await (await opening).DisposeAsync();
    }

    [Test]
    public async Task An_empty_password_is_an_empty_proof([Values(PasswordProof.CachingSha2, PasswordProof.Native)] string plugin)
    {
        var server = new ScriptedServer();
        var opening = server.Open(ScriptedServer.Login with { Password = "" });
        await server.GreetAsync(plugin: plugin);
        Assert.That(LoginRequest.Parse(await server.ReadAsync()).AuthResponse, Is.Empty);
        await server.SendHexAsync("07000002 00 00 00 0200 0000");
        await (await opening).DisposeAsync();
    }

    [Test]
    public async Task A_refused_login_quotes_the_server_and_closes()
    {
        var server = new ScriptedServer();
        var opening = server.Open();
        await server.GreetAsync();
        await server.ReadAsync();
        ErrorPacket.Write(server.Writer, 2, 1045, "28000", "Access denied for user 'someone'@'localhost' (using password: YES)");
        await server.SendAsync();
        var e = await Assert.ThrowsAsync<MySqlServerException>(() => opening);
        Assert.That((e!.Code, e.SqlState), Is.EqualTo((1045, "28000")));
        Assert.That(server.Client.IsClosed, Is.True);
    }

    [Test]
    public async Task The_client_offers_no_local_files_no_second_statement_and_no_second_answer()
    {
        var server = new ScriptedServer();
        _ = server.Open(ScriptedServer.Login with { Database = "app" });
        await server.GreetAsync((Capabilities)uint.MaxValue & ~Capabilities.Tls);
        var login = LoginRequest.Parse(await server.ReadAsync());
        Assert.That(
            login.Capabilities & (Capabilities.LocalFiles | Capabilities.MultiStatements | Capabilities.MultiResults | Capabilities.SessionTrack | Capabilities.ConnectAttributes),
            Is.EqualTo(Capabilities.None));
        Assert.That(login.Database, Is.EqualTo("app"));
    }

    [Test]
    public async Task Over_TLS_the_password_travels_plainly_when_the_server_has_not_cached_it()
    {
        var server = new ScriptedServer();
        var opening = server.Open(ScriptedServer.Login with { Tls = TlsMode.Required });
        await server.GreetAsync(ScriptedServer.Offered | Capabilities.Tls);
        Assert.That(LoginRequest.Parse(await server.ReadAsync()).IsTlsRequest, Is.True);

        using var certificate = TestCertificate.Create();
        var tls = new System.Net.Security.SslStream(server.Stream);
        await tls.AuthenticateAsServerAsync(certificate);
        var reader = new PacketReader(tls) { NextSequence = 2 };
        var login = LoginRequest.Parse((await reader.ReadAsync("the login", default)).Span);
        Assert.That((login.User, login.IsTlsRequest), Is.EqualTo(("someone", false)));
        server.Writer.Begin(3).Byte(Header.MoreAuthData).Byte(4).End();
        await server.Writer.SendAsync(tls, default);
        reader.NextSequence = 4;
        Assert.That((await reader.ReadAsync("the password", default)).ToArray(), Is.EqualTo("secret\0"u8.ToArray()));
        new OkPacket(0, ServerStatus.AutoCommit).Write(server.Writer, 5);
        await server.Writer.SendAsync(tls, default);
        await using var session = await opening;
        Assert.That(session.IsEncrypted, Is.True);
    }

    [Test]
    public async Task A_certificate_that_the_caller_does_not_accept_ends_the_login_before_the_user_is_named()
    {
        var server = new ScriptedServer();
        var opening = server.Open(ScriptedServer.Login with { Tls = TlsMode.Preferred, CheckCertificate = (_, _, _, _) => false });
        await server.GreetAsync(ScriptedServer.Offered | Capabilities.Tls);
        await server.ReadAsync();
        using var certificate = TestCertificate.Create();
        await using var tls = new System.Net.Security.SslStream(server.Stream);
        try
        {
            await tls.AuthenticateAsServerAsync(certificate);
        }
        catch (IOException e)
        {
            TestContext.Out.WriteLine($"the server's side: {e.Message}");
        }

        var refused = await Assert.ThrowsAsync<MySqlProtocolException>(() => opening);
        Assert.That(refused!.InnerException, Is.InstanceOf<System.Security.Authentication.AuthenticationException>());
        Assert.That(server.Client.IsClosed, Is.True);
    }

    /// <summary>Computed with Python's hashlib from the formulas of the protocol documentation.</summary>
    [Test]
    public void Proofs_are_those_of_the_documentation()
    {
        Assert.That(Convert.ToHexStringLower(PasswordProof.OfNative("secret", ScriptedServer.Seed)), Is.EqualTo("b32bb3a583e1340c0a1108d58b1be49781ad8c2f"));
        Assert.That(Convert.ToHexStringLower(PasswordProof.OfCachingSha2("secret", ScriptedServer.Seed)), Is.EqualTo("746ebe205d56a0707acb3e796e834e0dd7b1d61743b26bd5202c7a623230c7c9"));
        Assert.That(Encoding.UTF8.GetString(PasswordProof.Plain("pä")), Is.EqualTo("pä\0"));
    }
}
