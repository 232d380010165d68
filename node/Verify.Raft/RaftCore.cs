namespace Verify.Raft;

/// <summary>The consensus rules and nothing else: no clock, no socket, no file, no task, no lock.</summary>
public sealed class RaftCore
{
    /// <param name="log">Every durable entry, in order, from index 1.</param>
    public RaftCore(RaftOptions options, HardState hardState, IReadOnlyList<Entry> log) => throw new NotImplementedException();

    /// <summary>One beat of the node's own monotonic time.</summary>
    public void Tick() => throw new NotImplementedException();

    public void Receive(in Envelope envelope) => throw new NotImplementedException();

    /// <summary>Appends a command to the log if this node leads.</summary>
    public ProposeResult Propose(ReadOnlyMemory<byte> command) => throw new NotImplementedException();

    /// <summary>Asks for a linearizable read (ReadIndex, Raft thesis §6.4). Answered in <see cref="RaftWork.ReadsGranted"/>,
    /// or in <see cref="RaftWork.ReadsRefused"/> when this node does not lead or stops leading first.</summary>
    public void RequestRead(ReadTicket ticket) => throw new NotImplementedException();

    /// <summary>The disk answered: everything up to this entry is durable here.</summary>
    public void Appended(EntryId last) => throw new NotImplementedException();

    /// <summary>The state machine has applied everything up to here.</summary>
    public void Applied(LogIndex index) => throw new NotImplementedException();

    /// <summary>Hands leadership to a voter that is caught up, as soon as it is (thesis §3.10). False when this node
    /// does not lead or the target is no voter.</summary>
    public bool TransferLeadership(NodeId to) => throw new NotImplementedException();

    public bool TryTakeWork(out RaftWork work) => throw new NotImplementedException();

    public RaftStatus Status => throw new NotImplementedException();
}
