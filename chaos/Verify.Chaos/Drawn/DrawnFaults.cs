using System.Collections.Immutable;
using Verify.Scenarios;

namespace Verify.Chaos.Drawn;

/// <summary>Draws what is done to the fleet, and when: which kinds of faults there are at all, how many, whom they hit, how long they last.</summary>
/// <param name="further">For kinds that came later: a seed in which they are switched off draws what it always drew.</param>
internal sealed class DrawnFaults(Knobs knobs, Knobs further, FleetSpec fleet, TimeSpan work)
{
    private readonly string[] _nodes = [.. fleet.Nodes.Values.SelectMany(n => n)];
    private readonly string[] _servers = [.. fleet.Servers.Values.SelectMany(n => n)];
    private readonly FaultAtlas _atlas = new(fleet);

    /// <summary>For kinds that came later still; null: there are none in this seed.</summary>
    public Knobs? Later { get; init; }

    /// <summary>With <see cref="Later"/>: one more kind, which came after those.</summary>
    public bool StallsDisks { get; init; }

    public ImmutableArray<Step> Draw()
    {
        var kinds = Kinds();
        var count = kinds.Count == 0 ? 0 : knobs.From("faults", 1, 8);
        var steps = ImmutableArray.CreateBuilder<Step>();
        foreach (var (at, until) in Times(count))
        {
            // A node that lost its disk needs a group that is whole otherwise to come back to: it waits for the end. What an operator wished is not undone.
            if (kinds[knobs.Dice.Next(kinds.Count)]() is { } fault) steps.Add(new Step(at, fault is Fault.LostDisk or Fault.Takeover or Fault.Errant ? null : until, fault));
        }

        return steps.ToImmutable();
    }

    private List<Func<Fault?>> Kinds()
    {
        var kinds = new List<Func<Fault?>>();
        var places = fleet.DataCenters.Length;
        void Kind(string name, int perMille, bool isPossible, Func<Fault?> draw)
        {
            if (isPossible && knobs.Switch(name, perMille)) kinds.Add(draw);
        }

        Kind("kills of nodes", 500, true, () => new Fault.Kill(Node()));
        Kind("kills of servers", 300, _servers.Length > 1, () => new Fault.Kill(Server()));
        Kind("pauses", 300, true, () => new Fault.Pause(Node()));
        Kind("restart storms", 150, true, () => new Fault.RestartStorm(Node(), Ms(100, 900)));
        Kind("rolling restarts", 150, true, () => new Fault.RollingRestart(Ms(50, 700), Ms(800, 2_500)));
        Kind("partitions", 400, places > 1, () => new Fault.Partition([[Place()]]));
        Kind("one-way cuts", 300, places > 1, () => Pair() is var (from, to) ? new Fault.OneWay(from, to) : null);
        Kind("rings", 400, places > 3, () => new Fault.Ring([.. fleet.DataCenters.Select(d => new Target.DataCenter(d))]));
        Kind("bridges", 300, places > 2, () => new Fault.Bridge(Place()));
        Kind("swizzles", 200, places > 1, () => new Fault.Swizzle([Place()]));
        Kind("slow links", 250, places > 1, () => Pair() is var (from, to) ? new Fault.Slow(from, to, Ms(10, 300), Ms(0, 100)) : null);
        Kind("lossy links", 250, places > 1, () => Pair() is var (from, to) ? new Fault.Lossy(from, to, Share()) : null);
        Kind("garbled bytes", 250, places > 1, () => Pair() is var (from, to) ? new Fault.Garble(from, to, Share()) : null);
        Kind("repeated bytes", 250, places > 1, () => Pair() is var (from, to) ? new Fault.Repeat(from, to, Share()) : null);
        Kind("reconnects", 250, places > 1, () => Pair() is var (from, to) ? new Fault.Reconnect(from, to, Ms(50, 1_000)) : null);
        Kind("full disks", 250, true, () => new Fault.DiskFull(Node()));
        Kind("slow disks", 250, true, () => new Fault.SlowDisk(Node(), 2 + knobs.Dice.Next(100)));
        Kind("failing writes", 200, true, () => new Fault.FailWrites(Node()));
        Kind("failing syncs", 200, true, () => new Fault.FailSyncs(Node()));
        Kind("bit rot", 200, _atlas.DamagedMax > 0, () => Victim() is { } node ? new Fault.BitRot(node) : null);
        Kind("torn sectors", 200, _atlas.DamagedMax > 0, () => Victim() is { } node ? new Fault.TornSector(node) : null);
        Kind("misdirected writes", 200, _atlas.DamagedMax > 0, () => Victim() is { } node ? new Fault.Misdirect(node) : null);
        Kind("lost disks", 150, _atlas.DamagedMax > 0, () => Victim() is { } node ? new Fault.LostDisk(node) : null);
        Kind("skewed clocks", 300, true, Skew);
        Kind("clock steps", 200, true, () => new Fault.ClockStep(Node(), Jump()));
        Kind("clock strobes", 150, true, () => new Fault.ClockStrobe(Node(), Jump(), Ms(20, 400)));
        void Further(string name, int perMille, bool isPossible, Func<Fault?> draw)
        {
            if (isPossible && further.Switch(name, perMille)) kinds.Add(draw);
        }

        Further("takeovers", 400, _servers.Length > 1, Takeover);
        Further("stopped SQL threads", 150, _servers.Length > 1, () => new Fault.StopSqlThread(Replica()));
        Further("lagging replicas", 150, _servers.Length > 1, () => new Fault.Lag(Replica(), TimeSpan.FromSeconds(1 + further.Dice.Next(5))));
        Further("cuts of single links", 200, _servers.Length > 1, () => new Fault.CutLink(Node(), Server()));

        // In a deep topology a server hands on to others what nobody above it has: then nobody says who is wrong.
        Further("errant transactions", 150, _servers.Length > 2 && fleet.Below.Count == 0, () => new Fault.Errant(Replica()));
        if (Later is not { } later || _servers.Length < 2) return kinds;
        if (later.Switch("servers that stand still", 150)) kinds.Add(() => new Fault.Pause(Server()));
        if (later.Switch("leaders that die at a moment of a recovery", 250)) kinds.Add(() => new Fault.DieAt(LedgerMoment.All[knobs.Dice.Next(LedgerMoment.All.Length)]));
        if (StallsDisks && later.Switch("disks of servers that stand still", fleet.ReplacesStalled ? 700 : 200)) kinds.Add(() => new Fault.StallDisk(Server()));
        return kinds;
    }

    /// <summary>To a server by name, to one that the leader chooses, and now and then by force.</summary>
    private Fault.Takeover Takeover() => new(further.Dice.Next(3) == 0 ? null : Replica(), IsForced: further.Dice.Next(5) == 0);

    private Target Replica() => further.Dice.Next(2) == 0 ? new Target.OneReplica() : new Target.Named(_servers[further.Dice.Next(_servers.Length)]);

    /// <summary>Each fault begins within the work and ends at least half a second before its end; several may overlap.</summary>
    private (TimeSpan At, TimeSpan Until)[] Times(int count)
    {
        var lengthMsMax = knobs.From("a fault lasts up to (ms)", 1_000, 8_000);
        var endMs = (int)work.TotalMilliseconds - 500;
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            var at = 200 + knobs.Dice.Next(endMs - 1_400);
            var until = Math.Min(endMs, at + 500 + knobs.Dice.Next(lengthMsMax));
            return (At: TimeSpan.FromMilliseconds(at), Until: TimeSpan.FromMilliseconds(until));
        }).OrderBy(t => t.At)];
    }

    private TimeSpan Ms(int low, int high) => TimeSpan.FromMilliseconds(low + knobs.Dice.Next(high - low + 1));

    private int Share() => 20 + knobs.Dice.Next(280);

    private TimeSpan Jump() => TimeSpan.FromSeconds(knobs.Dice.Next(7_200) - 3_600);

    private Target Node() => knobs.Dice.Next(4) switch
    {
        0 => new Target.Leader(),
        1 when _nodes.Length > 1 => new Target.OneFollower(),
        _ => new Target.Named(_nodes[knobs.Dice.Next(_nodes.Length)]),
    };

    /// <summary>A node whose data may be damaged; null when enough of them are.</summary>
    private Target.Named? Victim()
    {
        var node = _nodes[knobs.Dice.Next(_nodes.Length)];
        if (_atlas.TryDamage(node)) return new(node);
        return _atlas.Damaged.Count == 0 ? null : new(_atlas.Damaged.ElementAt(knobs.Dice.Next(_atlas.Damaged.Count)));
    }

    private Target Server() => knobs.Dice.Next(3) switch
    {
        0 => new Target.Primary(),
        1 => new Target.OneReplica(),
        _ => new Target.Named(_servers[knobs.Dice.Next(_servers.Length)]),
    };

    private Target.DataCenter Place() => new(fleet.DataCenters[knobs.Dice.Next(fleet.DataCenters.Length)]);

    private (Target.DataCenter From, Target.DataCenter To) Pair()
    {
        var from = knobs.Dice.Next(fleet.DataCenters.Length);
        var to = (from + 1 + knobs.Dice.Next(fleet.DataCenters.Length - 1)) % fleet.DataCenters.Length;
        return (new(fleet.DataCenters[from]), new(fleet.DataCenters[to]));
    }

    /// <summary>Offsets of up to an hour; drift within the bound that leases are counted with.</summary>
    private Fault.ClockSkew Skew() => new(Node(), Jump(), 1 + ((knobs.Dice.Next(19) - 9) / 1000.0));
}
