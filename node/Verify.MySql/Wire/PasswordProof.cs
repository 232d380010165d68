using System.Security.Cryptography;
using System.Text;

namespace Verify.MySql.Wire;

/// <summary>How a client shows that it knows a password without sending it, for the two methods that servers use
/// (MySQL "Authentication Method mysql_native_password" and "caching_sha2_password"). An empty password is an empty proof.</summary>
internal static class PasswordProof
{
    public const string Native = "mysql_native_password";
    public const string CachingSha2 = "caching_sha2_password";

    /// <summary>SHA1(password) XOR SHA1(seed + SHA1(SHA1(password))).</summary>
    public static byte[] OfNative(string password, ReadOnlySpan<byte> seed)
    {
        if (password.Length == 0) return [];
#pragma warning disable CA5350 // the protocol's own choice: mysql_native_password is SHA-1
        var proof = SHA1.HashData(Encoding.UTF8.GetBytes(password));
        Xor(proof, SHA1.HashData([.. seed, .. SHA1.HashData(proof)]));
#pragma warning restore CA5350
        return proof;
    }

    /// <summary>SHA256(password) XOR SHA256(SHA256(SHA256(password)) + seed).</summary>
    public static byte[] OfCachingSha2(string password, ReadOnlySpan<byte> seed)
    {
        if (password.Length == 0) return [];
        var proof = SHA256.HashData(Encoding.UTF8.GetBytes(password));
        Xor(proof, SHA256.HashData([.. SHA256.HashData(proof), .. seed]));
        return proof;
    }

    /// <summary>The password, closed by a zero byte, as it is sent where TLS hides it.</summary>
    public static byte[] Plain(string password) => [.. Encoding.UTF8.GetBytes(password), 0];

    /// <summary>The password for the server's key alone: XOR with the seed, then RSA with OAEP (SHA-1, as the protocol has it).</summary>
    /// <exception cref="MySqlProtocolException">The key is no RSA key, or too small.</exception>
    public static byte[] Encrypted(string password, ReadOnlySpan<byte> seed, ReadOnlySpan<byte> pem)
    {
        var masked = Plain(password);
        for (var i = 0; i < masked.Length; i++) masked[i] ^= seed[i % seed.Length];
        using var rsa = RSA.Create();
        try
        {
            rsa.ImportFromPem(Encoding.UTF8.GetString(pem));
            if (rsa.KeySize < 2048) throw new MySqlProtocolException($"the server's RSA key has {rsa.KeySize} bits; fewer than 2048 protect no password");
            return rsa.Encrypt(masked, RSAEncryptionPadding.OaepSHA1);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new MySqlProtocolException("what the server sent as its RSA public key cannot be used as one", e);
        }
    }

    private static void Xor(Span<byte> into, ReadOnlySpan<byte> with)
    {
        for (var i = 0; i < into.Length; i++) into[i] ^= with[i];
    }
}
