using System.Diagnostics;
using System.Globalization;
using System.Text;
using Verify.MySql;
using Verify.Node.Api.Catalogue;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.State.Catalogue;
using Verify.Node.Topology;

namespace Verify.Node.Catalogue;

/// <summary>Runs a check once: over HTTP (RFC 9112, one request to a connection), TCP, or MySQL's protocol with the node's own login.
/// Every wait ends on the loop.</summary>
internal sealed class CheckProbe(INodeServices services, IServerDoor door, LoopTurn turn)
{
    private const int AnswerBytesMax = 4096;
    private const int OutputCharactersMax = 512;

    public async ValueTask<CheckResult> RunAsync(CheckSpec check)
    {
        var limit = TimeSpan.FromMilliseconds(check.TimeoutMs);
        try
        {
            return check.Kind switch
            {
                CheckKind.Http => await HttpAsync(check, limit),
                CheckKind.Tcp => await TcpAsync(Endpoint.Parse(check.Target), limit),
                CheckKind.MySql => await MySqlAsync(check, limit),
                _ => throw new UnreachableException(),
            };
        }
        catch (OperationCanceledException) when (!services.Stopping.IsCancellationRequested)
        {
            return new(CheckStatus.Critical, $"{check.Target}: no answer within {check.TimeoutMs} ms");
        }
        catch (Exception e) when (e is IOException or MySqlException or FormatException)
        {
            return new(CheckStatus.Critical, Short(e.Message));
        }
    }

    private async ValueTask<CheckResult> TcpAsync(Endpoint target, TimeSpan limit)
    {
        using var time = new CancellationTokenSource(limit, services.Seam.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(time.Token, services.Stopping);
        var stream = await turn.Await(services.Seam.Network.ConnectAsync(target, either.Token));
        await turn.Await(stream.DisposeAsync());
        return new(CheckStatus.Passing, $"TCP connect {target}: success");
    }

    private async ValueTask<CheckResult> MySqlAsync(CheckSpec check, TimeSpan limit)
    {
        if (!Endpoint.TryParse(check.Target, 3306, out var target)) throw new FormatException($"'{check.Target}' is no host:port");
        var began = services.Now;
        var session = await turn.Await(door.OpenAsync(new(target.Host, target.Port), limit));
        try
        {
            var left = limit - (services.Now - began);
            var table = await turn.Await(session.AskAsync(new Statement.ReadFacts(), left > TimeSpan.Zero ? left : services.Config.Timing.Tick));
            var facts = ServerFacts.Read(table, session.Version.Flavor);
            return new(CheckStatus.Passing, $"{target}: {session.Version}, {(facts.IsReadOnly ? "read-only" : "writable")}");
        }
        finally
        {
            await turn.Await(session.DisposeAsync());
        }
    }

    private async ValueTask<CheckResult> HttpAsync(CheckSpec check, TimeSpan limit)
    {
        var target = HttpTarget.Parse(check.Target) ?? throw new FormatException($"'{check.Target}' is no http:// address");
        using var time = new CancellationTokenSource(limit, services.Seam.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(time.Token, services.Stopping);
        var stream = await turn.Await(services.Seam.Network.ConnectAsync(target.Server, either.Token));
        try
        {
            await turn.Await(stream.WriteAsync(RequestOf(check, target), either.Token));
            var (answer, length) = (new byte[AnswerBytesMax], 0);
            while (length < answer.Length)
            {
                var read = await turn.Await(stream.ReadAsync(answer.AsMemory(length), either.Token));
                if (read == 0) break;
                length += read;
                // The status line is all that decides; what else has come with it is for people.
                if (StatusOf(answer.AsSpan(0, length)) is not null && answer.AsSpan(0, length).IndexOf("\r\n\r\n"u8) >= 0) break;
            }

            return ResultOf(check, answer.AsSpan(0, length));
        }
        finally
        {
            await turn.Await(stream.DisposeAsync());
        }
    }

    private static byte[] RequestOf(CheckSpec check, HttpTarget target)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{(check.Method.Length > 0 ? check.Method : "GET")} {target.Path} HTTP/1.1\r\n");
        if (!check.Headers.Keys.Contains("host", StringComparer.OrdinalIgnoreCase)) text.Append(CultureInfo.InvariantCulture, $"Host: {target.HostHeader}\r\n");
        text.Append("User-Agent: verify-node health check\r\nAccept: text/plain, text/*, */*\r\nContent-Length: 0\r\nConnection: close\r\n");
        foreach (var (name, value) in check.Headers) text.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        return Encoding.ASCII.GetBytes(text.Append("\r\n").ToString());
    }

    private static CheckResult ResultOf(CheckSpec check, ReadOnlySpan<byte> answer)
    {
        if (StatusOf(answer) is not { } status) return new(CheckStatus.Critical, $"{check.Target}: the answer is not HTTP");
        var body = answer.IndexOf("\r\n\r\n"u8) is >= 0 and var end ? Encoding.UTF8.GetString(answer[(end + 4)..]) : "";
        var words = Short($"HTTP {(check.Method.Length > 0 ? check.Method : "GET")} {check.Target}: {status}{(body.Length > 0 ? $" Output: {body}" : "")}");
        return new(status is >= 200 and < 300 ? CheckStatus.Passing : status == 429 ? CheckStatus.Warning : CheckStatus.Critical, words);
    }

    /// <summary>"HTTP/1.1 200 OK"; null: not (yet) that.</summary>
    private static int? StatusOf(ReadOnlySpan<byte> answer)
    {
        if (!answer.StartsWith("HTTP/1."u8) || answer.Length < 13 || answer[8] != ' ') return null;
        return int.TryParse(answer.Slice(9, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var status) ? status : null;
    }

    private static string Short(string text) => text.Length <= OutputCharactersMax ? text : text[..OutputCharactersMax] + "…";
}
