using Microsoft.Extensions.Logging;
using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.Seam;
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
    private static readonly TimeSpan SweepPause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(100);

    private readonly ServerLink _link = new(services, door, turn, instance);
    private readonly ServerLink _sweepLink = new(services, door, turn, instance);
    private readonly DeadManSwitch _deadMan = new(services, door, turn, instance);
    private Task _sweep = Task.CompletedTask;
    private long _doubtfulSession;
    private long _doubtfulSweep;

    public bool IsBusy => IsClosing || IsOpening;
    public bool IsClosing { get; private set; }
    public bool IsOpening { get; private set; }

    /// <summary>An opening statement was sent and nobody knows whether it will still be carried out.</summary>
    public bool IsInDoubt => _doubtfulSession != 0;

    /// <summary>Attempts to close it that its host refused.</summary>
    public RefusalRow Refusals { get; } = new();

    /// <summary>How the dead-man switch inside the server stands, and why it is absent.</summary>
    public (DeadManState State, string Problem) DeadMan => (_deadMan.State, _deadMan.Problem);

    /// <summary>Since when no feed of the switch has come back.</summary>
    public TimeSpan? StuckSince => _deadMan.StuckSince;

    private bool IsSemiSync => Durability.Policy != DurabilityPolicy.None;
    private Durability Durability => services.Clusters.FirstOrDefault(c => c.Instances.Any(i => i.Key == instance))?.Durability ?? Durability.None;
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
            var isOpen = await OpenAsync(token, cluster, until, may);
            IsOpening = false;
            if (isOpen)
            {
                Raft.Mark.Reached("a primary was opened");
                services.Emit(new NodeEvent.Opened(services.Config.Self.Name, cluster, instance.ToString(), token.Value));
                _sweep = Drivers.Run(services, $"a second session with {instance}", WarmUpAsync);
            }

            ended(isOpen);
        });
    }

    /// <summary>The lease of the open server was renewed: its dead-man switch may wait longer.</summary>
    public void Feed(FencingToken token, string cluster, TimeSpan holderEnd, Func<bool> may)
    {
        if (!IsBusy && services.Config.FencingEnabled) _deadMan.Feed(cluster, token, holderEnd, may);
    }

    /// <summary>The server is looked after no longer.</summary>
    public void Release()
    {
        if (!IsBusy && !IsInDoubt) Drivers.Start(services, $"leaving {instance}", HangUpAsync);
    }

    private async Task HangUpAsync()
    {
        await _sweep;
        await _link.HangUpAsync();
        await _sweepLink.HangUpAsync();
        await _deadMan.HangUpAsync();
    }

    /// <summary>Logging in takes a good part of what closing takes: the sweep's session is there before it is needed.</summary>
    private async Task WarmUpAsync()
    {
        try
        {
            await _sweepLink.ReadFactsAsync(StatementTimeout);
        }
        catch (Exception e) when (e is MySqlException or IOException)
        {
            RecoveryLog.SweepFailed(services.Log, instance, e.Message);
        }
    }

    private async ValueTask<TimeSpan?> CloseAsync(FencingToken token, string cluster, string by, Func<bool> wanted)
    {
        void Say(string phase) =>
            services.Emit(new NodeEvent.Fencing(services.Config.Self.Name, cluster, instance.ToString(), token.Value, phase, by));

        Say("begun");
        Raft.Mark.Reached("a primary was fenced");
        var hasFailed = false;
        while (wanted())
        {
            var askedAt = services.Now;
            try
            {
                var closedAt = await CloseOnceAsync(wanted);
                Refusals.Broken();
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
                if (e is ConnectionRefusedException) Refusals.Refused(askedAt);
                else Refusals.Broken();
                RecoveryLog.ClosingFailed(services.Log, instance, by, e.Message);
            }

            if (!hasFailed) Say("failed");
            hasFailed = true;
            await turn.Pause(RetryPause);
        }

        return null;
    }

    private async ValueTask<TimeSpan?> CloseOnceAsync(Func<bool> wanted)
    {
        await EndDoubtAsync(wanted);
        var isAnswered = false;

        // A commit that waits for a semi-sync acknowledgement holds the commit lock, and SET super_read_only waits for that
        // lock. So: end the clients until the statement has answered. On MariaDB that frees the lock, unacknowledged.
        var earlier = _sweep;
        _sweep = Drivers.Run(services, $"sweeping {instance}", async () =>
        {
            await earlier;
            await SweepAsync(() => isAnswered, wanted);
        });
        try
        {
            await _link.AskAsync(new Statement.SetReadOnly(On: true), StatementTimeout, wanted);
        }
        finally
        {
            isAnswered = true;
        }

        var askedAt = services.Now;
        var facts = await _link.ReadFactsAsync(StatementTimeout);
        return facts.IsReadOnly ? askedAt : null;
    }

    private async Task SweepAsync(Func<bool> isOver, Func<bool> wanted)
    {
        while (!isOver())
        {
            try
            {
                // On MySQL the commit of a killed session goes on waiting, with the lock, until semi-sync is switched off. That
                // acknowledges nothing: a commit that waits now was begun before the closing, so its session was ended above;
                // whoever came later waits for the closing.
                var isClosing = IsSemiSync && (await _sweepLink.ReadFactsAsync(StatementTimeout)).IsClosing;
                await EndClientsAsync(wanted);
                if (isClosing) await ReleaseCommitsAsync(wanted);
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

    private async ValueTask ReleaseCommitsAsync(Func<bool> wanted)
    {
        var session = 0L;
        bool WantedNow()
        {
            session = _sweepLink.SessionId;
            return wanted();
        }

        try
        {
            await _sweepLink.AskAsync(new Statement.SetSemiSync(On: false), StatementTimeout, WantedNow, isAskedTwice: false);
        }
        catch (Exception e) when (e is MySqlException or IOException)
        {
            if (e is not MySqlServerException) _doubtfulSweep = session;
            throw;
        }
    }

    private async ValueTask EndClientsAsync(Func<bool> wanted)
    {
        var sessions = await _sweepLink.AskAsync(new Statement.ListSessions(), StatementTimeout, wanted);
        for (var row = 0; row < sessions.Rows.Count; row++)
        {
            var command = sessions.Text(row, "COMMAND") ?? "";
            if (Same(command, "Killed") || !IsClient(sessions.Text(row, "USER") ?? "", command)) continue;
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

    private async ValueTask<bool> OpenAsync(FencingToken token, string cluster, TimeSpan until, Func<bool> may)
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
            // A statement of the last closing that switches semi-sync off must not arrive after the one that switches it on.
            await _sweep;
            if (_doubtfulSweep != 0)
            {
                await KillAsync(_doubtfulSweep, may);
                _doubtfulSweep = 0;
            }

            // Semi-sync first: not one commit may be acknowledged without a replica.
            if (IsSemiSync)
            {
                await _link.AskAsync(new Statement.SetSemiSyncPatience(Durability.Acknowledgements), StatementTimeout, may);
                await _link.AskAsync(new Statement.SetSemiSync(On: true), StatementTimeout, may);
            }

            if (services.Config.FencingEnabled && await _deadMan.ArmAsync(cluster, token, until + services.Config.Timing.FencingMargin, may) is { } objection)
            {
                RecoveryLog.OpeningFailed(services.Log, instance, objection);
                return false;
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
