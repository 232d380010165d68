using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Verify.MySql.Wire;

namespace Verify.MySql.Tests.Support;

/// <summary>A conversation with a real server, packet by packet, kept as text beside the tests. Lines: <c>#</c> remark,
/// <c>login:</c> user and password, <c>query:</c> a statement, <c>answer:</c> what the session makes of it, <c>S:</c> and
/// <c>C:</c> one packet of the server or the client in hexadecimal.</summary>
internal sealed class Transcript
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly List<(string Word, string Text)> _lines = [];

    public static string[] Names => [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "testdata"), "*.txt").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)];

    public IEnumerable<(bool FromServer, byte[] Bytes)> Packets =>
        _lines.Where(l => l.Word is "S" or "C").Select(l => (l.Word is "S", Convert.FromHexString(l.Text.Split('#')[0].Replace(" ", "", StringComparison.Ordinal))));

    public MySqlLogin Login => One("login").Split(' ') is [var user, var password] ? new(user, password) { Tls = TlsMode.Disabled } : throw new InvalidDataException("login: user password");

    public IEnumerable<string> Queries => _lines.Where(l => l.Word is "query").Select(l => l.Text);

    public IEnumerable<string> Answers => _lines.Where(l => l.Word is "answer").Select(l => l.Text);

    public static Transcript Load(string name)
    {
        var transcript = new Transcript();
        foreach (var line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "testdata", name + ".txt")).Where(l => l.Length > 0 && l[0] != '#'))
        {
            transcript._lines.Add(line.Split(':', 2, StringSplitOptions.TrimEntries) is [var word, var rest] ? (word, rest) : throw new InvalidDataException(line));
        }

        return transcript;
    }

    /// <summary>Holds the conversation with whatever is behind the stream, and gives the answers as text.</summary>
    public static async Task<List<string>> PlayAsync(Stream stream, MySqlLogin login, IEnumerable<string> queries)
    {
        var answers = new List<string>();
        await using var session = await MySqlSession.OpenAsync(stream, login, TimeProvider.System, Deadline);
        foreach (var query in queries) answers.AddRange(await AnswerAsync(session, query));
        return answers;
    }

    /// <summary>Holds the conversation with a real server and writes it into the folder of the sources.</summary>
    public static async Task CaptureAsync(string name, string remark, Stream stream, Func<Greeting, Greeting> seen, MySqlLogin login, string[] queries)
    {
        var recording = new RecordingStream(stream, seen);
        var starts = new List<int>();
        var answers = new List<List<string>>();
        var text = new StringBuilder($"# {remark}\n# Captured by the explicit test in TranscriptTests.\nlogin: {login.User} {login.Password}\n");
        await using (var session = await MySqlSession.OpenAsync(recording, login, TimeProvider.System, Deadline))
        {
            foreach (var query in queries)
            {
                starts.Add(recording.Pieces.Count);
                answers.Add(await AnswerAsync(session, query));
            }

            starts.Add(recording.Pieces.Count);
        }

        Append(text, recording.Pieces[..starts[0]]);
        for (var i = 0; i < queries.Length; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"\nquery: {queries[i]}\n");
            Append(text, recording.Pieces[starts[i]..starts[i + 1]]);
            foreach (var answer in answers[i]) text.Append(CultureInfo.InvariantCulture, $"answer: {answer}\n");
        }

        text.Append("\n# goodbye\n");
        Append(text, recording.Pieces[starts[^1]..]);
        await File.WriteAllTextAsync(Path.Combine(SourceFolder(), "testdata", name + ".txt"), text.ToString());
    }

    private static async Task<List<string>> AnswerAsync(MySqlSession session, string query)
    {
        try
        {
            return [.. Shown(await session.QueryAsync(RawSql.Of(query), Deadline))];
        }
        catch (MySqlServerException e)
        {
            return [$"error {e.Message}"];
        }
    }

    private static IEnumerable<string> Shown(ResultTable table) => table.Columns.Count == 0
        ? [$"affected {table.AffectedRows}"]
        : [$"columns {string.Join(" | ", table.Columns)}", .. table.Rows.Select(r => $"row {string.Join(" | ", r.Select(v => v is null ? "NULL" : $"'{v.Replace("\n", "\\n", StringComparison.Ordinal)}'"))}")];

    private static void Append(StringBuilder text, IReadOnlyList<(bool FromServer, byte[] Bytes)> pieces)
    {
        for (var i = 0; i < pieces.Count;)
        {
            var fromServer = pieces[i].FromServer;
            var bytes = new List<byte>();
            for (; i < pieces.Count && pieces[i].FromServer == fromServer; i++) bytes.AddRange(pieces[i].Bytes);
            for (var at = 0; at < bytes.Count;)
            {
                var length = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
                var packet = bytes.GetRange(at, length + PacketReader.HeaderBytes).ToArray();
                var readable = string.Concat(packet.Skip(PacketReader.HeaderBytes).Select(b => b is >= 0x20 and < 0x7F ? (char)b : '.'));
                text.Append(CultureInfo.InvariantCulture, $"{(fromServer ? 'S' : 'C')}: {Convert.ToHexStringLower(packet[..3])} {packet[3]:x2} {Convert.ToHexStringLower(packet[4..])}  # {readable.Replace("#", ".", StringComparison.Ordinal)}\n");
                at += length + PacketReader.HeaderBytes;
            }
        }
    }

    private string One(string word) => _lines.Single(l => l.Word.Equals(word, StringComparison.Ordinal)).Text;

    private static string SourceFolder([CallerFilePath] string here = "") => Path.GetDirectoryName(Path.GetDirectoryName(here))!;
}

/// <summary>Plays the server's part of a transcript, and insists on the client's.</summary>
internal sealed class TranscriptStream(Transcript transcript) : Stream
{
    private readonly Queue<(bool FromServer, byte[] Bytes)> _packets = new(transcript.Packets);

    public int Left => _packets.Count;

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!_packets.TryDequeue(out var next)) return ValueTask.FromResult(0);
        Assert.That(next.FromServer, Is.True, "the client reads where it should speak");
        next.Bytes.CopyTo(buffer);
        return ValueTask.FromResult(next.Bytes.Length);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Assert.That(_packets.TryDequeue(out var next), Is.True, "the client speaks behind the end");
        Assert.That((Convert.ToHexStringLower(buffer.Span), next.FromServer), Is.EqualTo((Convert.ToHexStringLower(next.Bytes), false)), "what the client says");
        return ValueTask.CompletedTask;
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override void Flush() { }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
