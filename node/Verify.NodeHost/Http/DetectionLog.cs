using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Telemetry;
using Verify.Node.Topology;

namespace Verify.NodeHost.Http;

/// <summary>The verdicts on primaries that this node reached while it led, and what came of those that called one dead: orchestrator's
/// replication-analysis-changelog and audit-failure-detection. Kept in memory: what another node saw while it led is asked of that node, and a
/// restart begins anew. What was done is in the ledger (audit-recovery).</summary>
internal sealed class DetectionLog(INodeEvents next, TimeProvider time) : INodeEvents
{
    private const int KeptMax = 1_000, PageRows = 20;
    private readonly Lock _gate = new();
    private readonly Queue<Verdict> _kept = new();
    private long _lastId;

    private sealed class Verdict(long id, DateTimeOffset at, NodeEvent.Verdict told)
    {
        public long Id => id;
        public DateTimeOffset At => at;
        public NodeEvent.Verdict Told => told;
        public bool IsFailure => told.Diagnosis.StartsWith("Dead", StringComparison.Ordinal) || told.Diagnosis is "UnguardedMaster" or "DiskStalledMaster";
        public long RecoveryId { get; set; }
        public string WhyNot { get; set; } = "";
    }

    public void Emit(NodeEvent happened)
    {
        lock (_gate) Take(happened);
        next.Emit(happened);
    }

    private void Take(NodeEvent happened)
    {
        switch (happened)
        {
            case NodeEvent.Verdict verdict:
                _kept.Enqueue(new(++_lastId, time.GetUtcNow(), verdict));
                if (_kept.Count > KeptMax) _kept.Dequeue();
                break;
            case NodeEvent.Recovery { Phase: "opened" } opened when LastFailureOf(opened.Cluster) is { } failure:
                (failure.RecoveryId, failure.WhyNot) = (opened.RecoveryId, "");
                break;
            case NodeEvent.RecoverySkipped skipped when LastFailureOf(skipped.Cluster) is { } failure && failure.Told.Instance == skipped.Instance:
                failure.WhyNot = skipped.Reason;
                break;
            default:
                break;
        }
    }

    private Verdict? LastFailureOf(string cluster) => _kept.LastOrDefault(v => v.Told.Cluster == cluster) is { IsFailure: true, RecoveryId: 0 } last ? last : null;

    public void Map(IEndpointRouteBuilder routes)
    {
        const string audit = "/api/audit-failure-detection";
        routes.MapGet("/api/replication-analysis-changelog", Changelog);
        routes.MapGet(audit, () => Failures(static _ => true, 0));
        routes.MapGet($"{audit}/{{page:int}}", (int page) => Failures(static _ => true, page));
        routes.MapGet($"{audit}/id/{{id:long}}", (long id) => Failures(v => v.Id == id, 0));
        routes.MapGet($"{audit}/alias/{{alias}}", (string alias) => Failures(v => v.Told.Cluster == alias, 0));
        routes.MapGet($"{audit}/alias/{{alias}}/{{page:int}}", (string alias, int page) => Failures(v => v.Told.Cluster == alias, page));
    }

    /// <summary>By server, in orchestrator's form: "time;code,".</summary>
    private IResult Changelog()
    {
        lock (_gate)
        {
            return Results.Json(_kept.GroupBy(static v => v.Told.Instance, StringComparer.Ordinal).OrderBy(static g => g.Key, StringComparer.Ordinal)
                .Select(static g => new { AnalyzedInstanceKey = Key(g.Key), Changelog = g.Select(static v => $"{Text(v.At)};{v.Told.Diagnosis},").ToArray() }).ToArray());
        }
    }

    /// <summary>Newest first; rows of orchestrator's TopologyRecovery, as it has them there.</summary>
    private IResult Failures(Func<Verdict, bool> isMeant, int page)
    {
        lock (_gate)
        {
            return Results.Json(_kept.Where(v => v.IsFailure && isMeant(v)).Reverse().Skip(Math.Max(0, page) * PageRows).Take(PageRows).Select(static v => new
            {
                v.Id,
                AnalysisEntry = new { AnalyzedInstanceKey = Key(v.Told.Instance), Analysis = v.Told.Diagnosis, ClusterDetails = new { ClusterName = v.Told.Cluster, ClusterAlias = v.Told.Cluster } },
                RecoveryStartTimestamp = Text(v.At),
                ProcessingNodeHostname = v.Told.Node,
                RelatedRecoveryId = v.RecoveryId,
                v.Told.Votes,
                Reason = v.WhyNot,
            }).ToArray());
        }
    }

    private static object Key(string instance)
    {
        var colon = instance.LastIndexOf(':');
        return RecoveryShapes.Key(new InstanceKey(instance[..colon], int.Parse(instance[(colon + 1)..], System.Globalization.CultureInfo.InvariantCulture)));
    }

    private static string Text(DateTimeOffset at) => at.ToString("yyyy-MM-dd HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture);
}
