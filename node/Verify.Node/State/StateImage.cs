using System.Collections.Immutable;
using Verify.Node.Codec;
using Verify.Raft;

namespace Verify.Node.State;

/// <summary>The replicated state at one entry of the log, to be written somewhere while the state itself goes on. The same state gives
/// the same blocks on every node.
/// <code>
/// block   = kind:u8 version:u8 record*
/// head    = kind 1: appliedTerm appliedIndex count (kind:u8 version:u8 records)*
/// </code></summary>
/// <param name="Last">The last entry that is in it.</param>
internal sealed record StateImage(EntryId Last, ImmutableArray<FrozenSection> Sections)
{
    public const byte HeadVersion = 1;

    /// <summary>A block is handed out when it has grown to this. It is larger by the rest of its last record, which for most content is
    /// little, and at the most one key with the largest value.</summary>
    public const int BlockBytes = 60 * 1024;

    /// <summary>A block larger than this is not believed.</summary>
    public const int BlockBytesMax = 16 << 20;

    /// <summary>The blocks in order. What is handed out is valid until the next one is asked for.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> Blocks()
    {
        var to = new WireWriter(BlockBytes + 4096);
        WriteHead(to);
        yield return to.Written;
        foreach (var section in Sections)
        {
            Begin(to, section);
            var empty = to.Length;
            foreach (var length in section.WriteEach(to))
            {
                if (length < BlockBytes) continue;
                yield return to.Written;
                Begin(to, section);
            }

            if (to.Length > empty) yield return to.Written;
        }
    }

    private static void Begin(WireWriter to, FrozenSection section)
    {
        to.Clear();
        to.Byte((byte)section.Kind);
        to.Byte(section.Version);
    }

    private void WriteHead(WireWriter to)
    {
        to.Byte((byte)SectionKind.Head);
        to.Byte(HeadVersion);
        to.Number(Last.Term.Value);
        to.Number(Last.Index.Value);
        to.Number(Sections.Length);
        foreach (var section in Sections)
        {
            to.Byte((byte)section.Kind);
            to.Byte(section.Version);
            to.Number(section.Records);
        }
    }
}

/// <summary>Builds the replicated state from the blocks of a <see cref="StateImage"/>. Off the loop. What it cannot read wholly and
/// exactly it refuses.</summary>
internal sealed class StateReader(int sessionsMax, int recoveriesKeptMax = 100)
{
    private readonly ReplicatedState _state = new(sessionsMax, recoveriesKeptMax);
    private readonly List<Promise> _promised = [];
    private EntryId? _last;

    /// <exception cref="WireFormatException">The block is not what the format says, or was written by a newer program.</exception>
    public void Add(ReadOnlySpan<byte> block)
    {
        var from = new WireReader(block);
        var (kind, version) = ((SectionKind)from.Byte(), from.Byte());
        if (kind == SectionKind.Head)
        {
            ReadHead(version, ref from);
            return;
        }

        if (_promised.Find(p => p.Kind == kind) is not { } promise || promise.Version != version)
            throw from.Malformed($"a block of part {(byte)kind}, version {version}, which the head of the snapshot does not name");
        var section = _state.SectionOf(kind)!;
        while (from.Left > 0)
        {
            section.Restore(version, ref from);
            promise.Seen++;
        }
    }

    /// <exception cref="WireFormatException">Something is missing.</exception>
    public ReplicatedState Finish()
    {
        if (_last is not { } last) throw new WireFormatException("the snapshot has no head", 0);
        foreach (var promise in _promised)
        {
            if (promise.Seen != promise.Records)
                throw new WireFormatException($"part {(byte)promise.Kind} of the snapshot has {promise.Seen} of {promise.Records} records", 0);
        }

#if VERIFY_MUTANTS
        var late = _state.Kv.List("").FirstOrDefault(pair => pair.ModifyIndex == last.Index.Value);
        if (Mutant.Is("M22", deviates: late is not null)) _state.Kv.Delete(new(late!.Key, null, null), last.Index.Value);
#endif
        _state.StandAt(last);
        return _state;
    }

    /// <summary>Whether this program can read a block that begins so.</summary>
    public static bool Knows(byte kind, byte version) => (SectionKind)kind == SectionKind.Head
        ? version == StateImage.HeadVersion
        : version > 0 && new ReplicatedState(1).SectionOf((SectionKind)kind) is { } section && version <= section.VersionMax;

    private void ReadHead(byte version, ref WireReader from)
    {
        if (version != StateImage.HeadVersion) throw from.Malformed($"a snapshot head of version {version}; this program reads version {StateImage.HeadVersion}");
        if (_last is not null) throw from.Malformed("a second head");
        _last = new(new(from.Number()), new(from.Number()));
        for (var left = from.Count(); left > 0; left--)
        {
            var promise = new Promise((SectionKind)from.Byte(), from.Byte(), from.Number());
            if (!Knows((byte)promise.Kind, promise.Version) || promise.Kind == SectionKind.Head)
                throw from.Malformed($"part {(byte)promise.Kind} of the state in version {promise.Version}, which this program does not know: a newer one wrote it");
            if (_promised.Exists(p => p.Kind == promise.Kind)) throw from.Malformed($"part {(byte)promise.Kind} twice");
            _promised.Add(promise);
        }

        from.End();
    }

    private sealed class Promise(SectionKind kind, byte version, long records)
    {
        public SectionKind Kind { get; } = kind;
        public byte Version { get; } = version;
        public long Records { get; } = records;
        public long Seen { get; set; }
    }
}
