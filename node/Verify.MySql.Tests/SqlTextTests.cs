using System.Reflection;

namespace Verify.MySql.Tests;

/// <summary>Texts of statements: what values can and cannot do in them.</summary>
public class SqlTextTests
{
    [TestCase("plain-1.2:3,4/5@6%7+8=9_0", "'plain-1.2:3,4/5@6%7+8=9_0'")]
    [TestCase("", "''")]
    [TestCase("it's", "_utf8mb4 0x69742773")]
    [TestCase("a\\", "_utf8mb4 0x615C")]
    [TestCase("ä", "_utf8mb4 0xC3A4")]
    [TestCase("a\0b\n", "_utf8mb4 0x6100620A")]
    [TestCase("x'; DROP TABLE t; --", "_utf8mb4 0x78273B2044524F50205441424C4520743B202D2D")]
    public void A_literal_is_plain_or_hexadecimal(string value, string quoted) =>
        Assert.That(new SqlLiteral(value).Quoted, Is.EqualTo(quoted));

    [Test]
    public void A_name_stays_between_its_back_quotes() =>
        Assert.That(SqlText.Of($"USE {new SqlName("a`; DROP DATABASE app; --")}").Text, Is.EqualTo("USE `a``; DROP DATABASE app; --`"));

    [Test]
    public void A_quoted_literal_doubles_its_quotes() =>
        Assert.That(new SqlQuotedLiteral("it's ~\"!\"", "the password").Quoted, Is.EqualTo("'it''s ~\"!\"'"));

    [TestCase("back\\slash", "the password holds the character U+005C at position 5")]
    [TestCase("line\nbreak", "the password holds the character U+000A at position 5")]
    [TestCase("zero\0", "the password holds the character U+0000 at position 5")]
    [TestCase("päss", "the password holds the character U+00E4 at position 2")]
    public void A_quoted_literal_refuses_what_could_be_read_in_two_ways_without_showing_it(string value, string message)
    {
        var e = Assert.Throws<ArgumentException>(() => _ = new SqlQuotedLiteral(value, "the password"));
        Assert.That(e!.Message, Does.StartWith(message).And.Not.Contains(value));
    }

    [TestCase(Flavor.MySql, "CHANGE REPLICATION SOURCE TO SOURCE_HOST='h', SOURCE_PORT=3306, SOURCE_USER='u', SOURCE_PASSWORD='p''q', SOURCE_AUTO_POSITION=1, SOURCE_CONNECT_RETRY=1, SOURCE_RETRY_COUNT=0, SOURCE_HEARTBEAT_PERIOD=0.5, GET_SOURCE_PUBLIC_KEY=1")]
    [TestCase(Flavor.MariaDb, "CHANGE MASTER TO MASTER_HOST='h', MASTER_PORT=3306, MASTER_USER='u', MASTER_PASSWORD='p''q', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=0.5")]
    public void The_source_is_changed_with_quoted_literals(Flavor flavor, string text) =>
        Assert.That(new Statement.ChangeSource("h", 3306, "u", "p'q").Sql(flavor).Text, Is.EqualTo(text));

    [Test]
    public void Holes_of_a_statement_take_values_names_and_numbers_only()
    {
        var taken = typeof(SqlTextHandler).GetMethods(BindingFlags.Public | BindingFlags.Instance)
            .Where(m => m.Name.Equals("AppendFormatted", StringComparison.Ordinal)).Select(m => m.GetParameters().Single().ParameterType);
        Assert.That(taken, Is.EquivalentTo(new[] { typeof(SqlLiteral), typeof(SqlQuotedLiteral), typeof(SqlName), typeof(OperatorQuery), typeof(SqlText), typeof(long) }));
    }
}
