using Verify.Raft;

namespace Verify.Sim.RaftOnly;

/// <summary>Snapshots that come from leaders: the pieces of one that is under way, and whole ones that wait to be installed.</summary>
internal sealed class SwarmReception
{
    private readonly List<SwarmSnapshot> _arrived = [];
    private SnapshotId? _id;
    private byte[] _bytes = [];
    private long _received;

    /// <summary>Stores a piece. What there is now, or the whole when it is complete and its checksum is right.</summary>
    public (long Received, SwarmSnapshot? Whole) Store(Message.SnapshotChunk chunk)
    {
        if (_id != chunk.Id)
        {
            if (chunk.Offset != 0) return (0, null);
            (_id, _bytes, _received) = (chunk.Id, new byte[chunk.Id.Bytes], 0);
        }
        if (chunk.Offset > _received || chunk.Offset + chunk.Bytes.Length <= _received) return (_received, null);
        chunk.Bytes.Span.CopyTo(_bytes.AsSpan((int)chunk.Offset));
        _received = chunk.Offset + chunk.Bytes.Length;
        if (_received < chunk.Id.Bytes) return (_received, null);
        _id = null;
        if (SwarmSnapshot.Crc(_bytes) != chunk.Id.Crc) return (0, null);
        var whole = new SwarmSnapshot(new SnapshotMark(chunk.Id.Last, chunk.Membership), _bytes);
        _arrived.Add(whole);
        return (_received, whole);
    }

    /// <summary>The whole snapshot that the core wants installed.</summary>
    public SwarmSnapshot TakeArrived(EntryId last)
    {
        var at = _arrived.FindLastIndex(snapshot => snapshot.Last == last);
        if (at < 0) throw new InvariantBrokenException($"a snapshot of {last} is to be installed, which never arrived");
        var taken = _arrived[at];
        _arrived.RemoveRange(0, at + 1);
        return taken;
    }

    /// <summary>Whole snapshots that were never installed are thrown away at a start.</summary>
    public void Crash(bool keepsPieces)
    {
        _arrived.Clear();
        if (!keepsPieces) _id = null;
    }
}
