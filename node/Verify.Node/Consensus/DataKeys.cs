using System.Collections.Immutable;

namespace Verify.Node.Consensus;

/// <summary>A key for data at rest: AES-256-GCM (NIST SP 800-38D).</summary>
/// <param name="Id">Its name in file headers; not secret.</param>
/// <param name="Secret">32 bytes. Never logged.</param>
public sealed record DataKey(string Id, ReadOnlyMemory<byte> Secret)
{
    /// <summary>Without the secret.</summary>
    public override string ToString() => $"key {Id}";
}

/// <summary>The keys of a node: the first seals what is written from now on, the others open what is there.</summary>
public sealed record DataKeys(ImmutableArray<DataKey> Keys)
{
    public static DataKeys None { get; } = new(ImmutableArray<DataKey>.Empty);
    public DataKey? Active => Keys.IsEmpty ? null : Keys[0];
    public DataKey? Find(string id) => Keys.FirstOrDefault(k => string.Equals(k.Id, id, StringComparison.Ordinal));
}
