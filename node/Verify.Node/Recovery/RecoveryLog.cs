using Microsoft.Extensions.Logging;
using Verify.Node.Failures;
using Verify.Node.State;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;
using Verify.Raft;

namespace Verify.Node.Recovery;

/// <summary>What the high-availability part says to people.</summary>
internal static partial class RecoveryLog
{
    [LoggerMessage(EventId = 400, Level = LogLevel.Warning, Message = "{Instance} is not closed yet ({By}): {Problem}")]
    public static partial void ClosingFailed(ILogger log, InstanceKey instance, string by, string problem);

    [LoggerMessage(EventId = 401, Level = LogLevel.Debug, Message = "the clients of {Instance} could not be ended: {Problem}")]
    public static partial void SweepFailed(ILogger log, InstanceKey instance, string problem);

    [LoggerMessage(EventId = 402, Level = LogLevel.Debug, Message = "session {Session} of {Instance} was already gone")]
    public static partial void SessionGone(ILogger log, InstanceKey instance, long session);

    [LoggerMessage(EventId = 403, Level = LogLevel.Warning, Message = "{Instance} was not opened: {Problem}")]
    public static partial void OpeningFailed(ILogger log, InstanceKey instance, string problem);

    [LoggerMessage(EventId = 404, Level = LogLevel.Debug, Message = "stopped: {What}")]
    public static partial void Stopped(ILogger log, string what);

    [LoggerMessage(EventId = 405, Level = LogLevel.Warning, Message = "a report of {Peer} is not readable: {Problem}")]
    public static partial void BadReport(ILogger log, NodeId peer, string problem);

    [LoggerMessage(EventId = 406, Level = LogLevel.Information, Message = "{Cluster}: {Code}. {Description}")]
    public static partial void Verdict(ILogger log, string cluster, DiagnosisCode code, string description);

    [LoggerMessage(EventId = 407, Level = LogLevel.Information, Message = "{Cluster}: recovery {Recovery}, {Step} {Phase}: {Detail}")]
    public static partial void Step(ILogger log, string cluster, long recovery, string step, string phase, string detail);

    [LoggerMessage(EventId = 408, Level = LogLevel.Information, Message = "{Cluster}: not accepted: {Command}, {Why}")]
    public static partial void NotAccepted(ILogger log, string cluster, HaCommand command, CommandResult why);

    [LoggerMessage(EventId = 409, Level = LogLevel.Warning, Message = "{Cluster}: no primary is adopted: {Why}")]
    public static partial void NothingToAdopt(ILogger log, string cluster, string why);

    [LoggerMessage(EventId = 410, Level = LogLevel.Warning, Message = "{Instance} is not attached to {Primary}: {Problem}")]
    public static partial void NotAttached(ILogger log, InstanceKey instance, InstanceKey primary, string problem);

    [LoggerMessage(EventId = 411, Level = LogLevel.Warning,
        Message = "FENCING IS SWITCHED OFF (test only): {Cluster} can have two writable primaries")]
    public static partial void FencingOff(ILogger log, string cluster);

    [LoggerMessage(EventId = 412, Level = LogLevel.Information, Message = "{What}")]
    public static partial void StoodDown(ILogger log, string what);

    [LoggerMessage(EventId = 440, Level = LogLevel.Warning,
        Message = "{Instance} has no dead-man switch, so that only its guardian can close it: {Problem}. Give the topology user the rights that node/docs/fencing.md names, or set DeadManSwitch to \"off\"")]
    public static partial void NoDeadMan(ILogger log, InstanceKey instance, string problem);

    [LoggerMessage(EventId = 441, Level = LogLevel.Debug, Message = "the dead-man switch of {Instance} was not fed: {Problem}")]
    public static partial void NotFed(ILogger log, InstanceKey instance, string problem);

    [LoggerMessage(EventId = 442, Level = LogLevel.Information,
        Message = "the dead-man switch of {Instance} did not take a feed: no time was left, or a guardian with a larger token than {Token} feeds it (where that was another group: DROP DATABASE verify_guard)")]
    public static partial void FedByAnother(ILogger log, InstanceKey instance, FencingToken token);

    [LoggerMessage(EventId = 443, Level = LogLevel.Warning, Message = "{Cluster}: {Primary} is guarded by {Guardian} from now on, no longer by {Former}")]
    public static partial void GuardianChanges(ILogger log, string cluster, InstanceKey primary, NodeId guardian, string former);

    [LoggerMessage(EventId = 444, Level = LogLevel.Information, Message = "{Cluster}: recovery {Recovery}: {Point} {How}: {Detail}")]
    public static partial void HookEnded(ILogger log, string cluster, long recovery, State.Fencing.HookPoint point, string how, string detail);

    [LoggerMessage(EventId = 413, Level = LogLevel.Information, Message = "{Instance} was not kept from fetching before the drain: {Problem}")]
    public static partial void NotStopped(ILogger log, InstanceKey instance, string problem);

    [LoggerMessage(EventId = 445, Level = LogLevel.Warning, Message = "{Cluster}: semi-sync of {Instance} was repaired: {Why}")]
    public static partial void SemiSyncRepaired(ILogger log, string cluster, InstanceKey instance, string why);

    [LoggerMessage(EventId = 446, Level = LogLevel.Warning, Message = "{Cluster}: semi-sync of {Instance} needs repair ({Why}), which failed: {Problem}")]
    public static partial void SemiSyncNotRepaired(ILogger log, string cluster, InstanceKey instance, string why, string problem);

    [LoggerMessage(EventId = 447, Level = LogLevel.Information, Message = "{Instance} comes up read-only after a restart from now on (mysqld-auto.cnf)")]
    public static partial void ReadOnlyPersisted(ILogger log, InstanceKey instance);

    [LoggerMessage(EventId = 448, Level = LogLevel.Warning,
        Message = "{Instance} may come up open after a restart: read_only could not be persisted ({Problem}). Give the topology user the rights that node/docs/fencing.md names, or set super_read_only in its configuration and PersistReadOnly to false")]
    public static partial void ReadOnlyNotPersisted(ILogger log, InstanceKey instance, string problem);

    [LoggerMessage(EventId = 449, Level = LogLevel.Debug, Message = "{Instance} was not asked what keeps a commit: {Problem}")]
    public static partial void NotAskedWhatKeeps(ILogger log, InstanceKey instance, string problem);

    [LoggerMessage(EventId = 420, Level = LogLevel.Warning, Message = "{Cluster}: {Analysis} of {Instance}, and no recovery is begun: {Why}")]
    public static partial void Skipped(ILogger log, string cluster, string analysis, InstanceKey instance, string why);
}
