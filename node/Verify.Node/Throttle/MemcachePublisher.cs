using System.Globalization;
using System.Text;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.Topology;

namespace Verify.Node.Throttle;

/// <summary>Tells memcached what the leader knows, for clients that would rather look there (freno, doc/memcache.md): key PATH/mysql/STORE,
/// value "milliseconds since 1970:lag", kept for one second, taken away where there is no figure. A driver; speaks memcached's
/// text protocol.</summary>
internal sealed class MemcachePublisher(INodeServices services, LoopTurn turn, ThrottlePart part)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);
    private readonly SortedDictionary<Endpoint, Stream> _open = [];

    public async Task RunAsync()
    {
        var every = part.Settings.CollectInterval > TimeSpan.Zero ? part.Settings.CollectInterval : services.Config.Timing.ProbeInterval;
        while (!services.Stopping.IsCancellationRequested)
        {
            foreach (var (server, commands) in Commands()) await SendAsync(server, commands);
            await turn.Pause(every);
        }
    }

    /// <summary>One text of commands for each server. Which server has a key: CRC-32 modulo their number, as freno's client library does.</summary>
    private SortedDictionary<Endpoint, StringBuilder> Commands()
    {
        var settings = part.Settings;
        var now = services.Now;
        var epoch = services.Seam.Time.GetUtcNow().ToUnixTimeMilliseconds();
        var all = new SortedDictionary<Endpoint, StringBuilder>();
        foreach (var view in part.Views)
        {
            var key = $"{settings.MemcachePath}/mysql/{view.Name}";
            if (key.Length > 250 || key.Any(c => c is <= ' ' or (char)127)) continue;
            var server = settings.MemcacheServers[(int)(Crc32(Encoding.UTF8.GetBytes(key)) % (uint)settings.MemcacheServers.Length)];
            if (!all.TryGetValue(server, out var text)) all[server] = text = new();
            var verdict = view.Verdict;
            if (verdict.Fixed is null && now < verdict.HoldsUntil)
            {
                var value = string.Create(CultureInfo.InvariantCulture, $"{epoch}:{verdict.Value:0.000000}");
                text.Append(CultureInfo.InvariantCulture, $"set {key} 0 1 {value.Length} noreply\r\n{value}\r\n");
            }
            else
            {
                text.Append(CultureInfo.InvariantCulture, $"delete {key} noreply\r\n");
            }
        }

        return all;
    }

    /// <summary>CRC-32 as in IEEE 802.3, bit by bit: the keys are short and few.</summary>
    internal static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320u);
        }

        return ~crc;
    }

    private async ValueTask SendAsync(Endpoint server, StringBuilder commands)
    {
        using var limit = new CancellationTokenSource(Patience, services.Seam.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, services.Stopping);
        try
        {
            if (!_open.TryGetValue(server, out var stream)) _open[server] = stream = await turn.Await(services.Seam.Network.ConnectAsync(server, either.Token));
            await turn.Await(stream.WriteAsync(Encoding.UTF8.GetBytes(commands.ToString()), either.Token));
            await turn.Await(new ValueTask(stream.FlushAsync(either.Token)));
        }
        catch (Exception e) when (e is IOException || (e is OperationCanceledException && !services.Stopping.IsCancellationRequested))
        {
            if (_open.Remove(server, out var broken)) await turn.Await(broken.DisposeAsync());
        }
    }
}
