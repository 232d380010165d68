using System.Text;
using Verify.Node.Throttle;

namespace Verify.Node.Tests.Throttle;

/// <summary>HAProxy's statistics page, and which memcached server has a key.</summary>
public sealed class HaProxyPageTests
{
    private const string Page = """
        # pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight
        ro,FRONTEND,,,0,0,2000,0,0,0,0,0,0,,,,,OPEN,
        ro,db1,0,0,0,0,,0,0,0,,0,,0,0,0,0,UP,1
        ro,db2,0,0,0,0,,0,0,0,,0,,0,0,0,0,UP 1/3,1
        ro,db3,0,0,0,0,,0,0,0,,0,,0,0,0,0,DOWN,1
        ro,db4,0,0,0,0,,0,0,0,,0,,0,0,0,0,DOWN 1/2,1
        ro,db5,0,0,0,0,,0,0,0,,0,,0,0,0,0,NOLB,1
        ro,db6,0,0,0,0,,0,0,0,,0,,0,0,0,0,MAINT,1
        ro,db7,0,0,0,0,,0,0,0,,0,,0,0,0,0,no check,1
        ro,db8,0,0,0,0,,0,0,0,,0,,0,0,0,0,DOWN (agent),1
        ro,db10,0,0,0,0,,0,0,0,,0,,0,0,0,0,DRAIN,0
        ro,db11,0,0,0,0,,0,0,0,,0,,0,0,0,0,MAINT (via rw/db9),1
        ro,db12,0,0,0,0,,0,0,0,,0,,0,0,0,0,NOLB 1/2,1
        ro,BACKEND,0,0,0,0,200,0,0,0,0,0,,0,0,0,0,UP,1
        rw,db9,0,0,0,0,,0,0,0,,0,,0,0,0,0,UP,1
        """;

    /// <summary>Until November 2026 only the servers that were up counted: 1. db3 falls behind by an hour. 2. Its health check fails, and HAProxy takes it
    /// out. 3. The inventory of the throttler loses it. 4. The worst of the rest is at 0 s, every check says 200, and the writer that made
    /// db3 lag goes on at full speed. freno keeps what is down; what somebody has taken out (NOLB, MAINT, DRAIN) it does not.</summary>
    [Test]
    public void A_replica_that_HAProxy_took_out_because_it_lags_goes_on_counting() =>
        Assert.That(HaProxyPage.Hosts(Page, "ro", _ => false), Is.EqualTo(new[] { "db1", "db3", "db4", "db7", "db8" }));

    /// <summary>"UP 1/3" is said of a server that has missed a check, and after a reload of every server, also of one that is out for maintenance.</summary>
    [Test]
    public void A_server_between_two_states_is_what_it_was_before() =>
        Assert.That(HaProxyPage.Hosts(Page, "ro", _ => true), Is.EqualTo(new[] { "db1", "db2", "db3", "db4", "db7", "db8" }));

    [TestCase("UP 1/3", "DOWN 1/2", "every server of ro is between two states")]
    [TestCase("UP 1/3", "DOWN", "every server of ro that is up is between two states")]
    public void A_page_of_an_HAProxy_that_is_reloading_says_nothing_about_who_is_there(string one, string two, string problem) =>
        Assert.That(Assert.Throws<FormatException>(() => HaProxyPage.Hosts($"# pxname,svname,status\nro,db1,{one}\nro,db2,{two}\n", "ro", _ => true))!.Message, Does.StartWith(problem));

    [Test]
    public void Where_every_replica_is_down_all_of_them_count() =>
        Assert.That(HaProxyPage.Hosts("# pxname,svname,status\nro,db1,DOWN\nro,db2,DOWN 1/2\n", "ro", _ => false), Is.EqualTo(new[] { "db1", "db2" }));

    [Test]
    public void Another_page_or_a_pool_that_is_not_there_is_an_error_and_not_an_empty_pool()
    {
        Assert.Throws<FormatException>(() => HaProxyPage.Hosts("<html>", "ro", _ => true));
        Assert.Throws<FormatException>(() => HaProxyPage.Hosts("", "ro", _ => true));
        Assert.That(Assert.Throws<FormatException>(() => HaProxyPage.Hosts(Page, "nobody", _ => true))!.Message, Does.Contain("nobody"));
    }

    [TestCase("123456789", 0xCBF43926u, Description = "the check value of CRC-32 (ISO-HDLC)")]
    [TestCase("", 0u)]
    public void Keys_go_to_servers_by_the_usual_CRC_32(string text, uint crc) => Assert.That(MemcachePublisher.Crc32(Encoding.ASCII.GetBytes(text)), Is.EqualTo(crc));
}
