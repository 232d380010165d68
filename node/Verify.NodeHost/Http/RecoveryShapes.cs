using System.Globalization;
using Verify.Node.Api;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;

namespace Verify.NodeHost.Http;

/// <summary>orchestrator's TopologyRecovery and its steps (go/logic/topology_recovery.go:91-127), with what we have beyond them.</summary>
internal static class RecoveryShapes
{
    public static object Of(RecoveryPicture r)
    {
        var record = r.Record;
        return new
        {
            r.Id,
            UID = UidOf(r.Cluster, r.Id),
            AnalysisEntry = new { AnalyzedInstanceKey = Key(r.Failed), r.Analysis, ClusterDetails = new { ClusterName = r.Cluster, ClusterAlias = r.Cluster } },
            SuccessorKey = r.Successor is { } s ? Key(s) : null,
            SuccessorAlias = "",
            IsActive = r.IsOpen,
            r.IsSuccessful,
            LostReplicas = r.Lost.Select(l => KeyOf(l.Instance)),
            LostReasons = r.Lost.ToDictionary(l => l.Instance, l => l.Why, StringComparer.Ordinal),
            ParticipatingInstanceKeys = Array.Empty<object>(),
            AllErrors = record?.Steps.Where(st => st.Failures > 0).Select(st => $"{st.Step}: {st.Detail}") ?? [],
            RecoveryStartTimestamp = Time(record?.OpenedAt.WallMs ?? 0),
            RecoveryEndTimestamp = Time(record?.ClosedAt.WallMs ?? 0),
            Acknowledged = record?.Acknowledged is not null,
            AcknowledgedAt = Time(record?.Acknowledged?.AtWallMs ?? 0),
            AcknowledgedBy = record?.Acknowledged?.By ?? "",
            AcknowledgedComment = record?.Acknowledged?.Comment ?? "",
            Type = RecoveryPlan.ReplacesPrimary(record?.Kind ?? default) ? "MasterRecovery" : "IntermediateMasterRecovery",
            Kind = $"{record?.Kind}",
            RequestedBy = record?.By ?? "",
            Token = record?.Published?.Value ?? 0,
            Votes = record?.Votes ?? "",
            Closing = record?.Closing ?? "",
            r.Steps,
        };
    }

    public static IEnumerable<object> StepsOf(RecoveryPicture r) => (r.Record?.Steps ?? []).Select((step, i) => (object)new
    {
        Id = i + 1,
        RecoveryUID = UidOf(r.Cluster, r.Id),
        AuditAt = Time(r.Record!.OpenedAt.WallMs),
        Message = $"{step.Step} {step.Target}: {(step.IsDone ? "done" : step.Failures > 0 ? $"failed {step.Failures} times" : "begun")}{(step.Detail.Length > 0 ? $": {step.Detail}" : "")}",
        Step = step.Step.ToString(),
        step.Target,
        step.Intents,
        step.Failures,
        step.IsDone,
        step.Detail,
    });

    public static string UidOf(string cluster, long id) => $"{cluster}:{id.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>0, which no recovery has, for a text that is no UID.</summary>
    public static long IdOf(string uid) => long.TryParse(uid[(uid.LastIndexOf(':') + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : 0;

    public static object Key(InstanceKey key) => new { Hostname = key.Host, key.Port };

    /// <summary>RFC 3339; empty for 0.</summary>
    public static string Time(long wallMs) =>
        wallMs > 0 ? DateTimeOffset.FromUnixTimeMilliseconds(wallMs).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture) : "";

    private static object KeyOf(string instance)
    {
        var key = InstanceKey.Parse(instance);
        return Key(key);
    }
}
