using System.Collections.Immutable;
using Verify.MySql;
using Verify.MySql.Gtid;
using Verify.Node.Loop;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>Before a promotion under a durable policy: is every commit that the dead primary acknowledged certainly among what the reached
/// servers have? A commit had w acknowledgements; if fewer than w of those who may acknowledge are out of reach, one of the reached
/// has it, and the chosen one has all that any of them has. (Vitess: a shard is promoted only when all but w-1 of its
/// acknowledgers were revoked.)</summary>
internal sealed class RequiredPosition(INodeServices services, TopologyModel model)
{
    private readonly Acknowledgers _acknowledgers = new(services, model);

    /// <summary>Why an acknowledged commit may be missing; null: none is.</summary>
    public string? Objection(RecoveryRecord recovery, ImmutableArray<Drained> drained, Gtids chosen)
    {
        var spec = services.Clusters.First(c => string.Equals(c.Alias, recovery.Cluster, StringComparison.Ordinal));
        if (!spec.SemiSync) return null;
        var all = _acknowledgers.Of(spec, recovery.Failed).Where(i => !IsElsewhere(spec, i.Key, recovery)).ToImmutableArray();
        var missing = all.Select(i => (i.Key, Why: WhyUnknown(i.Key, recovery, drained, chosen))).Where(m => m.Why is not null).ToImmutableArray();
        var waited = _acknowledgers.WaitedFor(spec, recovery.Failed);
        return Objection(spec.Durability, waited, all.Length, [.. missing.Select(m => $"{m.Key} ({m.Why})")]);
    }

    /// <summary>The rule itself. Pure.</summary>
    public static string? Objection(Durability durability, int waitedFor, int acknowledgers, ImmutableArray<string> missing)
    {
        if (missing.Length < waitedFor) return null;
        var needed = acknowledgers - waitedFor + 1;
        return $"the last acknowledged commit may be on a server that is not reached: durability {durability.Name} with {waitedFor} acknowledgement{(waitedFor == 1 ? "" : "s")} "
            + $"needs {Math.Max(needed, 0)} of {acknowledgers} acknowledging replicas, and not reached are {string.Join(", ", missing)}; "
            + "it is tried again when they come back; who accepts the loss uses force-master-failover";
    }

    /// <summary>The primary that is given up is itself reached: whatever it has acknowledged it has, if it has not been started anew since. So where the chosen
    /// one lacks nothing of that it does not matter who else is out of reach. (Its guardians died before they opened it, and the primary before it was still
    /// away: leader-dies-around-publishing, live, 2026-11-22.)</summary>
    public bool IsSaidBy(OldPrimary? old, RecoveryRecord recovery, Gtids chosen) =>
        old is { Facts: { IsReadOnly: true } facts } && facts.Flavor == chosen.Flavor && chosen.Contains(facts.Executed)
        && services.Ha.Cluster(recovery.Cluster) is { ChosenAfterMs: { } since } ledger && ledger.Primary == recovery.Failed
        && HasRunSince(since, services.GroupTime.AtMs, old.UptimeSeconds);

    /// <summary>A server was not started anew since then: one that lost its power may have lost the end of its binary log with it (sync_binlog other than 1, which
    /// is MariaDB's default), and with that what it had acknowledged. The clocks of the group and of the server may run apart by 1 % and a second.</summary>
    /// <param name="sinceMs">By the group's time, as <paramref name="nowMs"/>.</param>
    /// <param name="uptimeSeconds">Uptime (SHOW GLOBAL STATUS), which is rounded down; 0: not known.</param>
    public static bool HasRunSince(long sinceMs, long nowMs, long uptimeSeconds) => uptimeSeconds * 1_000 >= ((nowMs - sinceMs) * 1.01) + 1_000;

    /// <summary>It follows another member: what the primary sent it came through that one.</summary>
    private bool IsElsewhere(ClusterSpec spec, InstanceKey instance, RecoveryRecord recovery) =>
        spec.IsDeep && model.View(instance).Source is { } source && source != recovery.Failed && spec.Instances.Any(i => i.Key == source);

    private string? WhyUnknown(InstanceKey instance, RecoveryRecord recovery, ImmutableArray<Drained> drained, Gtids chosen)
    {
        var one = drained.FirstOrDefault(d => d.Instance.Key == instance);
        if (one is null) return instance == recovery.Successor ? null : "not among the replicas";
        if (one.Candidate is not null) return null;

        // No replica of anybody: an old primary, say, that came back a moment ago. What it has of its own is another matter.
        return one.Has is { } has && has.Flavor == chosen.Flavor && HasNothingOf(recovery.Failed, has.Except(chosen)) ? null : one.Problem;
    }

    /// <summary>On MySQL a GTID names the server where the commit was made.</summary>
    private bool HasNothingOf(InstanceKey failed, Gtids rest) => rest.IsEmpty
        || (rest.Flavor == MySql.Flavor.MySql && model.View(failed).Facts?.ServerUuid is { Length: > 0 } uuid && !rest.ToString().Contains(uuid, StringComparison.OrdinalIgnoreCase));
}

/// <summary>What a primary that is given up says of itself when it is asked.</summary>
internal sealed record OldPrimary(ServerFacts Facts, long UptimeSeconds);
