using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Verify.Node.Codec;
using Verify.Node.Seam;

namespace Verify.Node.Consensus;

/// <summary>How the content of one file is protected, as its header says: which key, and the salt from which the file's own key is made.</summary>
/// <param name="KeyId">Empty: the content is in the clear.</param>
/// <param name="Salt">32 bytes, drawn anew for each file. Also the seed of the file's checksums, so that no content that a client
/// wrote, and no remains of another file, can pass for a record of this one.</param>
/// <param name="Check">8 bytes by which a key of the right name but with another secret is told from damage. Zeros in the clear.</param>
internal sealed record SealMark(string KeyId, ReadOnlyMemory<byte> Salt, ReadOnlyMemory<byte> Check)
{
    public const int SaltBytes = 32;
    public const int CheckBytes = 8;
    public bool IsSealed => KeyId.Length > 0;

    public void Write(WireWriter to)
    {
        to.Text(KeyId);
        to.Raw(Salt.Span);
        to.Raw(Check.Span);
    }

    public static SealMark Read(ref WireReader from) =>
        new(from.Text(), from.Raw(SaltBytes).ToArray(), from.Raw(CheckBytes).ToArray());
}

/// <summary>Seals and opens the pieces of one file: AES-256-GCM (NIST SP 800-38D) with a key of the file's own, HKDF-SHA256 (RFC 5869) of
/// the node's key, the file's salt and the file's name and owner. One user at a time.</summary>
/// <remarks>Why no nonce ever meets two contents (which would give away their difference and the means to forge):
/// 1. The key belongs to one file. Salt, kind, owner and place of the file go into it; two files share a key only if a 256-bit salt is
///    drawn twice for the same name.
/// 2. In a segment of the log the nonce is the entry's index and the low 32 bits of its term. Raft gives an entry id to one content for
///    ever (one leader per term, which never writes an index twice: paper §5.3); the associated data (length, term, index, kind) belong to
///    the entry as well. What is cut off and comes again under the same id is the same entry; another entry at that index has another
///    term, and terms that differ by 2^32 are out of reach.
/// 3. In a snapshot the nonce is the number of the block, and each number is sealed once: a snapshot that is begun again, also a
///    received one that is begun from its first piece, is a new file with a new salt; one that is resumed goes on behind its last
///    whole block. A torn block may be sealed again under its number, with the same content: the stream of a snapshot is named by its
///    length and checksum, and another stream begins a new file.</remarks>
internal sealed class FileSeal : IDisposable
{
    public const int TagBytes = 16;
    public const int NonceBytes = 12;
    private const int KeyBytes = 32;
    private readonly AesGcm? _cipher;

    private FileSeal(SealMark mark, AesGcm? cipher) => (Mark, _cipher) = (mark, cipher);

    public SealMark Mark { get; }
    public bool IsSealed => _cipher is not null;

    /// <summary>By how much a piece grows.</summary>
    public int ExtraBytes => IsSealed ? TagBytes : 0;

    /// <summary>For a new file.</summary>
    /// <param name="what">The file's kind and place, for example "log 4711"; part of the key.</param>
    public static FileSeal New(DataKey? key, DataOwner owner, string what, Dice dice)
    {
        var salt = new byte[SealMark.SaltBytes];
        for (var at = 0; at < salt.Length; at += 8) BinaryPrimitives.WriteUInt64LittleEndian(salt.AsSpan(at), dice.Next());
        if (key is null) return new(new("", salt, new byte[SealMark.CheckBytes]), null);
        var (secret, check) = Derive(key, salt, owner, what);
        return new(new(key.Id, salt, check), new(secret, TagBytes));
    }

    /// <summary>For a file that is there.</summary>
    /// <exception cref="UnusableDataException">The key is not among those that the node has, or is another one than its name says.</exception>
    public static FileSeal Of(SealMark mark, DataKeys keys, DataOwner owner, string what, string file)
    {
        if (!mark.IsSealed) return new(mark, null);
        if (keys.Find(mark.KeyId) is not { } key) throw UnusableDataException.KeyMissing(file, mark.KeyId);
        var (secret, check) = Derive(key, mark.Salt.Span, owner, what);
        if (!CryptographicOperations.FixedTimeEquals(check, mark.Check.Span)) throw UnusableDataException.KeyWrong(file, mark.KeyId);
        return new(mark, new(secret, TagBytes));
    }

    /// <summary>Appends the sealed bytes: as many as the plain ones, and the tag.</summary>
    public void Seal(WireWriter to, ReadOnlySpan<byte> plain, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associated)
    {
        if (_cipher is null)
        {
            to.Raw(plain);
            return;
        }

        var room = to.Room(plain.Length + TagBytes);
        _cipher.Encrypt(nonce, plain, room[..plain.Length], room[plain.Length..], associated);
    }

    /// <summary>False: the bytes were not sealed with this file's key, under this nonce, with these associated data.</summary>
    public bool TryOpen(ReadOnlySpan<byte> stored, Span<byte> plain, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associated)
    {
        if (_cipher is null)
        {
            stored.CopyTo(plain);
            return true;
        }

        try
        {
            _cipher.Decrypt(nonce, stored[..^TagBytes], stored[^TagBytes..], plain, associated);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }

    public void Dispose() => _cipher?.Dispose();

    private static (byte[] Key, byte[] Check) Derive(DataKey key, ReadOnlySpan<byte> salt, DataOwner owner, string what)
    {
        if (key.Secret.Length != KeyBytes) throw new ArgumentException($"{key} has {key.Secret.Length} bytes; AES-256 needs {KeyBytes}", nameof(key));
        var info = Encoding.UTF8.GetBytes($"verify data at rest 1\0{what}\0{owner.ClusterId}\0{owner.Node.Name}");
        var made = new byte[KeyBytes + SealMark.CheckBytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key.Secret.Span, made, salt, info);
        return (made[..KeyBytes], made[KeyBytes..]);
    }
}
