using System.Globalization;
using Verify.Chaos.Worlds;
using Verify.Checks;
using Verify.Node.Telemetry;

namespace Verify.Chaos.Simulated;

/// <summary>What simulated nodes say of themselves → events of the run, with the names and fields that a live node writes.</summary>
internal static class NodeEventMapping
{
    public static void Add(EventLog log, long atUs, long step, string dataCenter, NodeEvent happened)
    {
        static string N(long number) => number.ToString(CultureInfo.InvariantCulture);
        static string B(bool value) => value ? "true" : "false";
        static string S(string identity) => NodeNames.Short(identity);
        switch (happened)
        {
            case NodeEvent.Applied(var node, var index, var term, var hash):
                log.Add(new RunEvent(atUs, step, EventKinds.Applied, S(node), dataCenter, new AppliedFields(index, term, hash)));
                break;
            case NodeEvent.Started(var node, _, var recovered, var last):
                log.Add(EventKinds.Started, S(node), dataCenter, atUs, step, ("recovered", B(recovered)), ("lastIndex", N(last)));
                break;
            case NodeEvent.RoleChanged(var node, var role, var term, var leader):
                log.Add(EventKinds.RoleChanged, S(node), dataCenter, atUs, step, ("role", role), ("term", N(term)), ("leader", S(leader ?? "")));
                break;
            case NodeEvent.LeaderLease(var node, var term, var held, 0):
                log.Add(EventKinds.LeaderLease, S(node), dataCenter, atUs, step, ("term", N(term)), ("held", B(held)));
                break;
            case NodeEvent.LeaderLease(var node, var term, var held, var lateUs):
                log.Add(EventKinds.LeaderLease, S(node), dataCenter, atUs, step, ("term", N(term)), ("held", B(held)), ("lateUs", N(lateUs)));
                break;
            case NodeEvent.QuorumSeen(var node, var inQuorum):
                log.Add(EventKinds.QuorumSeen, S(node), dataCenter, atUs, step, ("inQuorum", B(inQuorum)));
                break;
            case NodeEvent.Verdict(var node, var cluster, var instance, var diagnosis, var votes):
                log.Add(EventKinds.VerdictReached, S(node), dataCenter, atUs, step, ("cluster", cluster), ("instance", S(instance)), ("diagnosis", diagnosis), ("votes", votes));
                break;
            case NodeEvent.WriteLease(var node, var cluster, var instance, var token, var held):
                log.Add(EventKinds.WriteLease, S(node), dataCenter, atUs, step, ("cluster", cluster), ("instance", S(instance)), ("token", N(token)), ("held", B(held)));
                break;
            case NodeEvent.Fencing(var node, var cluster, var instance, var token, var phase, var by):
                log.Add(EventKinds.Fencing, S(node), dataCenter, atUs, step, ("cluster", cluster), ("instance", S(instance)), ("token", N(token)), ("phase", phase), ("by", by));
                break;
            case NodeEvent.Opened(var node, var cluster, var instance, var token):
                log.Add(EventKinds.Opened, S(node), dataCenter, atUs, step, ("cluster", cluster), ("instance", S(instance)), ("token", N(token)));
                break;
            case NodeEvent.DeadMan(var node, var cluster, var instance, var state, var detail):
                log.Add(EventKinds.DeadMan, S(node), dataCenter, atUs, step, ("cluster", cluster), ("instance", S(instance)), ("state", state), ("detail", detail));
                break;
            case NodeEvent.Recovery(var node, var cluster, var id, var phase, var name, var detail):
                log.Add(EventKinds.Recovery, S(node), dataCenter, atUs, step,
                    ("cluster", cluster), ("recoveryId", N(id)), ("phase", phase), ("step", name), ("detail", detail));
                break;
            case NodeEvent.RecoverySkipped(var node, var cluster, var instance, var analysis, var code, var reason):
                log.Add(EventKinds.RecoverySkipped, S(node), dataCenter, atUs, step,
                    ("cluster", cluster), ("instance", S(instance)), ("analysis", analysis), ("code", code), ("reason", reason));
                break;
            case NodeEvent.SemiSyncRepaired(var node, var cluster, var instance, var why):
                log.Add(EventKinds.SemiSyncRepaired, S(node), dataCenter, atUs, step, ("cluster", cluster), ("instance", S(instance)), ("why", why));
                break;
            case NodeEvent.Acting(var node, var cluster, var id, var name, var term):
                log.Add(EventKinds.Acting, S(node), dataCenter, atUs, step, ("cluster", cluster), ("recoveryId", N(id)), ("step", name), ("term", N(term)));
                break;
            case NodeEvent.Sampled(var node, var instance, var age):
                log.Add(EventKinds.Sampled, S(node), dataCenter, atUs, step, ("instance", S(instance)), ("ageMs", age.ToString("0.###", CultureInfo.InvariantCulture)));
                break;
            case NodeEvent.DiskFull(var node, var full):
                log.Add(EventKinds.DiskFull, S(node), dataCenter, atUs, step, ("full", B(full)));
                break;
            case NodeEvent.Halted(var node, var reason):
                log.Add(EventKinds.Halted, S(node), dataCenter, atUs, step, ("reason", reason));
                break;
            case NodeEvent.SnapshotInstalled(var node, var index, var term, _):
                log.Add(EventKinds.SnapshotInstalled, S(node), dataCenter, atUs, step, ("index", N(index)), ("term", N(term)));
                break;
            case NodeEvent.MembershipChanged or NodeEvent.Removed or NodeEvent.SnapshotTaken:
                break; // No check of a scenario asks for these yet.
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }
}
