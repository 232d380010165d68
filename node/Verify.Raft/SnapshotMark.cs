namespace Verify.Raft;

/// <summary>What Raft must know of a snapshot: everything up to and including <see cref="Last"/> is in it, and who the members were
/// at that place of the log (Raft paper §7).</summary>
public sealed record SnapshotMark(EntryId Last, Membership Membership);

/// <summary>Names the bytes of one snapshot. Two nodes that made a snapshot of the same entry have the same bytes, so that a transfer can
/// be resumed from another leader.</summary>
/// <param name="Last">The last entry in it.</param>
/// <param name="Bytes">The length of its plain content stream.</param>
/// <param name="Crc">CRC-32C of that stream.</param>
public readonly record struct SnapshotId(EntryId Last, long Bytes, uint Crc);

/// <summary>The outside must read a piece of its newest snapshot and send it to a follower as <see cref="Message.SnapshotChunk"/> in this
/// term; nothing when the node's term or snapshot has changed meanwhile.</summary>
/// <param name="Offset">Where in the snapshot's stream the follower goes on; 0 at the start, and again when the snapshot is another one
/// than the follower has begun to receive.</param>
public readonly record struct SnapshotSend(NodeId To, Term Term, EntryId Snapshot, long Offset);

/// <summary>A piece of a snapshot has come from the leader; the outside stores it and answers with
/// <see cref="RaftCore.SnapshotPieceStored"/>, or, when it was the last and the whole is checked and durable, with
/// <see cref="RaftCore.SnapshotArrived"/>.</summary>
public readonly record struct SnapshotPiece(NodeId From, Term Term, Message.SnapshotChunk Chunk);
