using Microsoft.Extensions.Logging;
using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.State.Ledger;
using Verify.Node.Telemetry;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>Opens one server for writes and closes it, one of the two at a time. Decides nothing: it is told, and asks again right
/// before each statement whether it still holds.</summary>
internal sealed class ServerGate(INodeServices services, IServerDoor door, LoopTurn turn, InstanceKey instance)
{
    /// <summary>MySQL: a session that was already gone.</summary>
    private const int NoSuchThread = 1094;
    private static readonly TimeSpan SweepPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(100);

    private readonly ServerLink _link = new(services, door, turn, instance);
    private readonly ServerLink _sweepLink = new(services, door, turn, instance);
    private Task _sweep = Task.CompletedTask;
    private long _doubtfulSession;

    public bool IsBusy => IsClosing || IsOpening;
    public bool IsClosing { get; private set; }
    public bool IsOpening { get; private set; }

    /// <summary>An opening statement was sent and nobody knows whether it will still be carried out.</summary>
    public bool IsInDoubt => _doubtfulSession != 0;

    private bool IsSemiSync => services.Config.Clusters.Any(c => c.SemiSync && c.Instances.Any(i => i.Key == instance));
    private TimeSpan StatementTimeout => services.Config.Timing.StatementTimeout;

    /// <summary>Closes the server and sees it closed; tries for as long as <paramref name="wanted"/> says so.</summary>
    /// <param name="ended">Gets the time at which the proving look was begun; null when it was no longer wanted.</param>
    public void Close(FencingToken token, string cluster, string by, Func<bool> wanted, Action<TimeSpan?> ended)
    {
        IsClosing = true;
        Drivers.Start(services, $"closing {instance}", async () =>
        {
            var closedAt = await CloseAsync(token, cluster, by, wanted);
            IsClosing = false;
            ended(closedAt);
        });
    }

    /// <summary>Opens the server, if <paramref name="may"/> still says so right before the statement is sent.</summary>
    /// <param name="until">The statement must be answered before this time.</param>
    public void Open(FencingToken token, string cluster, TimeSpan until, Func<bool> may, Action<bool> ended)
    {
        IsOpening = true;
        Drivers.Start(services, $"opening {instance}", async () =>
        {
            var isOpen = await OpenAsync(until, may);
            IsOpening = false;
            if (isOpen) services.Emit(new NodeEvent.Opened(services.Config.Self.Name, cluster, instance.ToString(), token.Value));
            ended(isOpen);
        });
    }

    private async ValueTask<TimeSpan?> CloseAsync(FencingToken token, string cluster, string by, Func<bool> wanted)
    {
        void Say(string phase) =>
            services.Emit(new NodeEvent.Fencing(services.Config.Self.Name, cluster, instance.ToString(), token.Value, phase, by));

        Say("begun");
        var hasFailed = false;
        while (wanted())
        {
            try
            {
                var closedAt = await CloseOnceAsync(wanted);
                if (closedAt is not null)
                {
                    Say("done");
                    return closedAt;
                }
            }
            catch (StoodDownException)
            {
                return null;
            }
            catch (Exception e) when (e is MySqlException or IOException or FormatException)
            {
                RecoveryLog.ClosingFailed(services.Log, instance, by, e.Message);
            }

            if (!hasFailed) Say("failed");
            hasFailed = true;
            await turn.Pause(RetryPause);
        }

        return null;
    }

    /// <summary>A commit that waits for a semi-sync acknowledgement holds a lock that the closing statement needs, and nobody may be told
    /// that it is committed. MariaDB gives the lock up when the session is killed. MySQL does not: there all clients are put out and kept
    /// out first, then the wait is ended (nobody is left to hear of it), then the server is closed.</summary>
    private async ValueTask<TimeSpan?> CloseOnceAsync(Func<bool> wanted)
    {
        await EndDoubtAsync(wanted);
        if ((await _link.ReadFactsAsync(StatementTimeout)).Flavor == Flavor.MariaDb) await CloseAmongClientsAsync(wanted);
        else await CloseOfflineAsync(wanted);
        var askedAt = services.Now;
        var facts = await _link.ReadFactsAsync(StatementTimeout);
        return facts.IsReadOnly ? askedAt : null;
    }

    private async ValueTask CloseOfflineAsync(Func<bool> wanted)
    {
        if (IsSemiSync)
        {
            await _link.AskAsync(new Statement.SetOfflineMode(On: true), StatementTimeout, wanted);
            await _link.AskAsync(new Statement.SetSemiSync(On: false), StatementTimeout, wanted);
            await _link.AskAsync(new Statement.SetReadOnly(On: true), StatementTimeout, wanted);
            await _link.AskAsync(new Statement.SetOfflineMode(On: false), StatementTimeout, wanted);
        }
        else
        {
            await CloseAmongClientsAsync(wanted);
        }
    }

    private async ValueTask CloseAmongClientsAsync(Func<bool> wanted)
    {
        var isAnswered = false;
        if (_sweep.IsCompleted) _sweep = Drivers.Run(services, $"sweeping {instance}", () => SweepAsync(() => isAnswered, wanted));
        try
        {
            await _link.AskAsync(new Statement.SetReadOnly(On: true), StatementTimeout, wanted);
        }
        finally
        {
            isAnswered = true;
        }
    }

    private async Task SweepAsync(Func<bool> isOver, Func<bool> wanted)
    {
        while (!isOver())
        {
            try
            {
                await EndClientsAsync(wanted);
            }
            catch (StoodDownException)
            {
                return;
            }
            catch (Exception e) when (e is MySqlException or IOException)
            {
                RecoveryLog.SweepFailed(services.Log, instance, e.Message);
            }

            await turn.Pause(SweepPause);
        }
    }

    private async ValueTask EndClientsAsync(Func<bool> wanted)
    {
        var sessions = await _sweepLink.AskAsync(new Statement.ListSessions(), StatementTimeout, wanted);
        for (var row = 0; row < sessions.Rows.Count; row++)
        {
            if (!IsClient(sessions.Text(row, "USER") ?? "", sessions.Text(row, "COMMAND") ?? "")) continue;
            if (long.TryParse(sessions.Text(row, "ID"), out var id)) await KillAsync(id, wanted);
        }
    }

    private bool IsClient(string user, string command)
    {
        var config = services.Config;
        var isOurs = Same(user, config.TopologyLogin.User) || Same(user, config.ReplicationLogin.User);
        var isServers = Same(user, "system user") || Same(user, "event_scheduler");
        return !isOurs && !isServers && !Same(command, "Daemon") && !command.StartsWith("Binlog Dump", StringComparison.OrdinalIgnoreCase);
    }

    private async ValueTask KillAsync(long session, Func<bool> wanted)
    {
        try
        {
            await _sweepLink.AskAsync(new Statement.KillSession(session), StatementTimeout, wanted);
        }
        catch (MySqlServerException e) when (e.Code == NoSuchThread)
        {
            RecoveryLog.SessionGone(services.Log, instance, session);
        }
    }

    /// <summary>An opening statement that a frozen server still holds in a buffer must not be carried out after the closing one:
    /// its session is ended first.</summary>
    private async ValueTask EndDoubtAsync(Func<bool> wanted)
    {
        if (_doubtfulSession == 0) return;
        await _sweep;
        await KillAsync(_doubtfulSession, wanted);
        _doubtfulSession = 0;
    }

    private async ValueTask<bool> OpenAsync(TimeSpan until, Func<bool> may)
    {
        var session = 0L;
        bool MayNow()
        {
            if (!may()) return false;
            session = _link.SessionId;
            return true;
        }

        try
        {
            // Semi-sync first: not one commit may be acknowledged without a replica.
            if (IsSemiSync)
            {
                await _link.AskAsync(new Statement.SetSemiSync(On: true), StatementTimeout, may);
                await _link.AskAsync(new Statement.SetOfflineMode(On: false), StatementTimeout, may);
            }

            var left = until - services.Now;
            await _link.AskAsync(new Statement.SetReadOnly(On: false), left < StatementTimeout ? left : StatementTimeout, MayNow, isAskedTwice: false);
            return true;
        }
        catch (StoodDownException)
        {
            return false;
        }
        catch (MySqlServerException e)
        {
            RecoveryLog.OpeningFailed(services.Log, instance, e.Message);
            return false;
        }
        catch (Exception e) when (e is MySqlException or IOException)
        {
            _doubtfulSession = session;
            RecoveryLog.OpeningFailed(services.Log, instance, e.Message);
            return false;
        }
    }

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.Ordinal);
}
