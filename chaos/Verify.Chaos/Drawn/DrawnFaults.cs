using System.Collections.Immutable;
using Verify.Scenarios;

namespace Verify.Chaos.Drawn;

/// <summary>Draws what is done to the fleet, and when: which kinds of faults there are at all, how many, whom they hit, how long they last.</summary>
internal sealed class DrawnFaults(Knobs knobs, FleetSpec fleet, TimeSpan work)
{
    private readonly string[] _nodes = [.. fleet.Nodes.Values.SelectMany(n => n)];
    private readonly string[] _servers = [.. fleet.Servers.Values.SelectMany(n => n)];

    public ImmutableArray<Step> Draw()
    {
        var kinds = new List<Func<Fault>>();
        void Kind(string name, int perMille, bool isPossible, Func<Fault> draw)
        {
            if (isPossible && knobs.Switch(name, perMille)) kinds.Add(draw);
        }

        var places = fleet.DataCenters.Length;
        Kind("kills of nodes", 600, true, () => new Fault.Kill(Node()));
        Kind("kills of servers", 400, _servers.Length > 1, () => new Fault.Kill(Server()));
        Kind("pauses", 400, true, () => new Fault.Pause(Node()));
        Kind("partitions", 500, places > 1, () => new Fault.Partition([[Place()]]));
        Kind("one-way cuts", 400, places > 1, OneWay);
        Kind("slow links", 300, places > 1, Slow);
        Kind("full disks", 300, true, () => new Fault.DiskFull(Node()));
        Kind("skewed clocks", 400, true, Skew);
        var count = kinds.Count == 0 ? 0 : knobs.From("faults", 1, 6);
        return Times(count).Select(t => new Step(t.At, t.Until, kinds[knobs.Dice.Next(kinds.Count)]())).ToImmutableArray();
    }

    /// <summary>Each fault begins within the work and ends at least half a second before its end; several may overlap.</summary>
    private IEnumerable<(TimeSpan At, TimeSpan Until)> Times(int count)
    {
        var lengthMsMax = knobs.From("a fault lasts up to (ms)", 1_000, 8_000);
        var endMs = (int)work.TotalMilliseconds - 500;
        return Enumerable.Range(0, count).Select(_ =>
        {
            var at = 200 + knobs.Dice.Next(endMs - 1_400);
            var until = Math.Min(endMs, at + 500 + knobs.Dice.Next(lengthMsMax));
            return (TimeSpan.FromMilliseconds(at), TimeSpan.FromMilliseconds(until));
        }).OrderBy(t => t.Item1).ToArray();
    }

    private Target Node() => knobs.Dice.Next(4) switch
    {
        0 => new Target.Leader(),
        1 when _nodes.Length > 1 => new Target.OneFollower(),
        _ => new Target.Named(_nodes[knobs.Dice.Next(_nodes.Length)]),
    };

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

    private Fault OneWay()
    {
        var (from, to) = Pair();
        return new Fault.OneWay(from, to);
    }

    private Fault Slow()
    {
        var (from, to) = Pair();
        return new Fault.Slow(from, to, TimeSpan.FromMilliseconds(10 + knobs.Dice.Next(290)), TimeSpan.FromMilliseconds(knobs.Dice.Next(100)));
    }

    /// <summary>Offsets of up to an hour; drift within the bound that leases are counted with.</summary>
    private Fault.ClockSkew Skew() => new(
        Node(), TimeSpan.FromSeconds(knobs.Dice.Next(7_200) - 3_600), 1 + ((knobs.Dice.Next(19) - 9) / 1000.0));
}
