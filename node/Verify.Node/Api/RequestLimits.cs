using System.Text;
using Verify.Node.Loop;

namespace Verify.Node.Api;

/// <summary>What a request must keep to before it may enter the log.</summary>
internal static class RequestLimits
{
    private const int SessionBytesMax = 128;
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Why the request cannot be done; null when it can.</summary>
    public static string? Objection(ApiRequest request, Limits limits) => request switch
    {
        ApiRequest.KvPut put => Key(put.Key, limits) ?? Value(put.Value, limits) ?? Index(put.ExpectedIndex) ?? Id(put.Id),
        ApiRequest.KvDelete delete => Key(delete.Key, limits) ?? Index(delete.ExpectedIndex) ?? Id(delete.Id),
        ApiRequest.KvGet get => Key(get.Key, limits),
        _ => null,
    };

    private static string? Key(string key, Limits limits) => Bytes(key) switch
    {
        null => "the key is no valid Unicode text",
        0 => "the key is empty",
        var bytes when bytes > limits.KeyBytesMax => $"the key has {bytes} bytes; at most {limits.KeyBytesMax} are allowed",
        _ => null,
    };

    private static string? Value(ReadOnlyMemory<byte> value, Limits limits) => value.Length > limits.ValueBytesMax
        ? $"the value has {value.Length} bytes; at most {limits.ValueBytesMax} are allowed" : null;

    private static string? Index(long? expected) => expected < 0 ? $"{expected} is no index" : null;

    private static string? Id(RequestId? id)
    {
        if (id is not { } given) return null;
        if (Bytes(given.Session) is not (> 0 and <= SessionBytesMax)) return $"a session's name has 1 to {SessionBytesMax} bytes";
        return given.Sequence < 0 ? $"{given.Sequence} is no sequence number" : null;
    }

    private static int? Bytes(string text)
    {
        try
        {
            return Strict.GetByteCount(text);
        }
        catch (EncoderFallbackException)
        {
            return null;
        }
    }
}
