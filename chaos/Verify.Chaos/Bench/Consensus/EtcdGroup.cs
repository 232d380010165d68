using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Verify.Chaos.Live;
using Verify.Chaos.Running;
using Verify.Fleet;
using Verify.Fleet.Network;
using Verify.Fleet.Processes;
using Verify.Fleet.Servers;

namespace Verify.Chaos.Bench.Consensus;

/// <summary>Three etcd processes on loopback with etcd's own defaults (heartbeat 100 ms, election 1000 ms, synced before it
/// acknowledges), asked through its HTTP/JSON gateway (/v3/…), so that both systems are asked over the same transport.</summary>
internal sealed class EtcdGroup : IKvGroup
{
    private const string Package = "etcd-server";
    private const string Program = "/usr/bin/etcd";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly FleetRun _run;
    private readonly List<Member> _members = [];

    private EtcdGroup(FleetRun run, string version) => (_run, Name) = (run, version);

    public string Name { get; }
    public int Size => _members.Count;

    /// <summary>The path of the program; null, and <paramref name="say"/> says why, when it is not there and cannot be got.</summary>
    public static async Task<string?> FindAsync(bool mayInstall, Action<string> say, CancellationToken cancel)
    {
        if (File.Exists(Program)) return Program;
        if (!mayInstall)
        {
            say($"{Package} is not installed and nothing may be installed: etcd is left out");
            return null;
        }

        if (await DebianPackage.InstallAsync(Package, say, cancel) is { } refusal)
        {
            say($"{Package} cannot be installed ({refusal}): etcd is left out");
            return null;
        }

        return File.Exists(Program) ? Program : null;
    }

    public static async Task<EtcdGroup> StartAsync(string program, string version, Action<string> say)
    {
        var group = new EtcdGroup(FleetRun.Begin(FleetCache.Default(), say), version);
        try
        {
            for (var i = 0; i < 3; i++) group._members.Add(new($"e{i + 1}", group.Free(i), group.Free(i), group._run.Folder($"e{i + 1}"), program));
            for (var i = 0; i < 3; i++) await group.StartAsync(i);
            return group;
        }
        catch
        {
            await group.DisposeAsync();
            throw;
        }
    }

    public Uri Address(int member) => new($"http://{_members[member].Client}");
    public int Pid(int member) => _members[member].Process is { IsRunning: true } running ? running.Pid : 0;

    public byte[] Put(int member, string key, string value) =>
        HttpWire.Post(Address(member), "/v3/kv/put", $$"""{"key":"{{Base64(key)}}","value":"{{Base64(value)}}"}""");

    public byte[] ReadConsistent(int member, string key) => HttpWire.Post(Address(member), "/v3/kv/range", $$"""{"key":"{{Base64(key)}}"}""");
    public byte[]? ReadLease(int member, string key) => null;
    public byte[] ReadStale(int member, string key) => HttpWire.Post(Address(member), "/v3/kv/range", $$"""{"key":"{{Base64(key)}}","serializable":true}""");
    public long WrittenAt(HttpWire answered) => answered.Number("\"revision\""u8);
    public long AppliedUpTo(HttpWire answered) => answered.Number("\"revision\""u8);

    public async Task<int> LeaderAsync(CancellationToken cancel)
    {
        for (var start = TimeProvider.System.GetTimestamp(); TimeProvider.System.GetElapsedTime(start) < Patience; await Task.Delay(50, cancel))
        {
            var views = Enumerable.Range(0, Size).Select(Look).ToArray();
            var leader = views[0].Leader;
            if (leader != 0 && Array.TrueForAll(views, v => v.Leader == leader) && Array.FindIndex(views, v => v.Self == leader) is >= 0 and var at) return at;
        }

        throw new HarnessException($"three etcd did not come together in {Patience.TotalSeconds:0} s: {LogTail(0)}");
    }

    public byte[] LeaderQuestion(int member) => HttpWire.Post(Address(member), "/v3/maintenance/status", "{}");

    public bool SaysItLeads(int status, HttpWire answered) => status == 200 && View(answered) is { Leader: not 0 } view && view.Leader == view.Self;
    public Task KillAsync(int member) => _members[member].Process?.KillAsync() ?? Task.CompletedTask;

    public async Task StartAsync(int member)
    {
        var me = _members[member];
        me.Process = await _run.StartAsync(new(me.Name, me.Folder,
        [
            me.Program, "--name", me.Name, "--data-dir", Path.Combine(me.Folder, "data"),
            "--listen-peer-urls", $"http://{me.Peer}", "--initial-advertise-peer-urls", $"http://{me.Peer}",
            "--listen-client-urls", $"http://{me.Client}", "--advertise-client-urls", $"http://{me.Client}",
            "--initial-cluster", string.Join(',', _members.Select(m => $"{m.Name}=http://{m.Peer}")), "--log-level", "error",
        ])
        {
            LogFile = Path.Combine(me.Folder, "etcd.log"),
            WorkingDirectory = me.Folder,
        });
    }

    public byte[] TransferQuestion(int leader, int heir) =>
        HttpWire.Post(Address(leader), "/v3/maintenance/transfer-leadership", string.Create(CultureInfo.InvariantCulture, $$"""{"targetID":"{{Look(heir).Self}}"}"""));

    public string LogTail(int member) => _members[member].Process?.LogTail(12) ?? "";

    public async ValueTask DisposeAsync()
    {
        foreach (var member in _members)
        {
            if (member.Process is { } process) await process.DisposeAsync();
        }

        await _run.DisposeAsync();
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private static (ulong Self, ulong Leader) View(HttpWire answered) =>
        (Id(answered, "\"member_id\":\""), Id(answered, "\"leader\":\""));

    private static ulong Id(HttpWire answered, string name)
    {
        var text = answered.Content;
        var at = text.IndexOf(name, StringComparison.Ordinal);
        if (at < 0) return 0;
        var end = text.IndexOf('"', at + name.Length);
        return end > 0 && ulong.TryParse(text.AsSpan((at + name.Length)..end), CultureInfo.InvariantCulture, out var id) ? id : 0;
    }

    private (ulong Self, ulong Leader) Look(int member)
    {
        try
        {
            using var wire = new HttpWire(Address(member));
            return wire.Ask(LeaderQuestion(member)) == 200 ? View(wire) : default;
        }
        catch (SocketException)
        {
            return default; // Not there yet.
        }
    }

    private string Free(int place)
    {
        var address = _run.Addresses.Next(place);
        return $"{address}:{FreePorts.Next(address)}";
    }

    private sealed record Member(string Name, string Client, string Peer, string Folder, string Program)
    {
        public ChildProcess? Process { get; set; }
    }
}
