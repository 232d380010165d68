using System.Buffers.Binary;
using System.Net;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Verify.NodeHost.Http.Catalogue;
using Verify.NodeHost.NameServer;

namespace Verify.NodeHost.Tests;

/// <summary>The DNS server over a real node: by its packets, and by the real dig where this machine has it.</summary>
public sealed class DnsTests
{
    private LiveHost _host = null!;
    private DnsServer _server = null!;

    [SetUp]
    public async Task Start()
    {
        _host = await LiveHost.StartAsync();
        var settings = new DnsSettings(new("127.0.0.1", FreePort.Next()), ["consul", "verify"], 5);
        _server = DnsServer.Start(new(_host.Node, settings, new CatalogueReads(_host.Node, _host.Config.Node), static name => ValueTask.FromResult(name != "secret")), settings.Listen!.Value, NullLogger.Instance);
        await RegisterAsync("web-1", "10.0.0.1", 8001, "passing");
        await RegisterAsync("web-2", "10.0.0.2", 8002, "warning");
        await RegisterAsync("web-3", "10.0.0.3", 8003, "critical");
        await RegisterAsync("web-6", "2001:db8::6", 8006, "passing");
    }

    [TearDown]
    public async Task Stop()
    {
        await _server.DisposeAsync();
        await _host.DisposeAsync();
    }

    [TestCase("web.service.consul", DnsType.A, "10.0.0.1 10.0.0.2")]
    [TestCase("WEB.Service.VERIFY", DnsType.A, "10.0.0.1 10.0.0.2")]
    [TestCase("web.service.east.consul", DnsType.A, "10.0.0.1 10.0.0.2")]
    [TestCase("web.service.consul", DnsType.Aaaa, "2001:db8::6")]
    [TestCase("first.web.service.consul", DnsType.A, "10.0.0.1")]
    [TestCase("127.0.0.1.node.consul", DnsType.A, "127.0.0.1")]
    [TestCase("0a000001.addr.consul", DnsType.A, "10.0.0.1")]
    public async Task Addresses_are_those_of_the_instances_that_are_not_critical(string name, DnsType type, string expected)
    {
        var answer = await AskAsync(name, type);
        Assert.That(string.Join(' ', answer.Records.Where(r => r.Type == type).Select(r => r.Data).Order(StringComparer.Ordinal)), Is.EqualTo(expected));
        Assert.That(answer.Records.All(r => r.Ttl == 5), Is.True);
    }

    [Test]
    public async Task SRV_records_name_port_weight_and_a_target_whose_address_comes_with_them()
    {
        foreach (var name in new[] { "web.service.consul", "_web._tcp.service.consul" })
        {
            var answer = await AskAsync(name, DnsType.Srv, payload: 1232);
            Assert.That(answer.Records.Select(r => r.Data).Order(StringComparer.Ordinal), Is.EqualTo(new[]
            {
                "1 1 8001 0a000001.addr.consul", "1 1 8002 0a000002.addr.consul", "1 1 8006 20010db8000000000000000000000006.addr.consul",
            }), name);
            Assert.That(answer.Extra.Where(r => r.Type != DnsType.Opt).Select(r => r.Data).Order(StringComparer.Ordinal), Is.EqualTo(new[] { "10.0.0.1", "10.0.0.2", "2001:db8::6" }));
        }

        Assert.That((await AskAsync("_web._first.service.consul", DnsType.Srv)).Records.Select(r => r.Data), Is.EqualTo(new[] { "1 1 8001 0a000001.addr.consul" }));
    }

    [TestCase("none.service.consul", DnsType.A, 3)]
    [TestCase("web.service.west.consul", DnsType.A, 3)]
    [TestCase("none.node.consul", DnsType.A, 3)]
    [TestCase("nonsense.consul", DnsType.A, 3)]
    [TestCase("x.y.z.consul", DnsType.A, 3)]
    [TestCase("zz.addr.consul", DnsType.A, 3)]
    [TestCase("web.service.consul", (DnsType)16, 0)]
    [TestCase("consul", DnsType.A, 0)]
    public async Task What_is_not_there_is_told_apart_from_what_has_no_such_record_and_both_carry_the_SOA(string name, DnsType type, int code)
    {
        var answer = await AskAsync(name, type);
        Assert.That((answer.Code, answer.Records.Count, answer.Authority.Single().Type), Is.EqualTo((code, 0, DnsType.Soa)));
    }

    [TestCase("example.org", 5)]
    [TestCase("secret.service.consul", 5)]
    [TestCase("notconsul", 5)]
    public async Task What_is_not_ours_or_not_for_everybody_is_refused(string name, int code) => Assert.That((await AskAsync(name, DnsType.A)).Code, Is.EqualTo(code));

    [Test]
    public async Task An_answer_that_does_not_fit_is_truncated_and_whole_over_TCP_and_larger_for_who_says_so()
    {
        for (var i = 0; i < 60; i++) await RegisterAsync($"many-{i}", $"10.1.0.{i}", 1, "passing", "many");
        var (plain, large) = (await AskAsync("many.service.consul", DnsType.A), await AskAsync("many.service.consul", DnsType.A, payload: 1232));
        Assert.That((plain.IsTruncated, plain.Bytes <= 512, plain.Records.Count is > 20 and < 60), Is.EqualTo((true, true, true)));
        Assert.That((large.IsTruncated, large.Records.Count), Is.EqualTo((false, 60)));
        var packet = Query("many.service.consul", DnsType.Srv);
        var tcp = Parsed((await _server.AnswerAsync(packet, isUdp: false))!);
        Assert.That((tcp.IsTruncated, tcp.Records.Count, tcp.Extra.Count), Is.EqualTo((false, 60, 60)));
    }

    [Test]
    public async Task Bad_packets_are_refused_or_dropped_and_the_server_goes_on()
    {
        Assert.That(await _server.AnswerAsync(new byte[5], isUdp: true), Is.Null);
        var answer = Query("web.service.consul", DnsType.A);
        answer[2] |= 0x80;
        Assert.That(await _server.AnswerAsync(answer, isUdp: true), Is.Null, "an answer is not answered");
        var update = Query("web.service.consul", DnsType.A);
        update[2] |= 0x28;
        Assert.That((await _server.AnswerAsync(update, isUdp: true))![3] & 0xF, Is.EqualTo((int)DnsCode.NotImplemented));
        var looping = Query("web.service.consul", DnsType.A);
        (looping[12], looping[13]) = (0xC0, 12);
        Assert.That((await _server.AnswerAsync(looping, isUdp: true))![3] & 0xF, Is.EqualTo((int)DnsCode.FormatError));
        var version = Query("web.service.consul", DnsType.A, payload: 1232);
        version[^5] = 1;
        Assert.That(Parsed((await _server.AnswerAsync(version, isUdp: true))!).Extra.Single().Data, Is.EqualTo("code 16"));
        var dice = new Verify.Node.Seam.Dice(3);
        for (var i = 0; i < 20_000; i++)
        {
            var packet = Query("web.service.consul", DnsType.A, dice.Chance(500) ? 1232 : null);
            for (var c = dice.Next(6); c >= 0; c--) packet[dice.Next(packet.Length)] = (byte)dice.Next(256);
            await _server.AnswerAsync(packet.AsMemory(0, dice.Next(packet.Length + 1)), isUdp: dice.Chance(500));
        }

        Assert.That((await AskAsync("web.service.consul", DnsType.A)).Records, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task The_real_dig_understands_the_answers()
    {
        await LiveProgram.RequireAsync("/usr/bin/dig", "bind9-dnsutils");
        Assert.That(await DigAsync("web.service.consul A +short"), Is.EqualTo("10.0.0.1\n10.0.0.2"));
        Assert.That(await DigAsync("web.service.consul AAAA +short +tcp"), Is.EqualTo("2001:db8::6"));
        Assert.That(await DigAsync("_web._tcp.service.verify SRV +short"), Does.Contain("1 1 8001 0a000001.addr.verify."));
        var whole = await DigAsync("none.service.consul A");
        Assert.That(whole, Does.Contain("status: NXDOMAIN").And.Contain("SOA").And.Contain("EDNS: version: 0"));
        Assert.That(whole, Does.Not.Contain("malformed").And.Not.Contain("bad packet"));
        for (var i = 0; i < 60; i++) await RegisterAsync($"many-{i}", $"10.1.0.{i}", 1, "passing", "many");
        Assert.That((await DigAsync("many.service.consul A +noedns")).Split('\n').Count(l => l.StartsWith("many.", StringComparison.Ordinal) && l.Contains("\tA\t", StringComparison.Ordinal)), Is.EqualTo(60), "truncated over UDP, asked again over TCP");
        Assert.That(await DigAsync("example.org A"), Does.Contain("status: REFUSED"));
    }

    private Task<string> DigAsync(string words) => Dig.AskAsync(_server.Port, words);

    private async Task RegisterAsync(string id, string address, int port, string status, string name = "web") => await _host.PutAsync("/v1/agent/service/register",
        $$"""{ "ID": "{{id}}", "Name": "{{name}}", "Address": "{{address}}", "Port": {{port}}, "Tags": ["{{(id == "web-1" ? "first" : "other")}}"], "Check": { "TTL": "10m", "Status": "{{status}}" } }""");

    private async Task<Answer> AskAsync(string name, DnsType type, int? payload = null)
    {
        using var udp = new System.Net.Sockets.UdpClient();
        udp.Connect("127.0.0.1", _server.Port);
        await udp.SendAsync(Query(name, type, payload));
        return Parsed((await udp.ReceiveAsync().WaitAsync(TimeSpan.FromSeconds(10))).Buffer);
    }

    private static byte[] Query(string name, DnsType type, int? payload = null)
    {
        var to = new List<byte> { 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, (byte)(payload is null ? 0 : 1) };
        foreach (var label in name.Split('.')) to.AddRange([(byte)label.Length, .. Encoding.ASCII.GetBytes(label)]);
        to.AddRange([0, (byte)((int)type >> 8), (byte)type, 0, 1]);
        if (payload is { } size) to.AddRange([0, 0, 41, (byte)(size >> 8), (byte)size, 0, 0, 0, 0, 0, 0]);
        return [.. to];
    }

    /// <summary>A reader of its own, that knows nothing of the writer.</summary>
    private static Answer Parsed(byte[] packet)
    {
        var at = 12;
        Name();
        at += 4;
        return new(packet.Length, packet[3] & 0xF, (packet[2] & 2) != 0, Records(6), Records(8), Records(10));

        List<Record> Records(int count)
        {
            var records = new List<Record>();
            for (var left = BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(count)); left > 0; left--)
            {
                Name();
                var type = (DnsType)BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(at));
                var ttl = BinaryPrimitives.ReadUInt32BigEndian(packet.AsSpan(at + 4));
                var length = BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(at + 8));
                at += 10;
                var end = at + length;
                var data = type switch
                {
                    DnsType.A or DnsType.Aaaa => new IPAddress(packet.AsSpan(at, length)).ToString(),
                    DnsType.Srv => Service(),
                    DnsType.Opt => $"code {((ttl >> 24) << 4) | (uint)(packet[3] & 0xF)}",
                    _ => "",
                };
                at = end;
                records.Add(new(type, (int)ttl, data));
            }

            return records;
        }

        string Service()
        {
            var numbers = Enumerable.Range(0, 3).Select(i => BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(at + (2 * i)))).ToArray();
            at += 6;
            return $"{numbers[0]} {numbers[1]} {numbers[2]} {Name()}";
        }

        string Name()
        {
            var labels = new List<string>();
            int? back = null;
            while (packet[at] != 0)
            {
                if (packet[at] >= 0xC0)
                {
                    back ??= at + 2;
                    at = BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(at)) & 0x3FFF;
                    continue;
                }

                labels.Add(Encoding.ASCII.GetString(packet, at + 1, packet[at]));
                at += packet[at] + 1;
            }

            at = back ?? at + 1;
            return string.Join('.', labels);
        }
    }

    private sealed record Answer(int Bytes, int Code, bool IsTruncated, List<Record> Records, List<Record> Authority, List<Record> Extra);

    private sealed record Record(DnsType Type, int Ttl, string Data);
}
