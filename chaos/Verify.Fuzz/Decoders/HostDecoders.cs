using System.Text;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Keys;
using Verify.NodeHost.NameServer;

namespace Verify.Fuzz.Decoders;

/// <summary>What the process reads from people: the configuration file, the environment, and HTTP.</summary>
internal static class HostDecoders
{
    private const long ConfigBytesFixed = 4 << 20;

    private static readonly string[] Files =
    [
        """{ "RaftDataDir": "d", "RaftBind": "n1", "RaftNodes": ["n1", "n2", "n3"], "DataCenter": "east", "DataCenters": { "n2:10008": "west", "n3:10008": "north" } }""",
        """
        // comments and a trailing comma are allowed
        { "RaftDataDir": "d", "RaftBind": "127.0.0.1:10008", "ListenAddress": "127.0.0.1:3000", "MySQLTopologyUser": "u", "MySQLTopologyPassword": "p",
          "MySQLClusters": { "main": { "db1:3306": "east", "db2:3306": "west" } }, "AddressViews": { "east": { "db1:3306": "127.0.0.1:1" } }, "SemiSync": true, }
        """,
        "{}",
    ];

    private static readonly string[] Environments =
    [
        "KONSUL_RAFT_NODE_ID=n1\nKONSUL_RAFT_BIND_ADDR=0.0.0.0:7000\nKONSUL_RAFT_DATA_DIR=./data\nKONSUL_RAFT_PEERS=n2@10.0.0.2:7000,n3@10.0.0.3:7000\nKONSUL_RAFT_BOOTSTRAP=true",
        "KONSUL_CLUSTER_ENABLED=true\nKONSUL_RAFT_ENABLED=true\nKONSUL_RAFT_ELECTION_TIMEOUT=1s\nKONSUL_RAFT_HEARTBEAT_TIMEOUT=250ms\nKONSUL_RAFT_SNAPSHOT_INTERVAL=120s\nKONSUL_RAFT_SNAPSHOT_THRESHOLD=8192\nKONSUL_HOST=127.0.0.1\nKONSUL_PORT=8888",
        "VERIFY_RAFT_DATA_DIR=d\nVERIFY_LISTEN_ADDRESS=127.0.0.1:3000\nVERIFY_RAFT_BIND=n1",
    ];

    private static readonly string[] KeyFiles =
    [
        """[ { "id": "k2", "secret": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" }, { "id": "k1", "secret": "HxIdHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=" } ]""",
        """[{"id":"only","secret":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=","note":1}]""",
    ];

    public static IEnumerable<IDecoder> All()
    {
        yield return new TextDecoder("config-file", [.. Files.Select(Encoding.UTF8.GetBytes)], static bytes => HostConfig.Parse("node.json", bytes, static _ => null) is not null)
        {
            Refusals = [typeof(ConfigException)], FixedBytes = ConfigBytesFixed,
        };
        yield return new TextDecoder("environment", [.. Environments.Select(Encoding.UTF8.GetBytes)], ReadEnvironment)
        {
            Refusals = [typeof(ConfigException)], FixedBytes = ConfigBytesFixed,
        };
        yield return new SpanDecoder("key-file", [.. KeyFiles.Select(Encoding.UTF8.GetBytes)], static bytes => !DataKeyFile.Parse("keys.json", bytes.ToArray()).Keys.IsEmpty)
        {
            Refusals = [typeof(DataKeyException)],
        };
        yield return new SpanDecoder("dns-query", DnsQueries(), AnswerDns) { AllocatedBytesPerByte = 4096 }; // Four answers are written as well.
        yield return new CheckWireDecoder();
        yield return new HttpDecoder();
    }

    /// <summary>What a name server does with a packet, but for where it looks names up: the answer must fit and begin with the id that was asked with.</summary>
    private static bool AnswerDns(ReadOnlySpan<byte> packet)
    {
        var (question, error) = DnsReader.Read(packet);
        if (question is null)
        {
            if (error is { } code) Expect(DnsWriter.Error(packet, code), packet, DnsReader.HeaderBytes);
            return false;
        }

        var name = question.Name;
        foreach (var size in (ReadOnlySpan<int>)[512, 1232])
        {
            Expect(DnsWriter.Write(question, new(DnsCode.NameError) { Authority = [new DnsRecord.Authority("verify", 7, 5)] }, size), packet, size);
            Expect(DnsWriter.Write(question, new(DnsCode.NoError)
            {
                Records = [.. Enumerable.Range(1, 40).Select(i => (DnsRecord)new DnsRecord.Service(name, 1, 1, 80, $"web-{i}.node.verify", 5))],
                Extra = [.. Enumerable.Range(1, 40).Select(i => (DnsRecord)new DnsRecord.Address($"web-{i}.node.verify", new([10, 0, 0, (byte)i]), 5))],
            }, size), packet, size);
        }

        return true;
    }

    private static void Expect(byte[] answer, ReadOnlySpan<byte> packet, int sizeMax)
    {
        if (answer.Length > sizeMax || answer.Length < DnsReader.HeaderBytes || answer[0] != packet[0] || answer[1] != packet[1] || (answer[2] & 0x80) == 0)
            throw new InvalidOperationException($"an answer of {answer.Length} bytes that is none: {Convert.ToHexStringLower(answer)}");
    }

    /// <summary>Plain, with EDNS, and with every type that is known.</summary>
    private static List<byte[]> DnsQueries()
    {
        static byte[] Query(string name, DnsType type, bool hasEdns) =>
        [
            0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, (byte)(hasEdns ? 1 : 0),
            .. name.Split('.').SelectMany(label => (IEnumerable<byte>)[(byte)label.Length, .. Encoding.ASCII.GetBytes(label)]), 0, 0, (byte)type, 0, 1,
            .. hasEdns ? (byte[])[0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, 0] : [],
        ];
        return [.. Enum.GetValues<DnsType>().SelectMany(type => new[] { Query("web.service.verify", type, hasEdns: true), Query("_web._tcp.service.east.verify", type, hasEdns: false) })];
    }

    /// <summary>Lines of NAME=VALUE. What cannot be in an environment (a zero byte; man 7 environ) is left out.</summary>
    private static bool ReadEnvironment(ReadOnlySpan<byte> bytes)
    {
        var variables = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in Encoding.UTF8.GetString(bytes).Replace("\0", "", StringComparison.Ordinal).Split('\n'))
        {
            if (line.IndexOf('=', StringComparison.Ordinal) is > 0 and var at) variables[line[..at]] = line[(at + 1)..];
        }

        return HostConfig.Parse("environment", "{}"u8, name => variables.GetValueOrDefault(name), variables.Keys) is not null;
    }

    /// <summary>A decoder of text that builds more than it reads: defaults, warnings, suggestions.</summary>
    private sealed class TextDecoder(string name, IReadOnlyList<byte[]> corpus, ReadBytes read) : IDecoder
    {
        public string Name => name;
        public IReadOnlyList<byte[]> Corpus => corpus;
        public required IReadOnlyList<Type> Refusals { get; init; }
        public required long FixedBytes { get; init; }
        public bool Read(ReadOnlySpan<byte> input) => read(input);
        public bool IsDocumented(Exception refusal) => Refusals.Contains(refusal.GetType());
        public long AllocatedBytesMax(int inputBytes) => FixedBytes + (4096L * inputBytes);
    }
}
