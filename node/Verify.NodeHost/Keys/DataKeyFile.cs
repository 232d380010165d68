using System.Security.Cryptography;
using System.Text.Json;
using Verify.Node.Consensus;
using Verify.NodeHost.Security;

namespace Verify.NodeHost.Keys;

/// <summary>The file of keys for data at rest: a JSON list of { "id", "secret" (base64 of 32 bytes) }. The first seals what is written
/// from now on, the others open what is there.</summary>
internal static class DataKeyFile
{
    private const int SecretBytes = 32;
    private const int BytesMax = 1 << 20;
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <exception cref="DataKeyException">Missing, readable by others, or not in form; the message says what to do and holds no secret.</exception>
    public static DataKeys Read(string path)
    {
        if (!File.Exists(path)) throw new DataKeyException($"{path}: no such key file; make one with: verify-node keys init --key-file {path}");
        if (SecretFile.Objection(path) is { } objection) throw new DataKeyException(objection);
        try
        {
            if (new FileInfo(path).Length > BytesMax) throw new DataKeyException($"{path}: too long for a key file");
            return Parse(path, File.ReadAllBytes(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataKeyException($"{path}: cannot be read: {e.Message}");
        }
    }

    /// <exception cref="DataKeyException">Not in form.</exception>
    internal static DataKeys Parse(string path, ReadOnlyMemory<byte> bytes)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes);
            Configuration.JsonTexts.Check(document.RootElement);
            var keys = new List<DataKey>();
            if (document.RootElement.ValueKind != JsonValueKind.Array) throw Malformed(path);
            foreach (var entry in document.RootElement.EnumerateArray()) keys.Add(KeyOf(path, entry));
            if (keys.Count == 0) throw new DataKeyException($"{path}: no key in it");
            if (keys.Select(k => k.Id).Distinct(StringComparer.Ordinal).Count() != keys.Count) throw new DataKeyException($"{path}: an id stands there twice");
            return new([.. keys]);
        }
        catch (JsonException e)
        {
            // The parser's own words could repeat a piece of the file.
            throw new DataKeyException($"{path}:{(e.LineNumber ?? 0) + 1}: not valid JSON");
        }
    }

    /// <exception cref="DataKeyException">There is a file already.</exception>
    public static DataKey Init(string path)
    {
        if (File.Exists(path)) throw new DataKeyException($"{path}: exists already; verify-node keys rotate adds a new key to it");
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } directory) Directory.CreateDirectory(directory);
        var key = Draw();
        SecretFile.Write(path, Written([key]), replace: false);
        return key;
    }

    /// <summary>A new first key; the others stay, since data is sealed with them.</summary>
    /// <exception cref="DataKeyException"/>
    public static DataKeys Rotate(string path)
    {
        DataKeys keys = new([Draw(), .. Read(path).Keys]);
        SecretFile.Write(path, Written(keys.Keys), replace: true);
        return keys;
    }

    private static DataKey Draw() => new(
        $"{TimeProvider.System.GetUtcNow():yyyyMMdd'T'HHmmss'Z'}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(3))}", RandomNumberGenerator.GetBytes(SecretBytes));

    private static DataKey KeyOf(string path, JsonElement entry)
    {
        if (entry.ValueKind != JsonValueKind.Object || !entry.TryGetProperty("id", out var id) || !entry.TryGetProperty("secret", out var secret)
            || id.ValueKind != JsonValueKind.String || secret.ValueKind != JsonValueKind.String || id.GetString() is not { Length: > 0 and <= 64 } name) throw Malformed(path);
        if (!secret.TryGetBytesFromBase64(out var bytes) || bytes.Length != SecretBytes) throw new DataKeyException($"{path}: the secret of key {name} must be {SecretBytes} bytes in base64");
        return new(name, bytes);
    }

    private static byte[] Written(IEnumerable<DataKey> keys) => JsonSerializer.SerializeToUtf8Bytes(
        keys.Select(k => new { id = k.Id, secret = Convert.ToBase64String(k.Secret.Span) }), Indented);

    private static DataKeyException Malformed(string path) => new($"{path}: a list is expected: [ {{ \"id\": \"…\", \"secret\": \"base64 of {SecretBytes} bytes\" }}, … ]");
}

/// <summary>The key file cannot be used; the message says why and what to do, and holds no secret.</summary>
internal sealed class DataKeyException(string message) : Exception(message);
