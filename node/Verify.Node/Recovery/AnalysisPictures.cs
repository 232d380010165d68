using Verify.MySql;
using Verify.Node.Api;
using Verify.Node.Failures;
using Verify.Node.Loop;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>Verdicts, ready to be shown. Reads only.</summary>
internal static class AnalysisPictures
{
    /// <param name="primary">The verdict on the agreed primary, by the quorum's rules: it counts before the one that the structure alone gives.</param>
    public static AnalysisEntry Of(ServerAnalysis a, Diagnosis? primary, string cluster, string alias)
    {
        var counts = primary is not null && a.Server.Key == primary.Instance;
        var code = counts && !IsFiner(a.Code, primary!.Code) ? primary!.Code : a.Code;
        var (server, d) = (a.Server, a.Server.Details);
        var logging = a.Replicas.Where(static r => r is { HasBinlog: true, Details.LogsReplicaUpdates: true }).ToArray();
        long Logging(string format) => logging.Count(r => string.Equals(r.Details!.BinlogFormat, format, StringComparison.OrdinalIgnoreCase));
        string[] modes = [.. a.Replicas.Where(static r => r.Details is not null).Select(static r => r.Details!.GtidMode).Order(StringComparer.Ordinal)];
        var votes = counts ? primary!.Votes : server.Votes;
        return new(cluster, server.Key, code.ToString(), counts && code == primary!.Code && code != DiagnosisCode.NoProblem ? primary.Description : a.Description)
        {
            Source = server.Source, Alias = alias, DataCenter = server.DataCenter, Binlog = d?.Binlog.ToString() ?? "",
            Condition = counts ? ConditionText(primary!.Condition) : "", GtidMode = d?.GtidMode ?? "",
            ReplicaGtidModeMin = modes.FirstOrDefault(""), ReplicaGtidModeMax = modes.LastOrDefault(""),
            ReplicaErrant = a.Replicas.Select(static r => r.Errant).FirstOrDefault(static e => e.Length > 0) ?? "",
            Warnings = [.. a.Warnings.Select(static w => w.ToString())],
            Flags = FlagsOf(a, code),
            Numbers =
            [
                a.ValidReplicas, a.ReadingReplicas, a.FailingReplicas, a.Replicas.Count(static r => r.IsDowntimed), a.Depth,
                d?.SemiSyncWaitFor ?? 0, d?.SemiSyncClients ?? 0, a.Replicas.Count(static r => r.Details is { SemiSyncReplicaEnabled: true }),
                logging.Length, Logging("STATEMENT"), Logging("MIXED"), Logging("ROW"),
                logging.Select(static r => (r.Version.Major, r.Version.Minor)).Distinct().Count(), a.DelayedReplicas, a.LaggingReplicas,
                votes.Count(static v => v.Kind == VoteKind.Down),
            ],
            Votes = Pictures.Of(votes),
            Replicas = [.. a.Replicas.Select(WordOf)],
        };
    }

    private static ReplicaWord WordOf(SeenServer replica) => new(
        replica.Key, !replica.IsReached ? "not reached" : replica.IsReading ? "reads" : "does not read",
        replica.IoThread?.ToString() ?? "", replica.SqlThread?.ToString() ?? "", Pictures.Of(replica.Votes));

    private static AnalysisFlags FlagsOf(ServerAnalysis a, DiagnosisCode code)
    {
        AnalysisFlags When(bool isSo, AnalysisFlags flag) => isSo ? flag : AnalysisFlags.None;
        var (server, d) = (a.Server, a.Server.Details);
        var withGtid = a.Replicas.Length > 0 && a.Replicas.All(static r => r.UsesGtid);
        return When(a.IsPrimary, AnalysisFlags.IsMaster) | When(a.IsCoPrimary, AnalysisFlags.IsCoMaster)
            | When(server.IsReached, AnalysisFlags.LastCheckValid) | When(server.IsReachedPartly, AnalysisFlags.LastCheckPartialSuccess)
            | When(server.IsFailingToConnect, AnalysisFlags.IsFailingToConnectToMaster)
            | When(withGtid && server.Version.Flavor == Flavor.MySql, AnalysisFlags.OracleGtid) | When(withGtid && server.Version.Flavor == Flavor.MariaDb, AnalysisFlags.MariaGtid)
            | When(d is { SemiSyncSourceEnabled: true }, AnalysisFlags.SemiSyncMasterEnabled) | When(d is { SemiSyncSourceStatus: true }, AnalysisFlags.SemiSyncMasterStatus)
            | When(Diagnosis.Calls(code), AnalysisFlags.IsActionable) | When(server.IsReadOnly, AnalysisFlags.IsReadOnly)
            | When(server.IsDowntimed, AnalysisFlags.IsDowntimed) | When(a.Replicas.Length > 0 && a.Replicas.All(static r => r.IsDowntimed), AnalysisFlags.IsReplicasDowntimed);
    }

    /// <summary>The structure says more than the quorum's verdict, and nothing else.</summary>
    private static bool IsFiner(DiagnosisCode structure, DiagnosisCode quorum) => (structure, quorum) switch
    {
        (DiagnosisCode.UnreachableMasterWithLaggingReplicas, DiagnosisCode.UnreachableMaster) => true,
        (DiagnosisCode.LockedSemiSyncMaster or DiagnosisCode.LockedSemiSyncMasterHypothesis or DiagnosisCode.MasterWithTooManySemiSyncReplicas, DiagnosisCode.NoProblem) => true,
        _ => false,
    };

    private static string ConditionText(PrimaryCondition condition) => condition switch
    {
        PrimaryCondition.Answers => "answers",
        PrimaryCondition.Silent => "silent",
        PrimaryCondition.Refuses => "refuses",
        PrimaryCondition.Hung => "hung",
        PrimaryCondition.TurnsDown => "turns down",
        PrimaryCondition.Stalled => "stalled",
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
