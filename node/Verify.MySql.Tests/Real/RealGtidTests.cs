using FsCheck;
using FsCheck.Fluent;
using Verify.MySql.Gtid;
using Verify.MySql.Tests.Gtid;

namespace Verify.MySql.Tests.Real;

/// <summary>Our sets against MySQL's own functions; MariaDB has none.</summary>
[TestFixture]
public class RealGtidTests() : RealServerFixture(Flavor.MySql)
{
    private MySqlSession _session = null!;

    [OneTimeSetUp]
    public async Task Open() => _session = await Db1.OpenAsync();

    [OneTimeTearDown]
    public async Task Close() => await _session.DisposeAsync();

    [Test]
    public void Texts_differences_and_containment_are_those_of_the_server() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(500),
        Prop.ForAll(MySqlGtidSetTests.Texts().ToArbitrary(), MySqlGtidSetTests.Texts().ToArbitrary(), (a, b) =>
        {
            var (x, y) = (MySqlGtidSet.Parse(a), MySqlGtidSet.Parse(b));
            var table = _session.Run(SqlText.Of(
                $"SELECT GTID_SUBTRACT({new SqlLiteral(a)}, '') AS same, GTID_SUBTRACT({new SqlLiteral(a)}, {new SqlLiteral(b)}) AS difference, GTID_SUBSET({new SqlLiteral(b)}, {new SqlLiteral(a)}) AS contained"))
                .AsTask().GetAwaiter().GetResult();
            Assert.That(x.ToString(), Is.EqualTo(table.Text(0, "same")!.Replace("\n", "")), "canonical text");
            Assert.That(x.Except(y), Is.EqualTo(MySqlGtidSet.Parse(table.Text(0, "difference")!)), "difference");
            Assert.That(x.Contains(y), Is.EqualTo(table.Text(0, "contained") is "1"), "containment");
        }));

    [TestCase("3e11fa47-71ca-11e1-9e33-c80aa9429562:5-1")]
    [TestCase("3E11FA47-71CA-11E1-9E33-C80AA9429562:TAG:3,,")]
    [TestCase(" 3e11fa47-71ca-11e1-9e33-c80aa9429562 : 1 - 3 ")]
    [TestCase("3e11fa47-71ca-11e1-9e33-c80aa9429562:9223372036854775806")]
    public async Task What_we_read_the_server_reads_alike(string text)
    {
        var table = await _session.Run(SqlText.Of($"SELECT GTID_SUBTRACT({new SqlLiteral(text)}, '') AS same"));
        Assert.That(table.Text(0, "same"), Is.EqualTo(MySqlGtidSet.Parse(text).ToString()));
    }

    [TestCase("3e11fa47-71ca-11e1-9e33-c80aa9429562:0")]
    [TestCase("3e11fa47-71ca-11e1-9e33-c80aa9429562:9223372036854775807")]
    [TestCase("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-2-3")]
    [TestCase("3e11fa47-71ca-11e1-9e33-c80aa9429562:a12345678901234567890123456789012:1")]
    [TestCase("nonsense")]
    public async Task What_we_refuse_the_server_refuses(string text)
    {
        Assert.Throws<FormatException>(() => MySqlGtidSet.Parse(text));
        var e = await Assert.ThrowsAsync<MySqlServerException>(() => _session.Run(SqlText.Of($"SELECT GTID_SUBTRACT({new SqlLiteral(text)}, '') AS same")).AsTask());
        Assert.That(e!.Code, Is.EqualTo(1772));
    }
}
