using Verify.MySql;

namespace Verify.Sim.Tests.Fleet;

/// <summary>Makes the statement that a line of a transcript names: the names are those of the closed list.</summary>
internal sealed class TranscriptStatement(ITranscriptStage stage, Func<string, long> sessionId, Func<string, string> replaceNames)
{
    public SqlText Parse(string words)
    {
        var parts = words.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Statement? statement = parts[0] switch
        {
            "ReadFacts" => new Statement.ReadFacts(),
            "ReadReplicaStatus" => new Statement.ReadReplicaStatus(),
            "ReadVariables" => new Statement.ReadVariables(),
            "ReadCounters" => new Statement.ReadCounters(),
            "ListReplicas" => new Statement.ListReplicas(),
            "ListDumps" => new Statement.ListDumps(),
            "ReadBinlogPosition" => new Statement.ReadBinlogPosition(),
            "AskConfigured" => new Statement.AskConfigured(words["AskConfigured ".Length..]),
            "SetReadOnly" => new Statement.SetReadOnly(IsOn(parts[1])),
            "ReadPersistedReadOnly" => new Statement.ReadPersistedReadOnly(),
            "PersistReadOnly" => new Statement.PersistReadOnly(),
            "SetSemiSyncReplica" => new Statement.SetSemiSyncReplica(IsOn(parts[1])),
            "SetSemiSyncPatience" => new Statement.SetSemiSyncPatience(int.Parse(parts[1])),
            "SetSemiSync" => new Statement.SetSemiSync(IsOn(parts[1])),
            "ListIdleCoordinators" => new Statement.ListIdleCoordinators(),
            "ListSessions" => new Statement.ListSessions(),
            "KillSession" => new Statement.KillSession(long.TryParse(parts[1], out var id) ? id : sessionId(parts[1])),
            "StopReplica" => new Statement.StopReplica(OnlyIoThread: parts is [_, "io"]),
            "StartReplica" => new Statement.StartReplica(),
            "StartReplicaSqlThread" => new Statement.StartReplicaSqlThread(),
            "ResetReplicaAll" => new Statement.ResetReplicaAll(),
            "ChangeSource" => Change(parts[1], parts.Length > 2 ? parts[2] : null),
            "WaitForGtids" => new Statement.WaitForGtids(replaceNames(parts[1]), int.Parse(parts[2])),
            "SkipBinlog" => new Statement.SkipBinlog(),
            "LiftSuperReadOnly" => new Statement.LiftSuperReadOnly(),
            "EnableEvents" => new Statement.EnableEvents(),
            "ReadDeadMan" => new Statement.ReadDeadMan(),
            "InstallDeadMan" => new Statement.InstallDeadMan(Enum.Parse<Statement.DeadManPart>(parts[1], ignoreCase: true)),
            "FeedDeadMan" => new Statement.FeedDeadMan(DueIn(int.Parse(parts[1])), int.Parse(parts[2])),
            "ClearDeadMan" => new Statement.ClearDeadMan(),
            "ReadBinlogState" => new Statement.ReadBinlogState(),
            "AdoptBinlogPosition" => new Statement.AdoptBinlogPosition(),
            _ => null,
        };
        return statement?.Sql(stage.Flavor) ?? Workload(parts, words);
    }

    private static SqlText Workload(string[] parts, string words) => parts[0] switch
    {
        "CreateSchema" => WorkloadStatements.CreateSchema,
        "CreateTable" => WorkloadStatements.CreateTable,
        "ReadIds" => WorkloadStatements.ReadIds,
        "Insert" => WorkloadStatements.Insert(parts[1], int.Parse(parts[2])),
        "sql" => Raw(words[4..]),
        _ => throw new FormatException($"'{words}' is no statement of ours"),
    };

    private Statement.ChangeSource Change(string server, string? password)
    {
        var (host, port) = stage.AddressOf(server);
        return new(host, port, stage.Replication.User, password ?? stage.Replication.Password);
    }

    /// <summary>So many milliseconds from now by the servers' clock, which is the stage's.</summary>
    private long DueIn(int ms) => (stage.Time.GetUtcNow() - new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero)).Ticks / TimeSpan.TicksPerMicrosecond + (ms * 1000L);

    private static bool IsOn(string word) => word switch
    {
        "on" => true,
        "off" => false,
        _ => throw new FormatException($"'{word}' is neither on nor off"),
    };

    private static SqlText Raw(string sql)
    {
        var handler = new SqlTextHandler(sql.Length, 0);
        handler.AppendLiteral(sql);
        return SqlText.Of(handler);
    }
}
