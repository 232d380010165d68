using Verify.Chaos.Worlds;
using Verify.Node.Api;
using Verify.Node.Seam;
using Verify.Raft;
using Verify.Sim;
using Verify.Sim.Hosts;

namespace Verify.Chaos.Swarms;

/// <summary>What is done to the nodes of one schedule, one deed at a time, and how it is undone at the end. It never does more damage than
/// the protocol claims to survive: data is lost on one node at the most, and only while the group does not shrink.</summary>
internal sealed class ClusterNemesis(ClusterWorld world, ClusterSwarmOptions options, Dice dice, ClusterPromises promises, Action<string>? tell,
    IReadOnlyList<ClusterDeed>? script = null)
{
    private readonly SortedDictionary<string, long> _counts = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _removed = new(StringComparer.Ordinal);
    private readonly List<ClusterDeed> _done = [];
    private Dice _dice = dice;
    private string? _rotten;

    public IReadOnlyDictionary<string, long> Counts => _counts;

    /// <summary>What was done, so that it can be done again, or some of it.</summary>
    public IReadOnlyList<ClusterDeed> Done => _done;

    /// <summary>The node whose files were damaged; it need not come back.</summary>
    public string? Rotten => _rotten;

    public async Task ActAsync(Func<bool> goes)
    {
        var deeds = Deeds();
        if (options.DriftPerMille > 0) Drift();
        if (script is not null)
        {
            await FollowAsync(script, deeds, goes);
            return;
        }

        while (goes())
        {
            var pause = 20 + _dice.Next(options.PauseMsMax);
            await Task.Delay(TimeSpan.FromMilliseconds(pause), world.Time, CancellationToken.None);
            if (deeds.Count == 0 || !goes())
            {
                _done.Add(new(pause, ClusterDeed.Nothing, _dice.State));
                continue;
            }

            var (name, deed) = deeds[_dice.Next(deeds.Count)];
            _done.Add(new(pause, name, _dice.State));
            if (await deed()) Count(name);
        }
    }

    /// <summary>Deeds that were written down: each with the dice as they stood, so that it hits whom it hit whatever was left out before.</summary>
    private async Task FollowAsync(IReadOnlyList<ClusterDeed> written, List<(string Name, Func<Task<bool>> Do)> deeds, Func<bool> goes)
    {
        foreach (var one in written)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(one.AfterMs), world.Time, CancellationToken.None);
            if (!goes()) return;
            var (name, deed) = deeds.Find(d => d.Name == one.Name);
            if (deed is null) continue;
            _dice = new Dice(one.Dice);
            _done.Add(one);
            if (await deed()) Count(name);
        }
    }

    private void Count(string name) => _counts[name] = _counts.GetValueOrDefault(name) + 1;

    /// <summary>Everything heals; every node runs that is wanted.</summary>
    public void HealAll()
    {
        world.Sim.HealAll();
        foreach (var host in world.Hosts)
        {
            if (host.IsPaused) world.Sim.Resume(host);
            Mend(host);
            if (!host.IsAlive && !_removed.Contains(host.Name) && !world.Spares.Contains(host.Name)) world.Sim.Start(host);
        }
    }

    /// <summary>What a supervisor does: a process that ended is started again, with the page cache of a machine that was.</summary>
    public void StartAgain()
    {
        foreach (var host in world.Hosts)
            if (!host.IsAlive && host.Name != _rotten && !_removed.Contains(host.Name) && !world.Spares.Contains(host.Name)) world.Sim.Start(host);
    }

    /// <summary>The group counts on this node. One that was let in and taken out again before it heard of either asks anew, with its
    /// token, and is let in: from then on a supervisor has to keep it running like every other member.</summary>
    public void WantAgain(string name) => _removed.Remove(name);

    private List<(string Name, Func<Task<bool>> Do)> Deeds()
    {
        var deeds = new List<(string Name, Func<Task<bool>> Do)>();
        void Add(bool isOn, string name, Func<Task<bool>> deed)
        {
            if (isOn) deeds.Add((name, deed));
        }

        Add(options.Kills, "kills", () => Now(Kill));
        Add(options.Kills, "starts", () => Now(StartOne));
        Add(options.Cuts, "cuts", () => Now(Cut));
        Add(options.Cuts, "heals", () => Now(Heal));
        Add(options.Pauses, "pauses", PauseAsync);
        Add(options.FullDisks, "full disks", () => Now(FillOrFree));
        Add(options.SlowDisks, "slow disks", () => Now(SlowDisk));
        Add(options.FailingSyncs, "failing syncs", () => Now(FailSync));
        Add(options.Rot, "rotten files", () => Now(Rot));
        Add(options.Joins, "joins", JoinAsync);
        Add(options.Leaves, "leaves", LeaveAsync);
        Add(options.Transfers, "transfers", TransferAsync);
        Add(options.Snapshots, "snapshots", SnapshotAsync);
        Add(options.ClockSteps, "clock steps", StepClockAsync);
        Add(options.FailedWrites, "failed writes", () => Now(FailWrite));
        Add(options.MisdirectedWrites, "misdirected writes", () => Now(Misdirect));
        Add(options.TornSectors, "torn sectors", () => Now(Tear));
        return deeds;
    }

    private static Task<bool> Now(Func<bool> deed) => Task.FromResult(deed());

    private SimHost Any() => world.Sim.Hosts[_dice.Next(world.Sim.Hosts.Count)];

    private bool IsWanted(SimHost host) => !_removed.Contains(host.Name) && !world.Spares.Contains(host.Name);

    private bool Kill()
    {
        var host = Any();
        if (!host.IsAlive) return false;
        var crash = (Crash)_dice.Next(3);
        tell?.Invoke($"{world.Sim.Now}: kill {host.Name} ({crash})");
        world.Sim.Kill(host, crash);
        if (_dice.Chance(500)) world.Sim.Start(host);
        return true;
    }

    private bool StartOne()
    {
        var down = world.Hosts.Where(h => !h.IsAlive && IsWanted(h)).ToArray();
        if (down.Length == 0) return false;
        var host = down[_dice.Next(down.Length)];
        tell?.Invoke($"{world.Sim.Now}: start {host.Name}");
        world.Sim.Start(host);
        return true;
    }

    private bool Cut()
    {
        var (one, other) = (Any(), Any());
        tell?.Invoke($"{world.Sim.Now}: cut {one.Name} {other.Name}");
        switch (_dice.Next(4))
        {
            case 0 when one != other: world.Sim.CutBothWays(one.Name, other.Name); break;
            case 1 when one != other: world.Sim.Cut(one.Name, other.Name); break;
            case 2:
                foreach (var host in world.Hosts)
                    if (host != one) world.Sim.Cut(one.Name, host.Name);
                break;
            default: world.Sim.Isolate(one.Name); break;
        }

        return true;
    }

    private bool Heal()
    {
        tell?.Invoke($"{world.Sim.Now}: heal");
        world.Sim.HealAll();
        return true;
    }

    private async Task<bool> PauseAsync()
    {
        var host = _dice.Chance(500) && await world.LeaderAsync() is { } leader ? leader.Host : Any();
        if (!host.IsAlive || host.IsPaused) return false;
        tell?.Invoke($"{world.Sim.Now}: pause {host.Name}");
        world.Sim.Pause(host);
        await Task.Delay(TimeSpan.FromMilliseconds(50 + _dice.Next(3_000)), world.Time, CancellationToken.None);
        world.Sim.Resume(host);
        return true;
    }

    private bool FillOrFree()
    {
        var host = Any();
        // A node that has nothing yet may say that it cannot begin on a full disk, and end.
        if (host.Disk.UsedBytes < 16_384 && !host.IsAlive) return false;
        if (host.Disk.CapacityBytes == long.MaxValue)
        {
            tell?.Invoke($"{world.Sim.Now}: fill the disk of {host.Name}");
            host.Disk.SetCapacity(host.Disk.UsedBytes + _dice.Next(4_000));
        }
        else
        {
            host.Disk.Empty();
        }

        return true;
    }

    private bool SlowDisk()
    {
        var host = Any();
        host.Disk.SetTiming(DiskTiming.Flash.Times(_dice.Chance(300) ? 1 : 1 + _dice.Next(200)));
        return true;
    }

    private bool FailSync()
    {
        var host = Any();
        if (!host.IsAlive) return false;
        tell?.Invoke($"{world.Sim.Now}: the next sync of {host.Name} fails");
        promises.Excuse(host.Name);
        host.Disk.FailNextSyncs(1);
        return true;
    }

    private bool FailWrite()
    {
        var host = Any();
        if (!host.IsAlive) return false;
        tell?.Invoke($"{world.Sim.Now}: the next write of {host.Name} fails");
        promises.Excuse(host.Name);
        host.Disk.FailNextWrites(1);
        return true;
    }

    private SimHost Victim() => _rotten is null ? Any() : world.Sim.Host(_rotten);

    private bool Rot()
    {
        var host = Victim();
        return IsWanted(host) && RotAt(host);
    }

    /// <summary>The next write of the one node that may be damaged lands elsewhere in its file, and nobody is told.</summary>
    private bool Misdirect()
    {
        var host = Victim();
        if (!host.IsAlive) return false;
        (_rotten, var at) = (host.Name, world.Sim.Now);
        promises.Excuse(host.Name);
        tell?.Invoke($"{at}: the next write of {host.Name} goes astray");
        host.Disk.MisdirectNextWrites(1, NodeFiles.HoldsTheVote);
        return true;
    }

    /// <summary>A sector at rest is torn on the one node that may be damaged.</summary>
    private bool Tear()
    {
        var host = Victim();
        var files = host.Disk.Names.Where(name => host.Disk.LengthOf(name) > 0 && !NodeFiles.HoldsTheVote(name)).ToArray();
        if (!IsWanted(host) || files.Length == 0) return false;
        _rotten = host.Name;
        promises.Excuse(host.Name);
        var file = files[_dice.Next(files.Length)];
        var offset = _dice.Next((int)Math.Min(int.MaxValue, host.Disk.LengthOf(file)));
        tell?.Invoke($"{world.Sim.Now}: a sector is torn on {host.Name}: {file} at {offset}, {host.Disk.TearSector(file, offset)} bytes");
        return true;
    }

    /// <summary>Turns a bit in a file of this node, or of the one that is rotten already.</summary>
    public bool RotAt(SimHost host)
    {
        if (_rotten is { } other) host = world.Sim.Host(other);
        var files = host.Disk.Names.Where(name => host.Disk.LengthOf(name) > 0).ToArray();
        if (files.Length == 0) return false;
        _rotten = host.Name;
        promises.Excuse(host.Name);
        var file = files[_dice.Next(files.Length)];
        var offset = _dice.Next((int)Math.Min(int.MaxValue, host.Disk.LengthOf(file)));
        tell?.Invoke($"{world.Sim.Now}: a bit turns on {host.Name}: {file} at {offset}");
        host.Disk.Damage(file, offset, (byte)(1 << _dice.Next(8)));
        return true;
    }

    private async Task<bool> JoinAsync()
    {
        if (world.Spares.Count == 0 || await world.LeaderAsync() is not { } leader) return false;
        var name = world.Spares.Dequeue();
        tell?.Invoke($"{world.Sim.Now}: {name} joins");
        await world.MakeTokenAsync(name, leader.Host);
        world.Sim.Start(world.Sim.Host(name));
        // Somebody who has no token to give, or replaces a node, asks the leader himself.
        var replaced = _dice.Chance(300) && options.Leaves ? leader.Status.Membership.Voters[_dice.Next(leader.Status.Membership.Voters.Length)] : (NodeId?)null;
        var reply = replaced is null && _dice.Chance(600) ? null
            : await world.AskAsync(leader.Host, new ApiRequest.ClusterJoin(new(name), world.ContactOf(name), StaysLearner: false, replaced, Token: null));
        if (replaced is not { } gone) return true;
        // Done says that the newcomer learns; the one it replaces votes until then, so it must run, and stops itself when it is out.
        tell?.Invoke($"{world.Sim.Now}: {name} replaces {gone}: {reply}");
        promises.Excuse(gone.Name);
        return true;
    }

    private async Task<bool> LeaveAsync()
    {
        if (await world.LeaderAsync() is not { } leader || leader.Status.Membership.Voters.Length <= 1) return false;
        var name = leader.Status.Membership.All[_dice.Next(leader.Status.Membership.All.Length)].Name;
        tell?.Invoke($"{world.Sim.Now}: {name} leaves");
        promises.Excuse(name);
        var reply = await world.AskAsync(leader.Host, new ApiRequest.ClusterLeave(new(name), IsForced: false));
        tell?.Invoke($"{world.Sim.Now}: {name} leaves: {reply}");
        if (reply is ApiReply.Done) LetGo(name);
        return reply is ApiReply.Done;
    }

    /// <summary>It is no member any more: it ends itself, or runs on for a while and must not disturb.</summary>
    private void LetGo(string name)
    {
        promises.Excuse(name);
        _removed.Add(name);
    }

    private async Task<bool> TransferAsync()
    {
        if (await world.LeaderAsync() is not { } leader) return false;
        var voters = leader.Status.Membership.Voters;
        NodeId? to = _dice.Chance(300) ? null : voters[_dice.Next(voters.Length)];
        tell?.Invoke($"{world.Sim.Now}: leadership goes from {leader.Host.Name} to {to}");
        return await world.AskAsync(leader.Host, new ApiRequest.TransferLeadership(to)) is ApiReply.Done;
    }

    private async Task<bool> SnapshotAsync()
    {
        var host = Any();
        return host.IsAlive && !host.IsPaused && await world.AskAsync(host, new ApiRequest.TakeSnapshot()) is ApiReply.SnapshotMade;
    }

    /// <summary>A wall clock jumps, sometimes that of a leader which is cut off at the same moment: no lease may notice.</summary>
    private async Task<bool> StepClockAsync()
    {
        var host = _dice.Chance(500) && await world.LeaderAsync() is { } leader ? leader.Host : Any();
        var seconds = _dice.Next(7_200) - 3_600;
        tell?.Invoke($"{world.Sim.Now}: the wall clock of {host.Name} jumps by {seconds} s");
        world.Sim.JumpClock(host, TimeSpan.FromSeconds(seconds));
        if (options.Cuts && _dice.Chance(300)) world.Sim.Isolate(host.Name);
        return true;
    }

    private void Drift()
    {
        foreach (var host in world.Hosts)
            world.Sim.SetClock(host, TimeSpan.Zero, 1m + ((_dice.Next((2 * options.DriftPerMille) + 1) - options.DriftPerMille) / 1000m));
    }

    private static void Mend(SimHost host)
    {
        host.Disk.Empty();
        host.Disk.SetTiming(DiskTiming.Flash);
        host.Disk.FailNextSyncs(0);
        host.Disk.FailNextWrites(0);
        host.Disk.MisdirectNextWrites(0);
    }
}
