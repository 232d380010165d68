using System.Text;
using Verify.NodeHost.Http;

namespace Verify.NodeHost.Tests;

/// <summary>What is answered on the connection itself: only what cannot mean anything else.</summary>
public sealed class CheckWireTests
{
    private const string Plain = "GET /check/gh-ost/mysql/main HTTP/1.1\r\nHost: n1:3000\r\nUser-Agent: curl/8\r\nAccept: */*\r\n\r\n";

    [TestCase(Plain, "gh-ost", "main", false)]
    [TestCase("HEAD /check/gh-ost/mysql/main HTTP/1.1\r\nHost: n1\r\nConnection: keep-alive\r\n\r\n", "gh-ost", "main", true)]
    [TestCase("GET /check-if-exists/a/mysql/c-1.x_y~ HTTP/1.1\r\nHost: n1\r\nAccept-Encoding: gzip\r\n\r\n", "a", "c-1.x_y~", false)]
    [TestCase("GET /check/a/mysql/b?p=low HTTP/1.1\r\nhost: n1\r\n\r\nGET /next", "a", "b", false)]
    public void A_plain_check_is_recognised_with_its_length(string text, string app, string store, bool isHead)
    {
        var length = CheckRequest.Read(Encoding.ASCII.GetBytes(text), out var path, out var head);
        Assert.That((length, path.App, path.Store, head), Is.EqualTo((text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4, app, store, isHead)));
        Assert.That(path.Flags.IsLowPriority, Is.EqualTo(text.Contains("p=low", StringComparison.Ordinal)));
    }

    [TestCase("POST /check/a/mysql/b HTTP/1.1\r\nHost: n1\r\n\r\n", Description = "another method")]
    [TestCase("GET /check/a/mysql/b HTTP/1.0\r\nHost: n1\r\n\r\n", Description = "another version")]
    [TestCase("GET /check/a/mysql/b HTTP/1.1\r\n\r\n", Description = "no host")]
    [TestCase("GET /check/a/mysql/b HTTP/1.1\r\nHost: n1\r\nHost: n2\r\n\r\n", Description = "two hosts")]
    [TestCase("GET /check/a/mysql/b HTTP/1.1\r\nHost: n1\r\nConnection: close\r\n\r\n")]
    [TestCase("GET /check/a/mysql/b HTTP/1.1\r\nHost: n1\r\nContent-Length: 5\r\n\r\nhello", Description = "where it ends is not for us to say")]
    [TestCase("GET /check/a/mysql/b HTTP/1.1\r\nHost: n1\r\nTransfer-Encoding: chunked\r\n\r\n")]
    [TestCase("GET /check/a/mysql/b HTTP/1.1\r\nHost: n1\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n")]
    [TestCase("GET /check/a/mysql/b HTTP/1.1\r\nHost: n1\r\nPrefer: redirect\r\n\r\n")]
    [TestCase("GET /check/a/mysql/b HTTP/1.1\r\nHost: n1\r\nAccept: a\r\n b\r\n\r\n", Description = "a folded header")]
    [TestCase("GET /check/a/mysql/b HTTP/1.1\r\nHost: n1\nX: y\r\n\r\n", Description = "a bare line feed")]
    [TestCase("GET /check/a/mysql/b HTTP/1.1\r\nHost : n1\r\n\r\n", Description = "a blank before the colon")]
    [TestCase("GET /check/a%2F/mysql/b HTTP/1.1\r\nHost: n1\r\n\r\n", Description = "escapes")]
    [TestCase("GET /check/../mysql/b HTTP/1.1\r\nHost: n1\r\n\r\n", Description = "dots that would be taken out")]
    [TestCase("GET /check/a/mysql/b?redirect=true HTTP/1.1\r\nHost: n1\r\n\r\n")]
    [TestCase("GET /check-read/a/mysql/b/fast HTTP/1.1\r\nHost: n1\r\n\r\n")]
    [TestCase("GET /checks/a/mysql/b HTTP/1.1\r\nHost: n1\r\n\r\n")]
    [TestCase("GET /kv/check HTTP/1.1\r\nHost: n1\r\n\r\n")]
    [TestCase("GET http://n1/check/a/mysql/b HTTP/1.1\r\nHost: n1\r\n\r\n", Description = "absolute form")]
    [TestCase("GET  /check/a/mysql/b HTTP/1.1\r\nHost: n1\r\n\r\n", Description = "two blanks")]
    [TestCase("")]
    public void Everything_else_is_left_to_Kestrel(string text) => Assert.That(CheckRequest.Read(Encoding.ASCII.GetBytes(text), out _, out _), Is.Zero);

    [Test]
    public void No_part_of_a_request_is_taken_for_the_whole()
    {
        for (var length = 0; length < Plain.Length; length++)
            Assert.That(CheckRequest.Read(Encoding.ASCII.GetBytes(Plain[..length]), out _, out _), Is.Zero, $"{length} bytes");
    }

    /// <summary>A byte more or another one never makes us see the end of the request elsewhere than an HTTP parser would.</summary>
    [Test]
    public void A_changed_byte_changes_nothing_about_where_a_request_ends()
    {
        var dice = new Verify.Node.Seam.Dice(7);
        var taken = 0;
        for (var i = 0; i < 100_000; i++)
        {
            var bytes = Encoding.ASCII.GetBytes(Plain);
            bytes[dice.Next(bytes.Length)] = (byte)dice.Next(256);
            var length = CheckRequest.Read(bytes, out _, out _);
            if (length == 0) continue;
            taken++;
            Assert.That(length, Is.EqualTo(Plain.Length));
            Assert.That(bytes.AsSpan(0, length).Count("\r\n"u8), Is.EqualTo(5));
        }

        Assert.That(taken, Is.GreaterThan(1_000));
    }
}
