using Verify.MySql;
using Verify.MySql.Wire;
using Verify.Node.Seam;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Sim.Fleet;

/// <summary>The two replication threads of a server: one fetches from the source over the network into the relay log, one applies
/// what is there. They carry bytes and wait; what it means is the model's business.</summary>
internal sealed class ReplicaThreads(SimMySqlServer server, MySqlModel model)
{
    private const int FatalError = 1236;

    /// <summary>How often a delayed applier looks whether its time has come.</summary>
    private static readonly TimeSpan DelayLook = TimeSpan.FromMilliseconds(100);
    private Stream? _stream;
    private int _ioRun;
    private bool _applies;

    public void SwitchIo(bool runs)
    {
        EndIo();
        if (runs) server.Watch(FetchAsync(_ioRun, server.Life));
    }

    public void MoveApplier()
    {
        if (!_applies) server.Watch(ApplyAsync(server.Life));
    }

    /// <summary>The process is gone.</summary>
    public void Abandon()
    {
        EndIo();
        _applies = false;
    }

    private void EndIo()
    {
        _ioRun++;
        var stream = _stream;
        _stream = null;
        stream?.Dispose();
    }

    private async Task ApplyAsync(int life)
    {
        _applies = true;
        while (model.Replica.Next is { } next)
        {
            if (server.ApplierDelay > TimeSpan.Zero && server.NowSeconds < next.AtSeconds + (long)server.ApplierDelay.TotalSeconds)
            {
                await Task.Delay(DelayLook, server.Time);
                await server.WhenRunning();
                if (life != server.Life) return;
                continue;
            }

            await Task.Delay(server.Options.ApplyTime, server.Time);
            await server.WhenDiskRuns();
            await server.WhenRunning();
            if (life != server.Life) return;
            var goesOn = model.ApplyNext(server.NowSeconds);
            server.CarryOut();
            if (!goesOn) break;
        }

        _applies = false;
    }

    private async Task FetchAsync(int run, int life)
    {
        var attempt = 0;
        while (IsCurrent(run, life) && model.Replica.Source is { } source)
        {
            var error = await TryFetchAsync(run, life, source, ++attempt);
            await server.WhenRunning();
            if (!IsCurrent(run, life)) return;
            _stream?.Dispose();
            _stream = null;
            var wasConnected = model.Replica.Io == ThreadState.Running;
            if (error.Code == FatalError) model.Replica.Refused(error);
            else model.Replica.Disconnected(wasConnected ? ThreadError.None : error);
            server.CarryOut();
            if (wasConnected)
            {
                attempt = 0; // the first try to reconnect comes at once
                continue;
            }

            await Task.Delay(SourceConfig.ConnectRetry, server.Time);
        }
    }

    private bool IsCurrent(int run, int life) => run == _ioRun && life == server.Life;

    /// <summary>Connects, logs in, and fetches until the connection ends.</summary>
    private async Task<ThreadError> TryFetchAsync(int run, int life, SourceConfig source, int attempt)
    {
        try
        {
            using var limit = new CancellationTokenSource(server.Options.ReplicaNetTimeout, server.Time);
            var stream = await server.Network.ConnectAsync(server.Options.Reach(source.Source), limit.Token);
            if (!IsCurrent(run, life))
            {
                await stream.DisposeAsync();
                return ThreadError.None;
            }

            _stream = stream;
            var login = new MySqlLogin(source.User, source.Password) { Tls = TlsMode.Disabled };

            // From the login on, the stream is used for the dump; the session is not asked for anything.
            await MySqlSession.OpenAsync(stream, login, server.Time, server.Options.ReplicaNetTimeout);
            if (!IsCurrent(run, life)) return ThreadError.None;
            return await DumpAsync(run, life, stream);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException or MySqlException)
        {
            return Error(e, source, attempt);
        }
    }

    private async Task<ThreadError> DumpAsync(int run, int life, Stream stream)
    {
        var (reader, writer) = (new PacketReader(stream) { NextSequence = 1 }, new PacketWriter());
        var acknowledges = model.BeginFetching();
        new DumpRequest(server.Options.ServerId, server.Options.ServerUuid, acknowledges,
            SourceConfig.HeartbeatPeriod, model.Replica.KnownText(), server.Options.ReportedAs.Host, (uint)server.Options.ReportedAs.Port).Write(writer);
        await writer.SendAsync(stream, default);

        // Silence for too long ends the connection, and the read with it.
        await using var silence = server.Time.CreateTimer(
            _ =>
            {
                if (!server.IsPaused) stream.Dispose();
            },
            null, server.Options.ReplicaNetTimeout, Timeout.InfiniteTimeSpan);
        byte sequence = 1;
        var received = 0;
        while (true)
        {
            while (reader.TryTake(out var packet))
            {
                if (packet.Length > 0 && packet.Span[0] == Header.Error) return Refusal(ErrorPacket.Parse(packet.Span));
                received = Math.Max(received, Take(packet.Span));
            }

            server.CarryOut();
            if (!IsCurrent(run, life)) return ThreadError.None;
            if (received > 0 && acknowledges)
            {
                DumpPackets.WriteAcknowledgement(writer, sequence++, received);
                received = 0;
                await writer.SendAsync(stream, default);
            }

            await reader.FillAsync("the binary log", default);
            await server.WhenDiskRuns();
            await server.WhenRunning();
            if (!IsCurrent(run, life)) return ThreadError.None;
            silence.Change(server.Options.ReplicaNetTimeout, Timeout.InfiniteTimeSpan);
        }
    }

    /// <returns>The position to acknowledge, or 0.</returns>
    private int Take(ReadOnlySpan<byte> packet)
    {
        switch (packet.Length > 0 ? packet[0] : 0)
        {
            case DumpPackets.Identity:
                var (serverId, uuid) = DumpPackets.ParseIdentity(packet);
                model.Replica.Connected(serverId, uuid);
                return 0;
            case DumpPackets.Heartbeat:
                model.Replica.HeartbeatReceived();
                return 0;
            case DumpPackets.Transaction:
                var (transaction, position) = DumpPackets.ParseTransaction(packet);
                model.Replica.Retrieved(transaction);
                return position;
            default:
                throw new MySqlProtocolException("a packet that is no part of a dump");
        }
    }

    private ThreadError Refusal(MySqlServerException refused) => new(FatalError,
        server.Options.Flavor == Flavor.MySql
            ? $"Got fatal error 1236 from source when reading data from binary log: '{refused.ServerMessage}'"
            : $"Got fatal error 1236 from master when reading data from binary log: '{refused.ServerMessage}'",
        ReplicaState.Stamp(server.NowSeconds));

    private ThreadError Error(Exception e, SourceConfig source, int attempt)
    {
        var (code, why) = e switch
        {
            MySqlServerException refused => (refused.Code, refused.ServerMessage),
            MySqlException => (2013, "Lost connection to MySQL server at 'reading initial communication packet', system error: 104"),
            ConnectionRefusedException => (2003, $"Can't connect to MySQL server on '{source.Source}' (111)"),
            _ => (2003, $"Can't connect to MySQL server on '{source.Source}' (110)"),
        };
        var verb = model.Replica.IsReconnecting ? "reconnecting" : "connecting";
        return new(
            code,
            server.Options.Flavor == Flavor.MySql
                ? $"Error {verb} to source '{source.User}@{source.Source}'. This was attempt {attempt}/0, with a delay of 1 seconds between attempts. Message: {why}"
                : $"error {verb} to master '{source.User}@{source.Source}' - retry-time: 1  maximum-retries: 100000  message: {why}",
            ReplicaState.Stamp(server.NowSeconds));
    }
}
