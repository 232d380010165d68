using Verify.Sim.Hosts;
using Verify.Sim.Network;
using Verify.Sim.Scheduling;

namespace Verify.Sim;

/// <summary>The words by which a world is hurt and healed. A place is the name of a host or of a data centre.</summary>
public sealed partial class SimWorld
{
    /// <summary>The hosts at a place.</summary>
    /// <exception cref="ArgumentException">Neither a host nor a data centre.</exception>
    public IReadOnlyList<SimHost> HostsAt(string place)
    {
        if (FindHost(place) is { } host) return [host];
        var hosts = _hosts.FindAll(candidate => string.Equals(candidate.DataCenter, place, StringComparison.Ordinal));
        return hosts.Count > 0 ? hosts : throw new ArgumentException($"'{place}' is neither a host nor a data centre of this world", nameof(place));
    }

    /// <summary>Cuts one way: nothing gets from there to here any more. Cuts add up; each is ended by one <see cref="Heal"/>.</summary>
    public void Cut(string from, string to, CutStyle style = CutStyle.Blackhole)
    {
        foreach (var link in LinksBetween(from, to))
        {
            if (link.Cut(style, NowMicros) is not { } window) continue;
            _cutWindows.Add(window);
            if (style == CutStyle.Refuse) Reset(link);
        }
    }

    public void CutBothWays(string one, string other, CutStyle style = CutStyle.Blackhole)
    {
        Cut(one, other, style);
        Cut(other, one, style);
    }

    /// <summary>Cuts a place off from everybody else, both ways.</summary>
    public void Isolate(string place, CutStyle style = CutStyle.Blackhole)
    {
        var inside = HostsAt(place);
        foreach (var host in _hosts)
        {
            if (inside.Contains(host)) continue;
            CutBothWays(place, host.Name, style);
        }
    }

    /// <summary>Ends one cut of that way.</summary>
    public void Heal(string from, string to)
    {
        foreach (var link in LinksBetween(from, to)) link.Heal(NowMicros, all: false);
    }

    public void HealBothWays(string one, string other)
    {
        Heal(one, other);
        Heal(other, one);
    }

    /// <summary>Ends all cuts.</summary>
    public void HealAll()
    {
        foreach (var row in _links)
            foreach (var link in row) link?.Heal(NowMicros, all: true);
    }

    /// <summary>Changes the latency of one way.</summary>
    public void SetLatency(string from, string to, LinkShape shape)
    {
        foreach (var link in LinksBetween(from, to)) link.SetShape(shape);
    }

    /// <summary>Gives one way its usual latency again.</summary>
    public void ResetLatency(string from, string to)
    {
        foreach (var link in LinksBetween(from, to)) link.SetShape(UsualShape(link.From, link.To));
    }

    /// <summary>All open connections between the two places are lost at once.</summary>
    public void LoseConnections(string one, string other)
    {
        foreach (var link in LinksBetween(one, other)) Reset(link);
    }

    /// <summary>What is wrong with one way from now on; <see cref="LinkTrouble.None"/> ends it.</summary>
    public void SetTrouble(string from, string to, LinkTrouble trouble)
    {
        ArgumentNullException.ThrowIfNull(trouble);
        foreach (var link in LinksBetween(from, to)) link.SetTrouble(trouble);
    }

    /// <summary>How often troubles bit on one way, since the beginning.</summary>
    public TroubleCounts TroublesOf(string from, string to)
    {
        var sum = new TroubleCounts(0, 0, 0);
        foreach (var link in LinksBetween(from, to))
            sum = new(sum.Lost + link.Troubles.Lost, sum.Garbled + link.Troubles.Garbled, sum.Repeated + link.Troubles.Repeated);
        return sum;
    }

    /// <summary>Whoever speaks from there to here learns that the connection is lost, and may dial anew at once; what was under way arrives
    /// late all the same. Returns how many ends were told.</summary>
    public int LoseWriters(string from, string to)
    {
        var broken = 0;
        foreach (var link in LinksBetween(from, to))
        {
            if (link.From.Life is not { IsAlive: true } life) continue;
            foreach (var stream in life.Streams)
                if (stream.Joins(link.From, link.To) && stream.BreakHere("connection timed out")) broken++;
        }

        return broken;
    }

    /// <summary>Segments and attempts to connect that cuts have stopped on one way, since the beginning.</summary>
    public long StoppedBetween(string from, string to)
    {
        var stopped = 0L;
        foreach (var link in LinksBetween(from, to)) stopped += link.Stopped;
        return stopped;
    }

    /// <summary>Segments that got through and that were held on one way, since the beginning.</summary>
    public (long Delivered, long Held) TrafficOf(string from, string to)
    {
        var (delivered, held) = (0L, 0L);
        foreach (var link in LinksBetween(from, to)) (delivered, held) = (delivered + link.SegmentsDelivered, held + link.SegmentsHeld);
        return (delivered, held);
    }

    /// <summary>Ends the process of a host.</summary>
    public void Kill(SimHost host, Crash crash = Crash.Machine)
    {
        CheckOwn(host);
        host.EndLife(crash);
    }

    /// <summary>Starts the host's program again, on the same disk; kills it first when it runs.</summary>
    public void Restart(SimHost host, Crash crash = Crash.Machine)
    {
        CheckOwn(host);
        host.EndLife(crash);
        host.Start();
    }

    /// <summary>SIGSTOP: the process stands still, its clock and its kernel go on.</summary>
    public void Pause(SimHost host)
    {
        CheckOwn(host);
        if (host.IsAlive) Scheduler.Pause(host.Actor);
    }

    public void Resume(SimHost host)
    {
        CheckOwn(host);
        Scheduler.Resume(host.Actor);
    }

    /// <summary>Sets how far a host's wall clock is off, and how fast its clocks run (1.0 is true).</summary>
    public void SetClock(SimHost host, TimeSpan offset, decimal rate = 1.0m)
    {
        CheckOwn(host);
        host.Clock.SetOffset(offset.Ticks / 10);
        host.Clock.SetRate((long)(rate * SimClock.TrueRatePpm));
    }

    /// <summary>Moves a host's wall clock, at once.</summary>
    public void JumpClock(SimHost host, TimeSpan by)
    {
        CheckOwn(host);
        host.Clock.SetOffset(host.Clock.WallOffsetMicros + (by.Ticks / 10));
    }

    internal SimLink LinkBetween(SimHost from, SimHost to)
    {
        while (_links.Count <= from.Actor.Id) _links.Add([]);
        var row = _links[from.Actor.Id];
        while (row.Count <= to.Actor.Id) row.Add(null);
        return row[to.Actor.Id] ??= new SimLink(from, to, UsualShape(from, to), Choices);
    }

    private void CheckOwn(SimHost host)
    {
        ArgumentNullException.ThrowIfNull(host);
        Scheduler.CheckThread();
        if (host.World != this) throw new ArgumentException($"{host.Name} is a host of another world", nameof(host));
    }

    private LinkShape UsualShape(SimHost from, SimHost to) =>
        from == to ? Options.Loopback
        : string.Equals(from.DataCenter, to.DataCenter, StringComparison.Ordinal) ? Options.WithinDataCenter
        : Options.BetweenDataCenters;

    private List<SimLink> LinksBetween(string from, string to)
    {
        Scheduler.CheckThread();
        var links = new List<SimLink>();
        foreach (var source in HostsAt(from))
            foreach (var sink in HostsAt(to))
                if (source != sink) links.Add(LinkBetween(source, sink));
        return links;
    }

    private static void Reset(SimLink link)
    {
        ResetEnds(link.From, link.To);
        ResetEnds(link.To, link.From);
    }

    private static void ResetEnds(SimHost here, SimHost there)
    {
        if (here.Life is not { IsAlive: true } life) return;
        foreach (var stream in life.Streams)
            if (stream.Joins(here, there)) stream.Break("connection reset by peer");
    }
}
