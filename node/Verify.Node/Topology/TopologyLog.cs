using Microsoft.Extensions.Logging;
using Verify.MySql;

namespace Verify.Node.Topology;

/// <summary>What seeing says to people.</summary>
internal static partial class TopologyLog
{
    [LoggerMessage(EventId = 450, Level = LogLevel.Debug, Message = "{Instance} does not tell {Statement}: {Problem}")]
    public static partial void NotTold(ILogger log, InstanceKey instance, Statement statement, string problem);

    [LoggerMessage(EventId = 451, Level = LogLevel.Debug, Message = "{Instance} was not looked at closely: {Problem}")]
    public static partial void NotLookedAt(ILogger log, InstanceKey instance, string problem);

    [LoggerMessage(EventId = 452, Level = LogLevel.Information, Message = "{Instance} was found: {Cluster}, {DataCenter}")]
    public static partial void Found(ILogger log, InstanceKey instance, string cluster, string dataCenter);

    [LoggerMessage(EventId = 453, Level = LogLevel.Information, Message = "{Instance} is another name of {Known}")]
    public static partial void OtherName(ILogger log, InstanceKey instance, InstanceKey known);

    [LoggerMessage(EventId = 454, Level = LogLevel.Warning, Message = "{Instance}, which {Why}, is not taken in: {Problem}")]
    public static partial void NotFound(ILogger log, InstanceKey instance, string why, string problem);

    [LoggerMessage(EventId = 455, Level = LogLevel.Information, Message = "{Instance} is forgotten: nobody has reached it for {Unseen}")]
    public static partial void Forgotten(ILogger log, InstanceKey instance, TimeSpan unseen);

    [LoggerMessage(EventId = 456, Level = LogLevel.Information, Message = "what was found is not written down: {Why}")]
    public static partial void NotWritten(ILogger log, State.CommandResult why);

    [LoggerMessage(EventId = 457, Level = LogLevel.Warning, Message = "what was found waits to be written down: {Why}")]
    public static partial void HeldBack(ILogger log, string why);
}
