using System.Collections.Concurrent;
using System.Text.Json;

namespace Verify.Client.Tests.Fakes;

/// <summary>What the group behind some fake nodes would keep: how often each write was applied, under which session and number.</summary>
internal sealed class FakeGroup
{
    private readonly ConcurrentDictionary<string, int> _sent = new(StringComparer.Ordinal);
    private int _index;

    /// <summary>"session/sequence" of each write that was applied.</summary>
    public ConcurrentQueue<string> Applied { get; } = new();

    /// <summary>How often the write with this id came in.</summary>
    public int SentCount(string id) => _sent.GetValueOrDefault(id);

    /// <summary>As verify-node does: once for each session and number. Anything but a write gets no answer of use.</summary>
    public FakeAnswer Write(FakeRequest request)
    {
        if (!request.Headers.ContainsKey("X-Verify-Session")) return NoLeader();
        var id = $"{request.Headers["X-Verify-Session"]}/{request.Headers["X-Verify-Sequence"]}";
        if (_sent.AddOrUpdate(id, 1, (_, n) => n + 1) == 1) Applied.Enqueue(id);
        return Json(200, new { message = "key set", modify_index = Interlocked.Increment(ref _index) });
    }

    public static FakeAnswer Json(int status, object body, params (string, string)[] headers) => new(status, JsonSerializer.Serialize(body)) { Headers = headers };

    public static FakeAnswer NoLeader(params (string, string)[] headers) => Json(503, new { error = "no leader", message = "no leader is known; try again" }, headers);
}
