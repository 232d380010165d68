using FsCheck;
using FsCheck.Fluent;
using Verify.MySql.Tests.Support;

namespace Verify.MySql.Tests.Real;

/// <summary>Values in statements, judged by the only judge: real servers, under every sql_mode that reads strings otherwise.</summary>
[TestFixture(Flavor.MySql)]
[TestFixture(Flavor.MariaDb)]
public class RealLiteralTests(Flavor flavor) : RealServerFixture(flavor)
{
    private static readonly string[] Modes =
    [
        "", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES,ANSI,PIPES_AS_CONCAT", "TRADITIONAL,HIGH_NOT_PRECEDENCE,IGNORE_SPACE",
    ];

    private readonly List<MySqlSession> _sessions = [];

    [OneTimeSetUp]
    public async Task One_session_for_each_mode()
    {
        foreach (var mode in Flavor == Flavor.MariaDb ? [.. Modes, "ORACLE", "MSSQL", "DB2", "POSTGRESQL"] : Modes)
        {
            var session = await Db1.OpenAsync();
            await session.Run(SqlText.Of($"SET SESSION sql_mode = {new SqlLiteral(mode)}"));
            _sessions.Add(session);
        }
    }

    [OneTimeTearDown]
    public async Task Close()
    {
        foreach (var session in _sessions) await session.DisposeAsync();
    }

    [Test]
    public void Any_text_comes_back_as_it_was_sent() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(400),
        Prop.ForAll(Texts().ToArbitrary(), text =>
        {
            foreach (var session in _sessions) Assert.That(EchoAsync(session, SqlText.Of($"SELECT {new SqlLiteral(text)} AS v")).GetAwaiter().GetResult(), Is.EqualTo(text));
        }));

    [Test]
    public void Any_text_that_a_quoted_literal_takes_comes_back_as_it_was_sent() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(400),
        Prop.ForAll(Gen.ArrayOf(Gen.Choose(' ', '~')).Select(c => string.Concat(c.Where(x => x != '\\').Select(x => (char)x))).ToArbitrary(), text =>
        {
            foreach (var session in _sessions) Assert.That(EchoAsync(session, SqlText.Of($"SELECT {new SqlQuotedLiteral(text, "text")} AS v")).GetAwaiter().GetResult(), Is.EqualTo(text));
        }));

    [Test]
    public void Any_name_comes_back_as_it_was_sent() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(200),
        Prop.ForAll(Gen.NonEmptyListOf(Gen.Elements("a", "`", "``", "'", "\"", "\\", " x", "ä", ";", "--y", "/*", "#", "%", ".")).Select(p => string.Concat(p.Take(20))).ToArbitrary(), name =>
        {
            if (name.StartsWith(' ')) name = "a" + name; // a server takes leading blanks off a column's name
            foreach (var session in _sessions)
            {
                var table = session.Run(SqlText.Of($"SELECT 1 AS {new SqlName(name)}")).AsTask().GetAwaiter().GetResult();
                Assert.That(table.Columns.Single(), Is.EqualTo(name));
            }
        }));

    /// <summary>Why <see cref="SqlQuotedLiteral"/> exists.</summary>
    [Test]
    public async Task Hexadecimal_is_a_syntax_error_where_a_source_is_changed()
    {
        var sql = Flavor == Flavor.MySql
            ? SqlText.Of($"CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD={new SqlLiteral("it's")}")
            : SqlText.Of($"CHANGE MASTER TO MASTER_PASSWORD={new SqlLiteral("it's")}");
        var e = await Assert.ThrowsAsync<MySqlServerException>(() => _sessions[0].Run(sql).AsTask());
        Assert.That(e!.Code, Is.EqualTo(1064));
    }

    [Test]
    public async Task A_source_keeps_host_and_user_as_they_were_given_under_every_mode()
    {
        await using var session = await Db2.OpenAsync();
        foreach (var mode in Modes)
        {
            await session.Run(SqlText.Of($"SET SESSION sql_mode = {new SqlLiteral(mode)}"));
            var user = "o'brien \"%_`;--#~";
            await session.Run(new Statement.ChangeSource("h'ost-1.x", 1234, user, "x'y\"z;#"));
            var table = await session.Run(new Statement.ReadReplicaStatus());
            var word = Flavor == Flavor.MySql ? "Source" : "Master";
            Assert.That(
                (table.Text(0, $"{word}_Host"), table.Text(0, $"{word}_User"), table.Text(0, $"{word}_Port")),
                Is.EqualTo(("h'ost-1.x", user, "1234")), $"sql_mode '{mode}'");
            await session.Run(new Statement.ResetReplicaAll());
        }
    }

    /// <summary>The password cannot be read back, so a replica has to get in with it.</summary>
    [TestCase("")]
    [TestCase("NO_BACKSLASH_ESCAPES")]
    public async Task A_replica_gets_in_with_a_password_of_odd_characters(string mode)
    {
        const string Odd = "it's \"100%\" ~`{;--} #&!''";
        await Db1.CreateAccountAsync("verify_odd_repl", Odd);
        await Db1.PrepareAsync(SqlText.Of($"GRANT REPLICATION SLAVE ON *.* TO verify_odd_repl@'%'"));
        await using var replica = await Db2.OpenAsync();
        await replica.Run(SqlText.Of($"SET SESSION sql_mode = {new SqlLiteral(mode)}"));
        await replica.Run(new Statement.ChangeSource($"{Db1.Server.Endpoint.Address}", Db1.Server.Endpoint.Port, "verify_odd_repl", Odd));
        await replica.Run(new Statement.StartReplica());
        try
        {
            await using var source = await Db1.OpenAsync();
            await source.Run(WorkloadStatements.CreateSchema);
            await source.Run(WorkloadStatements.CreateTable);
            await source.Run(WorkloadStatements.Insert($"odd-{mode}", 1));
            var executed = ServerFacts.Read(await source.Run(new Statement.ReadFacts()), Flavor).Executed;
            var waited = await replica.Run(new Statement.WaitForGtids(executed.ToString(), 30));
            var status = ReplicaStatus.Read(await replica.Run(new Statement.ReadReplicaStatus()), Flavor)!;
            Assert.That((waited.Text(0, "waited"), status.IoThread, status.LastIoError), Is.EqualTo(("0", ThreadState.Running, "")));
        }
        finally
        {
            await replica.Run(new Statement.StopReplica(OnlyIoThread: false));
            await replica.Run(new Statement.ResetReplicaAll());
        }
    }

    private static async Task<string?> EchoAsync(MySqlSession session, SqlText sql) => (await session.Run(sql)).Text(0, "v");

    /// <summary>Text of any kind, and text made of what breaks out of strings.</summary>
    private static Gen<string> Texts() => Gen.OneOf(
        ArbMap.Default.GeneratorFor<NonNull<string>>().Select(s => string.Concat(s.Get.EnumerateRunes())),
        Gen.ListOf(Gen.Elements("'", "''", "\\", "\\'", "\"", "`", ";", "--", "#", "/*", "*/", "\0", "\n", "\r", "\t", "\u001a", "%", "_", "é", "𝄞", "\u00a5", "\u2018", "x", " ", "DROP TABLE t")).Select(p => string.Concat(p)));
}
