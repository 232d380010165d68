using Verify.MySql;
using Verify.MySql.Gtid;
using Verify.Node.Loop;
using Verify.Node.Topology;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Node.Recovery;

/// <summary>How the attempt to make a server follow the primary ended.</summary>
internal abstract record Attached
{
    private Attached() { }

    /// <summary>It follows the primary.</summary>
    public sealed record Following : Attached;

    /// <summary>It has transactions that the primary has not, and was left alone.</summary>
    public sealed record Errant(string Gtids) : Attached;
    public sealed record Failed(string Why) : Attached;
}

/// <summary>Makes a server follow the primary, unless it has transactions of its own: MySQL itself would not refuse it
/// (facts/mysql.md §2). Safe to do twice.</summary>
internal sealed class ReplicaAttachment(INodeServices services, TopologyModel model)
{
    private readonly Acknowledgers _acknowledgers = new(services, model);

    private TimeSpan Limit => services.Config.Timing.StatementTimeout;

    public ValueTask<Attached> AttachAsync(ServerLink replica, string replicaDataCenter, ServerLink primary, Func<bool> mayGoOn) =>
        TryAsync(() => TryAttachAsync(replica, replicaDataCenter, primary, mayGoOn));

    /// <summary>Of a server that follows the primary by itself already: whether it may. One that may not follows no more, lest its acknowledgements count.</summary>
    public ValueTask<Attached> CheckAsync(ServerLink replica, ServerLink primary, Func<bool> mayGoOn) => TryAsync(async () =>
    {
        var (_, _, errant) = await CompareAsync(replica, await replica.ReadFactsAsync(Limit), primary);
        if (errant.IsEmpty) return new Attached.Following();
        await ReplicaStop.StopAsync(replica, Limit, mayGoOn);
        return new Attached.Errant(errant.ToString());
    });

    private static async ValueTask<Attached> TryAsync(Func<ValueTask<Attached>> attach)
    {
        try
        {
            return await attach();
        }
        catch (Exception e) when (e is MySqlException or IOException or FormatException)
        {
            return new Attached.Failed(e.Message);
        }
    }

    private async ValueTask<Attached> TryAttachAsync(ServerLink replica, string replicaDataCenter, ServerLink primary, Func<bool> mayGoOn)
    {
        var facts = await replica.ReadFactsAsync(Limit);
        if (!facts.IsReadOnly)
        {
            await replica.AskAsync(new Statement.SetReadOnly(On: true), Limit, mayGoOn);
            facts = await replica.ReadFactsAsync(Limit);
            if (!facts.IsReadOnly) return new Attached.Failed("does not become read-only");
        }

        var (status, atPrimary, errant) = await CompareAsync(replica, facts, primary);
        if (atPrimary.Flavor != facts.Flavor) return new Attached.Failed($"is {facts.Flavor}, and the primary is {atPrimary.Flavor}");
        if (!errant.IsEmpty) return new Attached.Errant(errant.ToString());

        var config = services.Config;
        var address = config.Addresses.From(replicaDataCenter, primary.Instance.Endpoint);
        var isThere = status is not null && string.Equals(status.SourceHost, address.Host, StringComparison.Ordinal) && status.SourcePort == address.Port;
        if (isThere && status!.IoThread != ThreadState.Stopped && status.SqlThread != ThreadState.Stopped) return new Attached.Following();
        if (await LacksForEverAsync(facts, primary) is { IsEmpty: false } purged)
            return new Attached.Failed($"lacks {purged}, which {primary.Instance} has purged from its binary log: give it a copy of the data (CLONE, a backup)");
        if (status is null && facts.Flavor == Flavor.MariaDb) await replica.AskAsync(new Statement.AdoptBinlogPosition(), Limit, mayGoOn);
        if (status is not null) await ReplicaStop.StopAsync(replica, Limit, mayGoOn);

        // With the source's half on, its applier would wait for a replica of its own; no client waits on a server that is closed.
        if (_acknowledgers.Wanted(replica.Instance) is { } acknowledges)
        {
            await replica.AskAsync(new Statement.SetSemiSync(On: false), Limit, mayGoOn);
            await replica.AskAsync(new Statement.SetSemiSyncReplica(acknowledges), Limit, mayGoOn);
        }

        var login = config.ReplicationLogin;
        await replica.AskAsync(new Statement.ChangeSource(address.Host, address.Port, login.User, login.Password), Limit, mayGoOn);
        await replica.AskAsync(new Statement.StartReplica(), Limit, mayGoOn);
        return new Attached.Following();
    }

    /// <summary>What the server has and the primary lacks. Empty between flavours, which nobody can compare.</summary>
    private async ValueTask<(ReplicaStatus? Status, ServerFacts AtPrimary, Gtids Errant)> CompareAsync(ServerLink replica, ServerFacts facts, ServerLink primary)
    {
        var status = await replica.ReadReplicaStatusAsync(Limit);

        // The primary is asked after the server: what the server has and the primary lacks then, it lacks for ever.
        var atPrimary = await primary.ReadFactsAsync(Limit);
        if (atPrimary.Flavor != facts.Flavor) return (status, atPrimary, Gtids.Empty(facts.Flavor));
        var errant = ErrantOf(facts, status, atPrimary.Executed);
        if (errant.IsEmpty && status is not null && facts.OwnSinceApplied is { } own) errant = own.NotLogged(await BinlogStateAsync(primary));
#if VERIFY_MUTANTS
        if (Raft.Mutant.Is("M54", deviates: !errant.IsEmpty)) errant = Gtids.Empty(facts.Flavor);
#endif
        return (status, atPrimary, errant);
    }

    private async ValueTask<string> BinlogStateAsync(ServerLink server) =>
        (await server.AskAsync(new Statement.ReadBinlogState(), Limit)).Text(0, "binlog_state") ?? throw new FormatException($"{server.Instance} says nothing of the state of its binary log");

    /// <summary>What the source cannot send any more. The relay log does not count: it is dropped when the source changes. On MariaDB the
    /// source itself refuses (error 1236).</summary>
    private async ValueTask<Gtids?> LacksForEverAsync(ServerFacts replica, ServerLink source)
    {
        if (replica.Flavor != Flavor.MySql) return null;
        var variables = await source.AskAsync(new Statement.ReadVariables(), Limit);
        return Gtids.Parse(new ServerDetails().With(variables, replica.Flavor).GtidPurged, replica.Flavor).Except(replica.Executed);
    }

    /// <summary>What the relay log holds unapplied goes with it: it is dropped when the source changes.</summary>
    private static Gtids ErrantOf(ServerFacts facts, ReplicaStatus? status, Gtids atPrimary) =>
        (status is null ? facts.Executed : facts.Executed.Union(status.Executed)).Except(atPrimary);
}
