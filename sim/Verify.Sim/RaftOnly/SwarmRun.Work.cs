using Verify.Raft;
using Verify.Sim.Scheduling;

namespace Verify.Sim.RaftOnly;

/// <summary>What a node does with the work that its core hands out, as production does it: disk, messages, state machine, snapshots.</summary>
internal sealed partial class SwarmRun
{
    /// <summary>After every input: look, then carry out the work that follows.</summary>
    private void After(SwarmNode node)
    {
        var worked = node.Core.TryTakeWork(out var work);
        var installs = worked ? Took(node, work) : null;
        _promises.Observe(node);
        _hash.Add((int)node.Core.Role, node.Number, (node.Core.Term.Value << 32) ^ node.Core.Commit.Value);
        while (worked)
        {
            CarryOut(node, work, installs);
            worked = node.Core.TryTakeWork(out work);
            if (worked) installs = Took(node, work);
        }
    }

    private SwarmSnapshot? Took(SwarmNode node, RaftWork work)
    {
        _tale?.Work(_step, node, work);
        var installs = node.Took(work);
        if (installs is not null)
        {
            _counts.Installs++;
            _timeline?.Saw(node.Number, InstallKind, StateOf(node));
        }

        _promises.Took(node, work, installs);
        return installs;
    }

    private void CarryOut(SwarmNode node, RaftWork work, SwarmSnapshot? installs)
    {
        foreach (var envelope in work.SendNow) Send(node, envelope);
        foreach (var entry in work.Apply) _promises.Apply(node, entry);
        if (!work.Apply.IsEmpty) node.Core.Applied(work.Apply[^1].Index);
        foreach (var send in work.SnapshotSends) SendPiece(node, send);
        foreach (var piece in work.SnapshotPieces) node.Store(piece, _step + DrawSync());
        var syncSteps = work.NeedsSync ? DrawSync() : 0;
        var discards = work.DiscardUpTo > LogIndex.Zero && _choices.Next(ChoiceKind.Value, 2) == 0;
        node.Disk.Begin(work, installs, discards, _step + syncSteps);
        DiskDue(node);
    }

    private int DrawSync() => _choices.Next(ChoiceKind.Delay, _options.SyncStepsMax + 1);

    /// <summary>What the disk has finished by now, in the order in which it was asked.</summary>
    private void DiskDue(SwarmNode node)
    {
        while (node.Disk.HasDue(_step))
        {
            var work = node.Disk.Sync(out var replacedFrom);
            _promises.Synced(node, work, replacedFrom);
            if (work.NeedsSync) _tale?.Tell(_step, $"n{node.Number + 1} has synced");
            foreach (var envelope in work.SendWhenDurable) Send(node, envelope);
            if (work.Append.IsEmpty && work.Install is null) continue;
            node.Core.Appended(work.Append.IsEmpty ? work.Install!.Last : work.Append[^1].Id);
            After(node);
        }
        while (node.HasPieceDue(_step)) StorePiece(node, node.TakePiece());
        if (node.IsSnapshotDue(_step)) EndSnapshot(node);
    }

    private void Send(SwarmNode node, in Envelope envelope)
    {
        _promises.Spoke(node, envelope);
        _network.Send(node.Number, SwarmNames.NumberOf(envelope.To), envelope, _now);
    }

    private void TakeSnapshot(SwarmNode node)
    {
        if (!node.IsUp || !node.BeginSnapshot(_step + DrawSync())) return;
        _hash.Add((int)Happening.Snapshot, node.Number, node.Applied.Value);
        _tale?.Tell(_step, $"n{node.Number + 1} begins a snapshot of {node.State.Last}");
        DiskDue(node);
    }

    private void EndSnapshot(SwarmNode node)
    {
        var made = node.EndSnapshot();
        _counts.Snapshots++;
        _promises.SnapshotMade(node, made);
        _tale?.Tell(_step, $"n{node.Number + 1} has a snapshot of {made.Last}");
        node.Core.SnapshotTaken(made.Mark);
        After(node);
    }

    /// <summary>A piece of the newest durable snapshot, if that is still the one that was meant.</summary>
    private void SendPiece(SwarmNode node, SnapshotSend send)
    {
        if (node.Disk.Snapshot is not { } snapshot || snapshot.Last != send.Snapshot || send.Term != node.Core.Term) return;
        if (send.Offset > snapshot.Bytes.Length) return;
        var length = Math.Min(_options.PieceBytes, snapshot.Bytes.Length - (int)send.Offset);
        var bytes = snapshot.Bytes.AsSpan((int)send.Offset, length).ToArray();
        if (_options.RotPerMille > 0 && !_network.FaultsAreOff && _choices.Next(ChoiceKind.Fault, 1000) < _options.RotPerMille) bytes[0] ^= 1;
        Send(node, new Envelope(node.Core.Self, send.To, send.Term, new Message.SnapshotChunk(snapshot.Id, snapshot.Mark.Membership, send.Offset, bytes, 0)));
    }

    private void StorePiece(SwarmNode node, SnapshotPiece piece)
    {
        var (received, whole) = node.Reception.Store(piece.Chunk);
        _hash.Add((int)Happening.Snapshot, node.Number | 0x80, received);
        if (whole is null) node.Core.SnapshotPieceStored(piece, received);
        else node.Core.SnapshotArrived(piece, whole.Mark);
        After(node);
    }
}
