using System.Globalization;
using System.Net;
using Verify.MySql;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Fleet.Servers;

/// <summary>Makes a primary and replicas of servers that have just started, with the statements that the node itself uses,
/// and the workload's schema on the primary.</summary>
public static class FleetReplication
{
    private static readonly TimeSpan StatementDeadline = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Attaches the replicas first and opens the primary then: under semi-sync the primary's first commit waits until
    /// a replica has it, for ever.</summary>
    /// <param name="sourceAddress">Where a replica is to fetch from: the primary's own address, or that of a proxy before it.</param>
    /// <exception cref="FleetException">A replica did not come up before the deadline; with its last error.</exception>
    public static async Task SetUpReplicationAsync(this ServerHost host, RealServer primary, IEnumerable<RealServer> replicas,
        Func<RealServer, IPEndPoint> sourceAddress, TimeSpan deadline, CancellationToken cancel = default)
    {
        var begin = TimeProvider.System.GetTimestamp();
        var followers = replicas.ToArray();
        await Task.WhenAll(followers.Select(replica => host.FollowAsync(replica, sourceAddress(replica), cancel)));
        foreach (var replica in followers)
        {
            await WaitAsync(host, replica, "both replication threads run", Remaining(), status =>
                status is { IoThread: ThreadState.Running, SqlThread: ThreadState.Running }, cancel);
        }

        await using var session = await primary.OpenSessionAsync(host.Users.Topology, StatementDeadline, cancel);
        if (primary.Options.SemiSync) await session.QueryAsync(new Statement.SetSemiSync(On: true).Sql(host.Flavor), StatementDeadline, cancel);
        await session.QueryAsync(new Statement.SetReadOnly(On: false).Sql(host.Flavor), StatementDeadline, cancel);
        await session.QueryAsync(WorkloadStatements.CreateSchema, StatementDeadline, cancel);
        await session.QueryAsync(WorkloadStatements.CreateTable, StatementDeadline, cancel);
        var facts = ServerFacts.Read(await session.QueryAsync(new Statement.ReadFacts().Sql(host.Flavor), StatementDeadline, cancel), host.Flavor);
        foreach (var replica in followers)
        {
            await WaitAsync(host, replica, $"{facts.Executed} is applied", Remaining(), status =>
                status is not null && status.Executed.Contains(facts.Executed), cancel);
        }

        TimeSpan Remaining() => deadline - TimeProvider.System.GetElapsedTime(begin);
    }

    /// <summary>Makes a server fetch from a source, and does not wait for it.</summary>
    public static async Task FollowAsync(this ServerHost host, RealServer replica, IPEndPoint source, CancellationToken cancel = default)
    {
        var repl = host.Users.Replication;
        await using var session = await replica.OpenSessionAsync(host.Users.Topology, StatementDeadline, cancel);
        await session.QueryAsync(new Statement.ChangeSource(source.Address.ToString(), source.Port, repl.User, repl.Password).Sql(host.Flavor), StatementDeadline, cancel);
        await session.QueryAsync(new Statement.StartReplica().Sql(host.Flavor), StatementDeadline, cancel);
    }

    private static async Task WaitAsync(ServerHost host, RealServer replica, string what, TimeSpan deadline,
        Func<ReplicaStatus?, bool> holds, CancellationToken cancel)
    {
        var begin = TimeProvider.System.GetTimestamp();
        await using var session = await replica.OpenSessionAsync(host.Users.Topology, StatementDeadline, cancel);
        while (true)
        {
            var status = ReplicaStatus.Read(await session.QueryAsync(new Statement.ReadReplicaStatus().Sql(host.Flavor), StatementDeadline, cancel), host.Flavor);
            if (holds(status)) return;
            if (TimeProvider.System.GetElapsedTime(begin) > deadline)
            {
                throw new FleetException(string.Create(CultureInfo.InvariantCulture,
                    $"{replica.Name}: waited {deadline.TotalSeconds:0} s in vain until {what}; IO thread {status?.IoThread} ({status?.LastIoErrno} {status?.LastIoError}), executed {status?.Executed}, SQL thread {status?.SqlThread} ({status?.LastSqlErrno} {status?.LastSqlError})"));
            }

            await Task.Delay(Pause, cancel);
        }
    }
}
