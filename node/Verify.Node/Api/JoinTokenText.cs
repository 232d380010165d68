using System.Text;

namespace Verify.Node.Api;

/// <summary>A join token as people carry it: "id.secret". The group keeps only the SHA-256 (FIPS 180-4) of the secret's UTF-8 bytes.</summary>
public static class JoinTokenText
{
    public const int HashBytes = 32;
    private const int IdBytesMax = 64;
    private const int SecretBytesMax = 512;

    public static byte[] HashOf(string secret) => System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(secret));

    /// <summary>False: not of the form "id.secret". The text must not be repeated to anybody.</summary>
    public static bool TryRead(string? token, out string id, out byte[] secretHash)
    {
        (id, secretHash) = ("", []);
        if (token is null || token.IndexOf('.', StringComparison.Ordinal) is var dot && dot is < 1 or > IdBytesMax) return false;
        if (token.Length - dot - 1 is < 1 or > SecretBytesMax || !IsId(token.AsSpan(0, dot))) return false;
        (id, secretHash) = (token[..dot], HashOf(token[(dot + 1)..]));
        return true;
    }

    /// <summary>Letters, digits, '-' and '_'.</summary>
    public static bool IsId(ReadOnlySpan<char> id)
    {
        foreach (var c in id)
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_')) return false;
        return id.Length is > 0 and <= IdBytesMax;
    }
}
