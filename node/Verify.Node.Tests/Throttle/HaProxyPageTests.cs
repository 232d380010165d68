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
        ro,BACKEND,0,0,0,0,200,0,0,0,0,0,,0,0,0,0,UP,1
        rw,db9,0,0,0,0,,0,0,0,,0,,0,0,0,0,UP,1
        """;

    [Test]
    public void The_servers_of_the_pool_that_take_traffic_count() => Assert.That(HaProxyPage.Hosts(Page, "ro"), Is.EqualTo(new[] { "db1", "db2", "db7" }));

    [Test]
    public void Another_page_or_a_pool_that_is_not_there_is_an_error_and_not_an_empty_pool()
    {
        Assert.Throws<FormatException>(() => HaProxyPage.Hosts("<html>", "ro"));
        Assert.Throws<FormatException>(() => HaProxyPage.Hosts("", "ro"));
        Assert.That(Assert.Throws<FormatException>(() => HaProxyPage.Hosts(Page, "nobody"))!.Message, Does.Contain("nobody"));
    }

    [TestCase("123456789", 0xCBF43926u, Description = "the check value of CRC-32 (ISO-HDLC)")]
    [TestCase("", 0u)]
    public void Keys_go_to_servers_by_the_usual_CRC_32(string text, uint crc) => Assert.That(MemcachePublisher.Crc32(Encoding.ASCII.GetBytes(text)), Is.EqualTo(crc));
}
