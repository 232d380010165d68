using Verify.MySql.Tests.Support;
using Verify.MySql.Wire;

namespace Verify.MySql.Tests.Real;

/// <summary>Every way in, at real doors.</summary>
[TestFixture(Flavor.MySql)]
[TestFixture(Flavor.MariaDb)]
public class RealLoginTests(Flavor flavor) : RealServerFixture(flavor)
{
    [Test]
    public async Task The_topology_user_gets_in([Values] TlsMode tls)
    {
        await using var session = await Db1.OpenAsync(Db1.Users.Topology with { Tls = tls });
        Assert.That(session.Version, Is.EqualTo(Db1.Server.Version));
        Assert.That(session.SessionId, Is.EqualTo(long.Parse((await session.Run(SqlText.Of($"SELECT CONNECTION_ID() AS id"))).Text(0, "id")!)));
        if (tls == TlsMode.Disabled) Assert.That(session.IsEncrypted, Is.False);
        if (tls != TlsMode.Disabled) Assert.That(session.IsEncrypted, Is.True);
        var cipher = (await session.Run(SqlText.Of($"SHOW SESSION STATUS LIKE 'Ssl_cipher'"))).Text(0, "Value");
        Assert.That(cipher, session.IsEncrypted ? Is.Not.Empty : Is.Empty, "the server's own view of it");
    }

    [Test]
    public async Task A_wrong_password_is_refused_by_the_server([Values] TlsMode tls)
    {
        var stream = await Db1.ConnectAsync();
        var e = await Assert.ThrowsAsync<MySqlServerException>(() =>
            MySqlSession.OpenAsync(stream, new("verify_topology", "wrong") { Tls = tls }, TimeProvider.System, ServerUnderTest.Patience).AsTask());
        Assert.That((e!.Code, e.SqlState), Is.EqualTo((1045, "28000")));
        Assert.Throws<ObjectDisposedException>(() => stream.ReadByte());
    }

    /// <summary>Servers do not tell that a user is unknown: they ask for the method of some other account first, which need not be ours.</summary>
    [Test]
    public async Task An_unknown_user_does_not_get_in([Values] TlsMode tls)
    {
        var stream = await Db1.ConnectAsync();
        var e = await Assert.CatchAsync<MySqlException>(() =>
            MySqlSession.OpenAsync(stream, new("nobody", "wrong") { Tls = tls }, TimeProvider.System, ServerUnderTest.Patience).AsTask());
        Assert.That(e!.Message, Does.StartWith("1045 (28000)").Or.StartWith("1698 (28000)").Or.StartWith("the server wants 'nobody' to log in by sha256_password"));
        Assert.Throws<ObjectDisposedException>(() => stream.ReadByte());
    }

    [Test]
    public async Task An_empty_password_gets_in([Values] TlsMode tls, [Values] bool afterSwitch)
    {
        await Db1.CreateAccountAsync("verify_empty", "");
        var (session, _) = await Db1.OpenRecordedAsync(new("verify_empty", "") { Tls = tls }, afterSwitch ? OtherPlugin : Unchanged);
        await using (session) await session.Run(SqlText.Of($"SELECT 1"));
    }

    [Test]
    public async Task A_password_of_odd_characters_gets_in([Values] TlsMode tls)
    {
        const string Odd = "it's \"100%\" ~ `{;--}` #&!";
        await Db1.CreateAccountAsync("verify_odd", Odd);
        await using var session = await Db1.OpenAsync(new("verify_odd", Odd) { Tls = tls });
        await session.Run(SqlText.Of($"SELECT 1"));
    }

    [Test]
    public async Task A_user_and_a_password_beyond_ASCII_get_in([Values] TlsMode tls)
    {
        await using (var admin = await Db1.OpenAsync())
        {
            await admin.Run(SqlText.Of($"SET SESSION sql_log_bin = 0"));
            await admin.Run(RawSql.Of("DROP USER IF EXISTS 'größe'@'%'"));
            await admin.Run(RawSql.Of("CREATE USER 'größe'@'%' IDENTIFIED BY 'schlüssel→'"));
        }

        await using var session = await Db1.OpenAsync(new("größe", "schlüssel→") { Tls = tls });
        Assert.That((await session.Run(SqlText.Of($"SELECT USER() AS u"))).Text(0, "u"), Does.StartWith("größe@"));
    }

    [Test]
    public async Task The_method_is_switched_when_the_account_asks_for_it([Values] TlsMode tls)
    {
        var (session, recording) = await Db1.OpenRecordedAsync(Db1.Users.Topology with { Tls = tls }, OtherPlugin);
        await using (session) await session.Run(SqlText.Of($"SELECT 1"));
        if (tls == TlsMode.Disabled)
        {
            Assert.That(recording.ServerText, Does.Contain("\u00fe" + (Flavor == Flavor.MySql ? PasswordProof.CachingSha2 : PasswordProof.Native)));
        }
    }

    [Test]
    public async Task A_schema_is_chosen_at_login_and_an_unknown_one_is_refused()
    {
        await using var session = await Db1.OpenAsync(Db1.Users.Topology with { Database = "mysql" });
        Assert.That((await session.Run(SqlText.Of($"SELECT DATABASE() AS d"))).Text(0, "d"), Is.EqualTo("mysql"));
        var e = await Assert.ThrowsAsync<MySqlServerException>(() => Db1.OpenAsync(Db1.Users.Topology with { Database = "no_such" }));
        Assert.That(e!.Code, Is.EqualTo(1049));
    }

    [Test]
    public async Task An_account_whose_method_is_not_ours_is_refused_with_a_remedy()
    {
        await Db1.PrepareAsync(SqlText.Of($"DROP USER IF EXISTS verify_other@'%'"), Flavor == Flavor.MySql
            ? SqlText.Of($"CREATE USER verify_other@'%' IDENTIFIED WITH sha256_password BY 'x'")
            : SqlText.Of($"CREATE USER verify_other@'%' IDENTIFIED VIA unix_socket"));
        var e = await Assert.CatchAsync<MySqlException>(() => Db1.OpenAsync(new("verify_other", "x")));
        Assert.That(e!.Message, Does.Contain(Flavor == Flavor.MySql
            ? "the server wants 'verify_other' to log in by sha256_password; give the account caching_sha2_password (MySQL)"
            : "1698 (28000): Access denied")); // by TCP, MariaDB refuses it by itself
        await Db1.PrepareAsync(SqlText.Of($"DROP USER verify_other@'%'")); // MySQL would borrow its method for unknown users
    }

    [Test]
    public async Task The_server_s_certificate_is_shown_to_the_caller()
    {
        var subject = "";
        await using var session = await Db1.OpenAsync(Db1.Users.Topology with
        {
            Tls = TlsMode.Required,
            CheckCertificate = (_, certificate, _, _) =>
            {
                subject = certificate!.Subject;
                return subject.Length > 0;
            },
        });
        Assert.That(subject, Does.Contain(Flavor == Flavor.MySql ? "MySQL_Server" : "scripted server"));
    }

    private static Greeting Unchanged(Greeting greeting) => greeting;

    private static Greeting OtherPlugin(Greeting greeting) =>
        greeting with { AuthPlugin = greeting.AuthPlugin is PasswordProof.Native ? PasswordProof.CachingSha2 : PasswordProof.Native };
}

/// <summary>caching_sha2_password keeps what it needs to check a proof only after it has seen the password once; MariaDB has no such method.</summary>
[TestFixture]
public class RealPasswordCacheTests() : RealServerFixture(Flavor.MySql)
{
    private const string KeySent = "BEGIN PUBLIC KEY";

    [Test]
    public async Task A_new_account_shows_its_password_once_and_its_proof_from_then_on()
    {
        await Db1.CreateAccountAsync("verify_cache", "once");
        var login = new MySqlLogin("verify_cache", "once") { Tls = TlsMode.Disabled };
        Assert.That(await ServerSaysAsync(login), Does.Contain(KeySent), "first: under the server's RSA key");
        Assert.That(await ServerSaysAsync(login), Does.Not.Contain(KeySent), "then: by proof alone");

        await Db1.PrepareAsync(SqlText.Of($"FLUSH PRIVILEGES")); // empties the cache
        await (await Db1.OpenAsync(login with { Tls = TlsMode.Required })).DisposeAsync();
        Assert.That(await ServerSaysAsync(login), Does.Not.Contain(KeySent), "the login over TLS filled the cache");

        await Db1.PrepareAsync(SqlText.Of($"FLUSH PRIVILEGES"));
        Assert.That(await ServerSaysAsync(login), Does.Contain(KeySent));
    }

    private async Task<string> ServerSaysAsync(MySqlLogin login)
    {
        var (session, recording) = await Db1.OpenRecordedAsync(login, greeting => greeting);
        await session.DisposeAsync();
        return recording.ServerText;
    }
}
