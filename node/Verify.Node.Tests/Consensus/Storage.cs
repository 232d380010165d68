using System.Collections.Immutable;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Verify.Node.Consensus;
using Verify.Node.Loop;
using Verify.Node.State;
using Verify.Node.Tests.Fakes;
using Verify.Raft;

namespace Verify.Node.Tests.Consensus;

/// <summary>Data directories for the tests of the disk's side.</summary>
internal static class Storage
{
    public static readonly DataOwner Owner = new("verify", new("n1"));
    public static readonly DataKeys OneKey = new([new("k1", Encoding.ASCII.GetBytes("0123456789abcdef0123456789abcdef"))]);
    public static readonly DataKeys TwoKeys = new([new("k2", Encoding.ASCII.GetBytes("fedcba9876543210fedcba9876543210")), OneKey.Keys[0]]);
    public static readonly Membership Three = Membership.OfVoters([new("n1"), new("n2"), new("n3")]);

    public static DataKeys Keys(bool isSealed) => isSealed ? OneKey : DataKeys.None;

    public static DataDirectory Open(FakeDisk disk, DataKeys? keys = null, bool hasPeers = false, int segmentBytesMax = 300, DataOwner? owner = null, ulong seed = 1) =>
        Do(DataDirectory.OpenAsync(disk, owner ?? Owner, new(segmentBytesMax, keys ?? DataKeys.None, new(seed)), new SnapshotSettings(), hasPeers, NullLogger.Instance));

    public static SnapshotStore Snapshots(FakeDisk disk, DataKeys? keys = null, DataOwner? owner = null, ulong seed = 1) =>
        Do(SnapshotStore.OpenAsync(disk, owner ?? Owner, keys ?? DataKeys.None, new SnapshotSettings(), new(seed), NullLogger.Instance));

    /// <summary>A directory with a vote in term 9 and entries 1 to <paramref name="entries"/>, a term for each ten.</summary>
    public static DataDirectory Filled(FakeDisk disk, int entries, DataKeys? keys = null)
    {
        var data = Open(disk, keys);
        Do(data.HardState.WriteAsync(new(new(9), new NodeId("n2"))));
        if (entries > 0) Append(data, 1, entries);
        return data;
    }

    public static void Append(DataDirectory data, int from, int to)
    {
        for (var i = from; i <= to; i++) Do(data.Log.AppendAsync([Entry(i)]));
    }

    public static EntryId Id(int index) => new(new(1 + (index / 10)), new(index));

    public static Entry Entry(int index) => index % 10 == 0
        ? new(Id(index), EntryKind.Barrier, default)
        : new(Id(index), EntryKind.Command, CommandCodec.Encode(CommandAt(index)));

    public static Command.KvPut CommandAt(int index) => new($"key{index % 7}", Encoding.UTF8.GetBytes($"value {index}"), (ulong)index, null, new($"s{index % 3}", index));

    /// <summary>The state after entries 1 to this one.</summary>
    public static ReplicatedState StateAt(int upTo)
    {
        var state = new ReplicatedState(100);
        for (var i = 1; i <= upTo; i++) Apply(state, Entry(i));
        return state;
    }

    public static void Apply(ReplicatedState state, Entry entry) =>
        state.Apply(entry.Id, entry.Kind == EntryKind.Command ? CommandCodec.Decode(entry.Payload.Span) : null);

    public static SnapshotMark Mark(int last) => new(Id(last), Three);

    public static SnapshotFile Snapshot(SnapshotStore store, int last) => Do(store.WriteAsync(StateAt(last).Freeze(), Mark(last)));

    public static ReplicatedState Restore(SnapshotStore store) => Do(store.RestoreAsync(store.Newest!, 100, 100));

    /// <summary>The state that a node starts with: the newest snapshot and what follows it in the log.</summary>
    public static ReplicatedState StateOf(DataDirectory data)
    {
        var state = data.Snapshots.Newest is null ? new(100) : Restore(data.Snapshots);
        foreach (var entry in data.Entries.Where(e => e.Index > state.Applied.Index)) Apply(state, entry);
        return state;
    }

    public static bool Same(Entry a, Entry b) => a.Id == b.Id && a.Kind == b.Kind && a.Payload.Span.SequenceEqual(b.Payload.Span);

    public static byte[] Flip(byte[] bytes, int at)
    {
        var flipped = bytes.ToArray();
        flipped[at] ^= 0x10;
        return flipped;
    }

    /// <summary>The whole content stream of a snapshot.</summary>
    public static byte[] Stream(SnapshotStore store, EntryId last, int piece = 1 << 20)
    {
        var bytes = new List<byte>();
        while (Do(store.ReadAsync(last, bytes.Count, piece)) is { Length: > 0 } part) bytes.AddRange(part.Span);
        return [.. bytes];
    }

    public static SnapshotPiece Piece(SnapshotFile snapshot, byte[] stream, int offset, int length) => new(
        new("n2"), new(9), new(snapshot.Id, snapshot.Mark.Membership, offset, stream.AsMemory(offset, Math.Min(length, stream.Length - offset)), 0));

    public static T Do<T>(ValueTask<T> task) => task.AsTask().GetAwaiter().GetResult();
    public static void Do(ValueTask task) => task.AsTask().GetAwaiter().GetResult();

    /// <summary>A copy of everything that is on the disk, with one file changed (null: without it).</summary>
    public static FakeDisk With(this FakeDisk disk, string name, byte[]? bytes)
    {
        var copy = new FakeDisk();
        foreach (var file in disk.List())
        {
            if (file != name) copy.Put(file, disk.Read(file));
            else if (bytes is not null) copy.Put(file, bytes);
        }

        return copy;
    }

    public static ImmutableArray<string> Segments(this FakeDisk disk) => [.. disk.List().Where(LogCodec.IsSegmentName)];
}
