using Verify.Node.Telemetry;
using Verify.Sim.Tracing;

namespace Verify.Chaos.Mutants;

/// <summary>Watches, while a world of whole nodes runs, what needs no history to judge: at most one leader in a term (Raft, figure 3,
/// "Election Safety"), no two entries applied at one index ("State Machine Safety"), and no node that stops itself.</summary>
internal sealed class LogPromises
{
    private readonly SortedDictionary<long, string> _leaderOf = [];
    private readonly SortedDictionary<long, ulong> _entryAt = [];

    /// <summary>The first promise that did not hold; null while all hold.</summary>
    public Discovery? Broken { get; private set; }

    public int Elections { get; private set; }
    public string? LastLeader { get; private set; }

    public void See(NodeEventAt seen)
    {
        switch (seen.Event)
        {
            case NodeEvent.RoleChanged { Role: "Leader" } role:
                (Elections, LastLeader) = (Elections + 1, seen.Host);
                if (!_leaderOf.TryAdd(role.Term, seen.Host) && _leaderOf[role.Term] != seen.Host)
                    Broken ??= new("singleLeader", $"{_leaderOf[role.Term]} and {seen.Host} both led term {role.Term}");
                break;
            case NodeEvent.Applied applied:
                if (!_entryAt.TryAdd(applied.Index, applied.Hash) && _entryAt[applied.Index] != applied.Hash)
                    Broken ??= new("sameLog", $"{seen.Host} applied another entry at {applied.Index} than a node before it");
                break;
            case NodeEvent.Halted halted:
                Broken ??= new(Discovery.InvariantHalt, $"{seen.Host}: {halted.Reason}");
                break;
            default:
                break;
        }
    }
}
