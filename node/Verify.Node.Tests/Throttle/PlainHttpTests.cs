using System.Text;
using Verify.Node.Throttle;

namespace Verify.Node.Tests.Throttle;

/// <summary>What comes back from HAProxy's page and from health checks.</summary>
public sealed class PlainHttpTests
{
    [TestCase("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n# pxname,svname\n", 200, "# pxname,svname\n")]
    [TestCase("HTTP/1.1 404 Not Found\r\n\r\n", 404, "")]
    [TestCase("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nA\r\n# pxname,s\r\n7;x=y\r\nvname\r\n\r\n0\r\n\r\n", 200, "# pxname,svname\r\n", Description = "as a real haproxy answers HTTP/1.0")]
    public void The_body_is_whole_however_it_was_sent(string answer, int status, string body) =>
        Assert.That(PlainHttp.Read(Encoding.ASCII.GetBytes(answer), "lb1"), Is.EqualTo((status, body)));

    [TestCase("SSH-2.0-OpenSSH_9.6\r\n")]
    [TestCase("HTTP/1.1 abc\r\n\r\n")]
    [TestCase("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n# pxname")]
    [TestCase("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n# \r\n")]
    [TestCase("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n# \r\n0\r\n\r\n")]
    public void Half_an_answer_is_an_error_and_no_short_page(string answer) =>
        Assert.That(() => PlainHttp.Read(Encoding.ASCII.GetBytes(answer), "lb1"), Throws.TypeOf<IOException>().With.Message.StartsWith("lb1: "));
}
