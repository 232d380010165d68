using Verify.MySql.Tests.Real;
using Verify.MySql.Tests.Support;
using Verify.MySql.Wire;

namespace Verify.MySql.Tests;

/// <summary>Golden conversations with real servers: every byte of the client is the one that a real server has understood,
/// and every byte of the server is read as it was meant.</summary>
public class TranscriptTests
{
    [TestCaseSource(typeof(Transcript), nameof(Transcript.Names))]
    public async Task A_conversation_is_repeated_byte_by_byte(string name)
    {
        var transcript = Transcript.Load(name);
        var stream = new TranscriptStream(transcript);
        var answers = await Transcript.PlayAsync(stream, transcript.Login, transcript.Queries);
        Assert.That(answers, Is.EqualTo(transcript.Answers));
        Assert.That(stream.Left, Is.Zero, "packets that nobody wanted");
    }

    [Test]
    public void There_are_conversations_with_both_flavours() =>
        Assert.That(Transcript.Names, Is.SupersetOf(new[] { "mysql-9.7", "mysql-9.7-switch-and-eof", "mariadb-10.11", "mariadb-10.11-switch-and-eof" }));

    [Test]
    public void What_we_write_as_a_server_is_what_real_servers_write()
    {
        var real = Transcript.Load("mysql-9.7").Packets.Where(p => p.FromServer).Select(p => p.Bytes).ToArray();
        var greeting = Greeting.Parse(real[0].AsSpan(PacketReader.HeaderBytes));
        var writer = new PacketWriter();
        greeting.Write(writer);
        var written = Greeting.Parse(writer.Written.Span[PacketReader.HeaderBytes..]);
        Assert.That((written.VersionText, written.SessionId, written.Capabilities, written.AuthPlugin), Is.EqualTo((greeting.VersionText, greeting.SessionId, greeting.Capabilities, greeting.AuthPlugin)));
        Assert.That(written.Seed, Is.EqualTo(greeting.Seed));

        foreach (var ok in real.Where(p => p.Length == 11 && p[4] == Header.Ok))
        {
            writer.Reset();
            OkPacket.Parse(ok.AsSpan(PacketReader.HeaderBytes)).Write(writer, ok[3]);
            Assert.That(writer.Written.ToArray()[..^2], Is.EqualTo(ok[..^2]), "an OK packet up to its count of warnings");
        }
    }

    [TestCase(Flavor.MySql)]
    [TestCase(Flavor.MariaDb)]
    [Explicit("writes the golden files anew, from real servers")]
    public async Task Capture(Flavor flavor)
    {
        var db1 = (await RealServers.OfAsync(flavor))[0];
        var login = new MySqlLogin("golden", "golden-password") { Tls = TlsMode.Disabled };
        await db1.CreateAccountAsync(login.User, login.Password);
        await db1.PrepareAsync(SqlText.Of($"GRANT ALL ON *.* TO golden@'%'"));
        await (await db1.OpenAsync(login)).DisposeAsync(); // fills the cache of passwords: from here on the proof is enough

        string[] queries =
        [
            "SELECT 1 AS one, NULL AS nothing, 'it''s' AS text, '' AS empty_text", "SELECT 1 AS none FROM DUAL WHERE FALSE", "DO 0",
            "SELECT REPEAT('long ', 60) AS a_long_text", "SELECT * FROM no_such.table_there", "SELEKT 1",
            "CREATE TEMPORARY TABLE mysql.golden (a INT)", "INSERT INTO mysql.golden VALUES (1), (2), (3)", "SELECT a FROM mysql.golden ORDER BY a",
            "UPDATE mysql.golden SET a = 9", new Statement.ReadFacts().Sql(flavor).Text, new Statement.ReadReplicaStatus().Sql(flavor).Text, "KILL 999999999",
        ];
        var name = flavor == Flavor.MySql ? "mysql-9.7" : "mariadb-10.11";
        await Transcript.CaptureAsync(name, $"{db1.Server.Version}: login by proof, rows that end with an OK packet.", await db1.ConnectAsync(), g => g, login, queries);
        await Transcript.CaptureAsync(
            $"{name}-switch-and-eof",
            $"{db1.Server.Version}: its greeting was shown to the client with another method and without DEPRECATE_EOF; so it switches methods and ends rows with EOF packets.",
            await db1.ConnectAsync(),
            g => g with
            {
                AuthPlugin = g.AuthPlugin is PasswordProof.Native ? PasswordProof.CachingSha2 : PasswordProof.Native,
                Capabilities = g.Capabilities & ~Capabilities.DeprecateEof,
            },
            login,
            queries);
    }
}
