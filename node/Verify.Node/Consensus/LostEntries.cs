using Verify.Node.Codec;
using Verify.Node.Seam;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>A debt that this node has towards its group: it may have acknowledged entries that its disk has lost. Until its log holds them
/// again it must neither vote nor stand for election (a voter whose log is shorter than it said lets a leader in that lacks committed
/// entries); what it appends it may acknowledge, and that is how it gets its entries back.</summary>
/// <remarks>Why that is enough (after Alagappan et al., "Protocol-Aware Recovery", FAST'18). Term and vote are intact, or the node would
/// not start. Let e be an entry that was committed and that this node had acknowledged, in a term not after <see cref="Above"/>.
/// 1. Any leader of a later term was elected by a quorum in which this node either voted before the damage, with its whole log, or did
///    not vote. So this quorum shares a voter with those who held e that is not this node after the damage, and Leader Completeness (paper
///    §5.4.3) holds for it as ever: that leader has e.
/// 2. A leader of term <see cref="Above"/> itself that e was acknowledged to has e: leaders never drop entries.
/// 3. What this node appends comes from such leaders only, its term being intact. When its log reaches <see cref="Until"/>, which is not
///    before e, Log Matching says that e is in it. When its last entry is of a term after <see cref="Above"/>, its log is that leader's up
///    to there, and e lies before the first entry of that leader's term.
/// 4. From then on it is as good a voter as any. Until then it is as if it were down, which the group tolerates of a minority.
/// The node goes into the term after <see cref="Above"/> before it speaks again. A leader of an earlier term believes for good that this
/// node has what it acknowledged, and would never send it again; it learns of the later term, and the leader that follows asks anew. That
/// costs one change of leader when the leader is still the same, and no more than that.
/// A node that is the only voter has nobody to get its entries from, and a node that has lost its vote as well cannot know in which terms
/// it has spoken: both refuse to start.</remarks>
/// <param name="Until">No entry beyond this one can have been acknowledged.</param>
/// <param name="Above">The node's term when the loss was found: it has acknowledged nothing in a later one.</param>
internal sealed record LostEntries(LogIndex Until, Term Above)
{
    public const string FileName = "lost-entries";
    public const uint Version = 1;
    private static readonly SealMark Clear = new("", new byte[SealMark.SaltBytes], new byte[SealMark.CheckBytes]);

    private static ReadOnlySpan<byte> Magic => "VRFYLOST"u8;

    /// <summary>Whether a log that ends durably with this entry holds everything again.</summary>
    public bool AreBackIn(EntryId last) => last.Index >= Until || last.Term > Above;

    /// <summary>The debt of an earlier start; null when there is none.</summary>
    /// <exception cref="UnusableDataException">The record of it is damaged, another node's, or a newer program's.</exception>
    public static async ValueTask<LostEntries?> ReadAsync(IDisk disk, DataOwner owner)
    {
        if (!disk.List().Contains(FileName, StringComparer.Ordinal)) return null;
        using var file = disk.Open(FileName, create: false);
        var bytes = new byte[FileHeader.Bytes];
        var have = 0;
        while (have < bytes.Length && await file.ReadAsync(bytes.AsMemory(have), have) is > 0 and var read) have += read;
        return Read(bytes.AsSpan(0, have), owner);
    }

    /// <summary>Durable before anything of the damaged log is touched.</summary>
    public ValueTask WriteAsync(IDisk disk, DataOwner owner) => disk.ReplaceAsync(FileName, Write(owner));

    /// <summary>Everything is back.</summary>
    public static async ValueTask ForgetAsync(IDisk disk)
    {
        disk.Delete(FileName);
        await disk.SyncDirectoryAsync();
    }

    internal byte[] Write(DataOwner owner) => FileHeader.Write(Magic, Version, owner, Clear, body =>
    {
        body.Number(Until.Value);
        body.Number(Above.Value);
    });

    internal static LostEntries Read(ReadOnlySpan<byte> bytes, DataOwner owner)
    {
        if (TryRead(bytes) is not var (found, lost)) throw Unreadable();
        return found == owner ? lost : throw UnusableDataException.Foreign(FileName, found, owner);
    }

    internal static bool IsReadable(ReadOnlySpan<byte> bytes) => TryRead(bytes) is not null;

    private static (DataOwner Owner, LostEntries Lost)? TryRead(ReadOnlySpan<byte> bytes)
    {
        var version = FileHeader.VersionOf(bytes, Magic);
        if (version > Version) throw UnusableDataException.Newer(FileName, version.Value, Version);
        if (version != Version || !FileHeader.TryRead(bytes, out var body)) return null;
        try
        {
            var from = new WireReader(body);
            var found = new DataOwner(from.Text(), new(from.Text()));
            SealMark.Read(ref from);
            var lost = new LostEntries(new(from.Number()), new(from.Number()));
            from.End();
            return (found, lost);
        }
        catch (WireFormatException)
        {
            return null;
        }
    }

    private static UnusableDataException Unreadable() => new(
        $"{FileName} is damaged. It says which entries this node may have acknowledged and lost, so without it the node must not vote. "
        + $"Restore it from a backup of this node; or {UnusableDataException.ReplaceInstead}.");
}
