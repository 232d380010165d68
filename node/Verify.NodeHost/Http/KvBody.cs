using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Verify.Node.Api;
using Verify.NodeHost.Configuration;

namespace Verify.NodeHost.Http;

/// <summary>What requests about keys bring along, read with limits and with sentences that name the place and the remedy.</summary>
internal static class KvBody
{
    public const int ValueBytesMax = 1 << 20;
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The whole body as it is; null: it is larger than that.</summary>
    public static async Task<ReadOnlyMemory<byte>?> BytesAsync(HttpRequest request, int bytesMax = ValueBytesMax)
    {
        var buffer = new byte[Math.Min(bytesMax, request.ContentLength ?? bytesMax) + 1];
        var length = await request.Body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, request.HttpContext.RequestAborted);
        if (length > bytesMax) return null; // Not "? null :", which would be an empty memory: null converts to an array, and that to a memory.
        return buffer.AsMemory(0, length);
    }

    public static IResult TooLarge(int bytesMax = ValueBytesMax) =>
        Results.Json(new { error = "refused", message = $"the value is too large: at most {bytesMax} bytes", outcome = "not done" }, statusCode: 413);

    /// <summary>The body as JSON of this kind; otherwise why not.</summary>
    public static async Task<(JsonElement Body, string? Problem)> JsonAsync(HttpRequest request, JsonValueKind kind, bool mayBeEmpty = false)
    {
        try
        {
            if (mayBeEmpty && request.ContentLength is null or 0) return (default, null);
            using var document = await JsonDocument.ParseAsync(request.Body, default, request.HttpContext.RequestAborted);
            JsonTexts.Check(document.RootElement);
            return document.RootElement.ValueKind == kind ? (document.RootElement.Clone(), null) : (default, $"the body must be a JSON {kind.ToString().ToLowerInvariant()}");
        }
        catch (JsonException e)
        {
            return (default, $"the body is not JSON: {e.Message}");
        }
    }

    /// <summary>A length of time: "30s", "1m30s", or a number of seconds.</summary>
    public static bool TryDuration(JsonElement value, out TimeSpan duration)
    {
        duration = default;
        if (value.ValueKind == JsonValueKind.String) return GoDuration.TryParse(value.GetString()!, out duration);
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetDouble(out var seconds) || seconds is < 0 or > 315_360_000) return false;
        duration = TimeSpan.FromSeconds(seconds);
        return true;
    }

    /// <summary>"ttl" of a body, or ?ttl of the query, in milliseconds; null: none is given.</summary>
    public static bool TryTtl(JsonElement body, HttpRequest request, out long? ttlMs)
    {
        ttlMs = null;
        var duration = TimeSpan.Zero;
        if (request.Query.TryGetValue("ttl", out var text))
        {
            if (!GoDuration.TryParse(text.ToString(), out duration)) return false;
        }
        else if (body.ValueKind == JsonValueKind.Object && body.TryGetProperty("ttl", out var value))
        {
            if (!TryDuration(value, out duration)) return false;
        }
        else return true;

        ttlMs = (long)duration.TotalMilliseconds;
        return ttlMs > 0;
    }

    /// <summary>False: the parameter is there, and is no whole number from 0 on.</summary>
    public static bool TryNumber(HttpRequest request, string name, out long? number)
    {
        number = null;
        if (!request.Query.TryGetValue(name, out var text)) return true;
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value)) return false;
        number = value;
        return true;
    }

    /// <summary>The text of a value; null when its bytes are no UTF-8.</summary>
    public static string? TextOf(ReadOnlyMemory<byte> value)
    {
        try
        {
            return Strict.GetString(value.Span);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    /// <summary>A pair as Konsul shows it, and what Konsul does not have: lifetime, lock, token. A value that is no text is there in base64, too.</summary>
    public static Dictionary<string, object?> Shape(KvPair pair)
    {
        var text = TextOf(pair.Value);
        var shape = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["key"] = pair.Key, ["value"] = text ?? Encoding.UTF8.GetString(pair.Value.Span), ["modify_index"] = pair.ModifyIndex, ["create_index"] = pair.CreateIndex, ["flags"] = pair.Flags,
        };
        if (text is null) shape["value_base64"] = Convert.ToBase64String(pair.Value.Span);
        if (pair.DeadlineMs is not null) shape["ttl_ms"] = pair.TtlMs;
        if (pair.LockToken != 0) (shape["lock_index"], shape["fencing_token"], shape["session"]) = (pair.LockIndex, pair.LockToken, pair.Session);
        return shape;
    }
}
