using System.Collections.Immutable;
using Verify.Raft;

namespace Verify.Sim.Exhaustive;

/// <summary>A log in one word: a byte for each entry, its term in the upper three bits and its command in the lower five (0: a barrier).</summary>
internal readonly record struct PackedLog(ulong Entries, int Count)
{
    private const int CommandBits = 5;

    public static PackedLog Of(ImmutableArray<Entry> entries)
    {
        if (entries.Length > ExhaustiveBounds.LogMax)
            throw new InvalidOperationException($"a log of {entries.Length} entries does not fit into a state; at most {ExhaustiveBounds.LogMax} do");
        var packed = 0ul;
        for (var i = 0; i < entries.Length; i++)
        {
            var command = entries[i].Kind == EntryKind.Command ? entries[i].Payload.Span[0] : 0;
            packed |= ((ulong)(entries[i].Term.Value << CommandBits) | (uint)command) << (8 * i);
        }
        return new(packed, entries.Length);
    }

    /// <summary>The entry at an index from 1 on.</summary>
    public byte this[int index] => (byte)(Entries >> (8 * (index - 1)));

    public int TermAt(int index) => this[index] >> CommandBits;

    /// <summary>Both hold the same up to here.</summary>
    public bool AgreesUpTo(PackedLog other, int index) =>
        index <= Count && index <= other.Count && (index == 0 || ((Entries ^ other.Entries) << (64 - (8 * index))) == 0);

    public bool HoldsAt(int index, byte entry) => index <= Count && this[index] == entry;

    public string Name(int index) => FormattableString.Invariant($"{TermAt(index)}.{index}");
}

/// <summary>What the promises ask of a node.</summary>
internal readonly record struct NodeFacts(int Number, RaftRole Role, int Term, int Commit, PackedLog Log, PackedLog DiskLog, ulong Matches)
{
    public bool IsLeader => Role == RaftRole.Leader;
    public string Name => FormattableString.Invariant($"n{Number + 1}");

    /// <summary>What a leader counts another node for.</summary>
    public int MatchOf(int node) => (int)(byte)(Matches >> (8 * node));

    public static NodeFacts Of(ExploredNode node)
    {
        var matches = 0ul;
        foreach (var peer in node.Core.Peers) matches |= (ulong)peer.Match.Value << (8 * RaftOnly.SwarmNames.NumberOf(peer.Peer));
        var log = PackedLog.Of(node.Core.Log);
        return new(node.Number, node.Core.Role, (int)node.Core.Term.Value, (int)node.Core.Commit.Value, log, PackedLog.Of(node.DiskLog), matches);
    }
}
