using System.Globalization;
using Verify.Raft;

namespace Verify.Sim.RaftOnly.Promises;

/// <summary>A command that was proposed once is applied at one place of the log only.</summary>
internal sealed class ExactlyOnce : Promise
{
    private readonly List<LogIndex> _appliedAt = [];

    public override string Name => "ExactlyOnce";

    public void Applied(SwarmNode node, Entry entry)
    {
        if (entry.Kind != EntryKind.Command || entry.Payload.Length != sizeof(long)) return;
        var command = (int)BitConverter.ToInt64(entry.Payload.Span);
        while (_appliedAt.Count <= command) _appliedAt.Add(LogIndex.Zero);
        var known = _appliedAt[command];
        if (known == LogIndex.Zero) _appliedAt[command] = entry.Index;
        else if (known != entry.Index)
            Break(string.Create(CultureInfo.InvariantCulture, $"n{node.Number + 1} applies command {command} at {entry.Id}; it was applied at {known} before"));
    }
}
