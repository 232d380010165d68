using System.Globalization;
using System.Text;
using Verify.Node.Loop;
using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>What a request must keep to before it may enter the log.</summary>
internal static class RequestLimits
{
    private const int SessionBytesMax = 128;
    private const int NameBytesMax = 255;
    private static readonly TimeSpan TokenLifeMax = TimeSpan.FromDays(30);
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Why the request cannot be done; null when it can.</summary>
    public static string? Objection(ApiRequest request, Limits limits) => request switch
    {
        ApiRequest.KvPut put => Key(put.Key, limits) ?? Value(put.Value, limits) ?? Index(put.ExpectedIndex) ?? Id(put.Id),
        ApiRequest.KvDelete delete => Key(delete.Key, limits) ?? Index(delete.ExpectedIndex) ?? Id(delete.Id),
        ApiRequest.KvGet get => Key(get.Key, limits),
        ApiRequest.ImportKv import => Batch(import, limits) ?? Id(import.Id),
        ApiRequest.ClusterJoin join => Node(join.Node) ?? Contact(join.Contact) ?? (join.Replaces is { } old ? Node(old) : null),
        ApiRequest.ClusterLeave leave => Node(leave.Node),
        ApiRequest.TransferLeadership { To: { } to } => Node(to),
        ApiRequest.CreateJoinToken create => Token(create),
        ApiRequest.KvDo { Id: { } id } when Id(id) is { } objection => objection,
        _ => KvLimits.Objection(request, limits) ?? ThrottleRequests.Objection(request) ?? Access.AccessDesk.Objection(request) ?? Catalogue.CatalogueLimits.Objection(request),
    };

    private static string? Batch(ApiRequest.ImportKv import, Limits limits)
    {
        if (import.Writes.Count == 0) return "the batch is empty";
        if (import.Writes.Count > limits.BatchWritesMax) return $"the batch has {import.Writes.Count} writes; at most {limits.BatchWritesMax} are allowed";
        var bytes = 0L;
        for (var i = 0; i < import.Writes.Count; i++)
        {
            var (key, value, _, expected) = import.Writes[i];
            if ((Key(key, limits) ?? Value(value ?? default, limits) ?? Index(expected)) is { } objection) return $"write {i + 1}: {objection}";
            bytes += Bytes(key)!.Value + (value?.Length ?? 0);
        }

        return bytes > limits.BatchBytesMax ? $"the batch has {bytes} bytes; at most {limits.BatchBytesMax} are allowed" : null;
    }

    private static string? Node(NodeId node) =>
        Bytes(node.Name ?? "") is not (> 0 and <= NameBytesMax) ? $"a node's name has 1 to {NameBytesMax} bytes" : null;

    /// <summary>The address must be "host:port"; the rest may be empty.</summary>
    private static string? Contact(Contact contact)
    {
        foreach (var text in (ReadOnlySpan<string?>)[contact.Address, contact.DataCenter, contact.ApiAddress, contact.Zone])
            if (Bytes(text ?? "") is not <= NameBytesMax) return $"an address or a zone has at most {NameBytesMax} bytes";
        return IsAddress(contact.Address) ? contact.ApiAddress is not { Length: > 0 } api || IsAddress(api) ? null : $"'{api}' is no host:port" : $"'{contact.Address}' is no host:port";
    }

    private static bool IsAddress(string? address)
    {
        var colon = address?.LastIndexOf(':') ?? -1;
        return colon > 0 && ushort.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port > 0;
    }

    private static string? Token(ApiRequest.CreateJoinToken create)
    {
        if (!JoinTokenText.IsId(create.TokenId)) return "a token's id has 1 to 64 letters, digits, '-' or '_'";
        if (create.SecretHash.Length != JoinTokenText.HashBytes) return $"the hash of a token's secret has {JoinTokenText.HashBytes} bytes";
        return create.ValidFor <= TimeSpan.Zero || create.ValidFor > TokenLifeMax ? $"a token is valid for more than nothing and at most {TokenLifeMax.TotalDays:0} days" : null;
    }

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
