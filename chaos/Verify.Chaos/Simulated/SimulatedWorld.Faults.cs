using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Verify.Chaos.Worlds;
using Verify.Checks;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Sim;
using Verify.Sim.Hosts;
using Verify.Sim.Network;

namespace Verify.Chaos.Simulated;

/// <summary>The faults that only a simulated world can make: links and disks that lie, clocks that jump, disks that are lost.</summary>
internal sealed partial class SimulatedWorld
{
    private const int RottenBits = 4;
    private const int TriesMax = 60;
    private readonly SortedDictionary<string, string> _tokens = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _withoutDisk = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _heldDown = new(StringComparer.Ordinal);
    private int _tokensMade;

    public ValueTask StepClockAsync(string node, TimeSpan by)
    {
        _world.JumpClock(_nodes[node], by);
        return ValueTask.CompletedTask;
    }

    /// <summary>Loss is for everybody. Only nodes have a checksum of their own against garbled and repeated bytes: MySQL's protocol has none
    /// without TLS, and nobody claims that it survives them.</summary>
    public ValueTask TroubleAsync(string fromDataCenter, string toDataCenter, LinkTrouble trouble)
    {
        ArgumentNullException.ThrowIfNull(trouble);
        if (trouble.GarbledPerMille + trouble.RepeatedPerMille == 0) _world.SetTrouble(fromDataCenter, toDataCenter, trouble);
        foreach (var (from, to) in NodesBetween(fromDataCenter, toDataCenter)) _world.SetTrouble(from, to, trouble);
        return ValueTask.CompletedTask;
    }

    public ValueTask<long> TroublesAsync(string fromDataCenter, string toDataCenter) =>
        ValueTask.FromResult(_world.TroublesOf(fromDataCenter, toDataCenter).Total);

    public ValueTask<long> LoseWritersAsync(string fromDataCenter, string toDataCenter) =>
        ValueTask.FromResult((long)_world.LoseWriters(fromDataCenter, toDataCenter));

    public ValueTask SlowDiskAsync(string node, int factor)
    {
        _nodes[node].Disk.SetTiming(_world.Options.Disk.Times(factor));
        return ValueTask.CompletedTask;
    }

    public ValueTask HurtDiskAsync(string node, DiskHurt hurt)
    {
        var disk = _nodes[node].Disk;
        switch (hurt)
        {
            case DiskHurt.FailedWrite: disk.FailNextWrites(1); break;
            case DiskHurt.FailedSync: disk.FailNextSyncs(1); break;
            case DiskHurt.MisdirectedWrite: disk.MisdirectNextWrites(1, NodeFiles.HoldsTheVote); break;
            default:
                var dice = _world.Dice.Fork(string.Create(CultureInfo.InvariantCulture, $"damage of {node} at {_world.NowMicros}"));
                var files = disk.Names.Where(name => disk.LengthOf(name) > 0 && !NodeFiles.HoldsTheVote(name)).ToArray();
                for (var i = 0; files.Length > 0 && i < (hurt == DiskHurt.Rot ? RottenBits : 1); i++) Damage(disk, files[dice.Next(files.Length)], dice, hurt);
                break;
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask MendDiskAsync(string node)
    {
        var disk = _nodes[node].Disk;
        disk.FailNextWrites(0);
        disk.FailNextSyncs(0);
        disk.MisdirectNextWrites(0);
        return ValueTask.CompletedTask;
    }

    public async ValueTask HoldDownAsync(IReadOnlyCollection<string> nodes)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        _heldDown.UnionWith(nodes);
        foreach (var node in nodes) await KillAsync(node);
    }

    public ValueTask ReleaseAsync()
    {
        _heldDown.Clear();
        return ValueTask.CompletedTask;
    }

    public async ValueTask<bool> ReviveAsync()
    {
        var dead = _nodes.Values.Where(n => !n.IsAlive && !_withoutDisk.Contains(n.Name) && !_heldDown.Contains(n.Name)).ToArray();
        foreach (var host in dead) await StartAgainAsync(host.Name);
        return dead.Length > 0;
    }

    public ValueTask<long> DiskHurtsAsync(string node, DiskHurt hurt)
    {
        var disk = _nodes[node].Disk;
        return ValueTask.FromResult(hurt switch
        {
            DiskHurt.MisdirectedWrite => disk.MisdirectedHits,
            DiskHurt.FailedWrite or DiskHurt.FailedSync => disk.FailureHits,
            _ => disk.DamagedBytes,
        });
    }

    public async ValueTask LoseDiskAsync(string node)
    {
        await KillAsync(node);
        _nodes[node].Disk.Wipe();
        _withoutDisk.Add(node);
    }

    /// <summary>A node that has lost its vote as well cannot know what it has promised, so it is no member any more (LostEntries.cs): the group
    /// takes it out, and lets in a newcomer of that name.</summary>
    public async ValueTask ComeBackEmptyAsync(string node)
    {
        var id = new Raft.NodeId(NodeNames.PeerIdentity(node));
        for (var tries = 0; tries < TriesMax; tries++)
        {
            if (await LeaderAsync() is { } leader && await IsOutAsync(leader, id) && await MakeTokenAsync(leader, node))
            {
                _withoutDisk.Remove(node);
                await StartAgainAsync(node);
                return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(500), Time, CancellationToken.None);
        }

        throw new IOException($"{node} has lost its disk, and nobody who leads could take it out of the group and let it in again");
    }

    private async ValueTask<bool> IsOutAsync(SimHost leader, Raft.NodeId id)
    {
        if (await AskAsync(leader, new ApiRequest.ClusterLeave(id, IsForced: true)) is ApiReply.Done) return true;
        return await AskAsync(leader, new ApiRequest.RaftStatus()) is ApiReply.Raft(var view) && view.Status.HasLease
            && view.Status.MembershipIndex <= view.Status.Commit && !view.Status.Membership.Contains(id);
    }

    private async ValueTask<bool> MakeTokenAsync(SimHost leader, string node)
    {
        var (id, secret) = (string.Create(CultureInfo.InvariantCulture, $"t-{node}-{++_tokensMade}"), $"secret-of-{node}");
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(secret));
        if (await AskAsync(leader, new ApiRequest.CreateJoinToken(id, hash, TimeSpan.FromMinutes(10))) is not ApiReply.Done) return false;
        _tokens[node] = $"{id}.{secret}";
        return true;
    }

    private async ValueTask<SimHost?> LeaderAsync()
    {
        foreach (var host in _nodes.Values.Where(h => h is { IsAlive: true, IsPaused: false }))
            if (await AskAsync(host, new ApiRequest.RaftStatus()) is ApiReply.Raft(var view) && view.Status.HasLease) return host;
        return null;
    }

    private JoinSettings JoinOf(string name) => !_tokens.TryGetValue(name, out var token) ? new JoinSettings() : new JoinSettings
    {
        Via = [.. Nodes.Keys.Where(n => n != name).Select(n => new Endpoint(n, NodeNames.PeerPort))], Token = token, GiveUpAfter = TimeSpan.Zero,
    };

    private static void Damage(Sim.Disk.SimDisk disk, string file, Dice dice, DiskHurt hurt)
    {
        var offset = dice.Next((int)Math.Min(int.MaxValue, disk.LengthOf(file)));
        if (hurt == DiskHurt.TornSector) disk.TearSector(file, offset);
        else disk.Damage(file, offset, (byte)(1 << dice.Next(8)));
    }

    private IEnumerable<(string From, string To)> NodesBetween(string from, string to) =>
        _nodes.Values.Where(n => n.DataCenter == from).SelectMany(_ => _nodes.Values.Where(n => n.DataCenter == to), (a, b) => (a.Name, b.Name)).Where(p => p.Item1 != p.Item2);
}
