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

    [LoggerMessage(EventId = 413, Level = LogLevel.Information, Message = "{Instance} was not kept from fetching before the drain: {Problem}")]
    public static partial void NotStopped(ILogger log, InstanceKey instance, string problem);

    [LoggerMessage(EventId = 420, Level = LogLevel.Warning, Message = "{Cluster}: {Analysis} of {Instance}, and no recovery is begun: {Why}")]
    public static partial void Skipped(ILogger log, string cluster, string analysis, InstanceKey instance, string why);
}
