using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Verify.Node.Api;
using Verify.Node.Throttle;
using Verify.NodeHost.Http;
using Verify.NodeHost.Throttle;

namespace Verify.Fuzz.Decoders;

/// <summary>What is answered on a connection before Kestrel sees it. Whatever the bytes: each is either part of a check that was answered or is
/// handed on untouched, and nothing is answered that Kestrel would have taken for something else.</summary>
internal sealed class CheckWireDecoder : IDecoder
{
    /// <summary>Nobody reads while it writes.</summary>
    private static readonly PipeOptions Unbounded = new(pauseWriterThreshold: 0, resumeWriterThreshold: 0);
    private readonly CheckWire _wire = new();

    public CheckWireDecoder() => _wire.Serve(new LeadingNode(), new(meters: null), new(TimeProvider.System));

    public string Name => "check-wire";

    public IReadOnlyList<byte[]> Corpus { get; } =
    [
        .. new[]
        {
            "GET /check/gh-ost/mysql/main HTTP/1.1\r\nHost: n1:3000\r\nUser-Agent: curl/8\r\nAccept: */*\r\n\r\n",
            "HEAD /check/gh-ost/mysql/main HTTP/1.1\r\nHost: n1\r\nConnection: keep-alive\r\n\r\n",
            "GET /check-if-exists/a/mysql/c-1.x_y~ HTTP/1.1\r\nHost: n1\r\nAccept-Encoding: gzip\r\n\r\n",
            "GET /check/a/mysql/b?p=low HTTP/1.1\r\nhost: n1\r\n\r\nGET /check/a/mysql/b?p=low HTTP/1.1\r\nhost: n1\r\n\r\nGET /next HTTP/1.1\r\nHost: n1\r\n\r\n",
            "GET /check/a/mysql/b HTTP/1.1\r\nHost: n1\r\nContent-Length: 5\r\n\r\nhello",
            "GET /check/a/mysql/b HTTP/1.1\r\nHost: n1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST /check/a/mysql/b HTTP/1.1\r\nHost: n1\r\n\r\n",
            "GET /check-read/a/mysql/b/0.5 HTTP/1.1\r\nHost: n1\r\n\r\n",
        }.Select(Encoding.ASCII.GetBytes),
    ];

    public bool IsDocumented(Exception refusal) => false;

    /// <summary>Two pipes take blocks of 4 KiB from a pool; each answer is some hundred bytes for some dozens that asked.</summary>
    public long AllocatedBytesMax(int inputBytes) => (256 * 1024) + (1024L * inputBytes);

    public bool Read(ReadOnlySpan<byte> input)
    {
        var (asked, answered) = (new Pipe(Unbounded), new Pipe(Unbounded));
        asked.Writer.Write(input);
        asked.Writer.Complete();
        var handedOn = Array.Empty<byte>();
        var connection = new DefaultConnectionContext("fuzz") { Transport = new Duplex(asked.Reader, answered.Writer) };
        _wire.OnConnectionAsync(connection, next => { handedOn = Rest(next.Transport.Input); return Task.CompletedTask; }).GetAwaiter().GetResult();
        answered.Writer.Complete();
        var taken = input[..^handedOn.Length];
        if (!input.EndsWith(handedOn)) throw new InvalidOperationException("what was handed on is not what came");
        var answers = Count(Rest(answered.Reader), "HTTP/1.1 "u8);
        if (answers != Count(taken, "\r\n\r\n"u8) || (answers > 0 && !taken.EndsWith("\r\n\r\n"u8))) throw new InvalidOperationException($"{answers} answers to {taken.Length} bytes: {Encoding.Latin1.GetString(taken)}");
        if (answers > Count(taken, " /check"u8) || taken.IndexOf("\nContent-Length"u8) >= 0) throw new InvalidOperationException($"something else than a check was answered: {Encoding.Latin1.GetString(taken)}");
        return answers > 0;
    }

    private static byte[] Rest(PipeReader reader)
    {
        reader.TryRead(out var read);
        var bytes = read.Buffer.ToArray();
        reader.AdvanceTo(read.Buffer.End);
        return bytes;
    }

    private static int Count(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> what) => bytes.Count(what);

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    private sealed class LeadingNode : INodeApi
    {
        private static readonly CheckAnswer Fine = new(200, 0.1, 1, "", CheckReason.Ok);

        public bool Leads => true;

        public ValueTask<ApiReply> AskAsync(ApiRequest request) => ValueTask.FromResult<ApiReply>(new ApiReply.NoLeader(TimeSpan.FromSeconds(1)));

        public CheckAnswer Check(string app, string storeType, string store, CheckFlags flags) => Fine;
    }
}
