using Verify.MySql;
using Verify.MySql.Wire;

namespace Verify.Sim.Fleet;

/// <summary>Sends the binary log to one replica, with heartbeats while there is nothing to send, and takes its acknowledgements. A
/// transaction is sent as soon as it is in the binary log, that is before it is committed here (AFTER_SYNC).</summary>
internal sealed class BinlogDump(SimMySqlServer server, Stream stream, PacketReader reader, PacketWriter writer, Func<bool> isOver)
{
    private readonly WakeUp _wakeUp = new();
    private byte _sequence = 1;
    private int _sent;
    private bool _heartbeatDue;
    private bool _replicaLeft;

    public async Task RunAsync(long session, DumpRequest request)
    {
        if (server.Model.CheckDump(request.Known) is { } refusal)
        {
            ErrorPacket.Write(writer, _sequence, code: 1236, "HY000", refusal);
            await writer.SendAsync(stream, default);
            return;
        }

        server.Model.DumpBegins(session, request);
        var known = server.Options.Flavor == Flavor.MySql ? GtidRanges.Parse(request.Known) : null;
        if (known is null) _sent = PositionOf(request.Known);
        DumpPackets.WriteIdentity(writer, _sequence++, server.Options.ServerId, server.Options.ServerUuid);
        server.Dumps.Add(_wakeUp);
        await using var heartbeat = server.Time.CreateTimer(_ => BeatDue(), null, request.HeartbeatPeriod, request.HeartbeatPeriod);
        server.Watch(TakeAcknowledgementsAsync(request.ServerId));
        try
        {
            while (!isOver() && !_replicaLeft)
            {
                await SendAsync(known, request);
                await _wakeUp.SleepAsync();
                await server.WhenRunning();
            }
        }
        finally
        {
            server.Dumps.Remove(_wakeUp);
        }
    }

    private async ValueTask SendAsync(GtidRanges? known, DumpRequest request)
    {
        var binlog = server.Model.Binlog;
        var begin = _sent;
        while (_sent < binlog.Count)
        {
            var transaction = binlog[_sent++];

            // What the replica has already is left out, and by that not acknowledged (held against real servers: mysql-semi-sync).
            if (known?.Contains(transaction.Id) != true) DumpPackets.WriteTransaction(writer, _sequence++, transaction, _sent);
        }

        if (_sent == begin && _heartbeatDue) DumpPackets.WriteHeartbeat(writer, _sequence++);
        _heartbeatDue = false;
        if (!writer.Written.IsEmpty) await writer.SendAsync(stream, default);
    }

    private async Task TakeAcknowledgementsAsync(uint replica)
    {
        try
        {
            reader.NextSequence = 1;
            while (!isOver())
            {
                var packet = await reader.ReadAsync("an acknowledgement", default);
                await server.WhenRunning();
                if (isOver()) break;
                Acknowledged(replica, DumpPackets.ParseAcknowledgement(packet.Span));
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or MySqlProtocolException)
        {
            _replicaLeft = true; // the sender sees it and ends
        }

        _wakeUp.Set();
    }

    private void Acknowledged(uint replica, int position)
    {
        server.Model.Acknowledged(replica, position, server.NowSeconds);
        server.CarryOut();
    }

    private void BeatDue()
    {
        _heartbeatDue = true;
        _wakeUp.Set();
    }

    /// <summary>How much of the binary log a MariaDB replica with this position has.</summary>
    private int PositionOf(string known)
    {
        if (MariaGtidState.ParsePosition(known) is not { } position) return 0;
        var binlog = server.Model.Binlog;
        for (var i = binlog.Count - 1; i >= 0; i--)
        {
            if (string.Equals(binlog[i].Id.Origin, position.Origin, StringComparison.Ordinal) && binlog[i].Id.Number <= position.Number) return i + 1;
        }

        return 0;
    }
}
