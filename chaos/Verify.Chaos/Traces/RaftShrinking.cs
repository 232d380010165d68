using Verify.Sim.RaftOnly;

namespace Verify.Chaos.Traces;

/// <summary>Makes a schedule of the Raft swarm small. First each message that arrives is named (<see cref="RaftSwarm.ByLetter"/>): then a deed
/// that goes away moves nothing else, a delay that nobody needs is none any more, and a doubled or lost message is a deed like every other. After that faults
/// go first, while everything else is still there to make up for them; then all deeds, as long as no fault comes in their place.</summary>
/// <param name="fails">Whether the same check fails with no more faults than that; the number is of the parts that are left.</param>
internal sealed class RaftShrinking(TimeSpan budget, TimeProvider time, Func<RaftPlay, int, int, bool> fails)
{
    private const int TurnsMax = 12;
    private readonly long _start = time.GetTimestamp();

    private bool GoesOn => time.GetElapsedTime(_start) < budget;
    private bool IsFirstHalf => time.GetElapsedTime(_start) < budget / 2;

    public RaftPlay Least(RaftPlay whole)
    {
        var named = whole with { Schedule = RaftSwarm.ByLetter(whole.Schedule, whole.HasActors) };
        var starts = Holds(named) ? new[] { named, whole } : [whole];
        // What is left depends on the order and on where one begins: several turns, each from another end.
        RaftPlay? least = null;
        for (var turn = 0; turn < TurnsMax && (least is null || IsFirstHalf); turn++)
        {
            var tried = WithFewFaults(starts[turn % starts.Length], turn / starts.Length);
            if (least is null || IsLess(tried, least)) least = tried;
        }

        return WithFewDeeds(least ?? whole);
    }

    private bool Holds(RaftPlay play, int faultsMax = int.MaxValue) => fails(play, play.Schedule.Deeds.Length, faultsMax);

    private static int FaultsOf(RaftPlay play) => play.Play(new()).Faults;

    private static bool IsLess(RaftPlay one, RaftPlay other)
    {
        var (a, b) = (FaultsOf(one), FaultsOf(other));
        return a < b || (a == b && one.Schedule.Deeds.Length < other.Schedule.Deeds.Length);
    }

    private RaftPlay WithFewFaults(RaftPlay start, int turn)
    {
        if (!start.Schedule.IsByLetter) return start with { Schedule = WithoutFaults(start, turn) };
        // What is undone may need something else undone before it can go: until nothing more goes.
        for (var least = start;;)
        {
            var before = FaultsOf(least);
            least = Mended(least, turn);
            if (FaultsOf(least) >= before || !GoesOn) return least;
        }
    }

    private RaftPlay WithFewDeeds(RaftPlay play)
    {
        for (var before = int.MaxValue; play.Schedule.Deeds.Length < before && GoesOn;)
        {
            before = play.Schedule.Deeds.Length;
            var (longer, faults) = (play, FaultsOf(play));
            RaftPlay With(IReadOnlyList<SwarmDeed> deeds) => longer with { Schedule = longer.Schedule with { Deeds = [.. deeds] } };
            play = With(DeltaDebugging.Minimize(play.Schedule.Deeds, deeds => Holds(With(deeds), faults), () => GoesOn));
            if (play.Schedule.IsByLetter) play = Mended(play, turn: 0);
        }

        while (Smaller(play) is { } smaller && Holds(smaller, FaultsOf(play))) play = smaller;
        return play;
    }

    /// <summary>With one node less, while there are nodes that do not vote at first.</summary>
    private static RaftPlay? Smaller(RaftPlay play)
    {
        var options = play.Schedule.Options;
        return options.Nodes <= Math.Max(options.Voters, 3) ? null : play with { Schedule = play.Schedule with { Options = options with { Nodes = options.Nodes - 1 } } };
    }

    /// <summary>Of a schedule by letters: deeds that hurt go, and messages that were lost, doubled or late come once and in order.</summary>
    private RaftPlay Mended(RaftPlay play, int turn)
    {
        var deeds = play.Schedule.Deeds;
        var repairs = RaftSwarm.Play(play.Schedule, new SwarmWatch()).Repairs;
        var order = new Verify.Node.Seam.Dice((ulong)turn);
        var units = deeds.Select((deed, at) => (deed, at)).Where(d => d.deed.IsFault).Select(d => new SwarmRepair(d.at, d.at, null)).Concat(repairs)
            .Select(unit => (Unit: unit, Place: turn == 0 ? 0 : order.Next(int.MaxValue))).OrderBy(u => u.Place).Select(u => u.Unit).ToArray();
        var faults = FaultsOf(play);
        RaftPlay Of(IReadOnlyList<SwarmRepair> kept) => play with { Schedule = play.Schedule with { Deeds = [.. Without(deeds, units.Except(kept))] } };
        return Of(DeltaDebugging.Minimize(units, kept => Holds(Of(kept), faults), () => GoesOn));
    }

    private static IEnumerable<SwarmDeed> Without(IReadOnlyList<SwarmDeed> deeds, IEnumerable<SwarmRepair> undone)
    {
        var (gone, coming) = (new HashSet<int>(), new SortedDictionary<int, List<SwarmDeed>>());
        foreach (var repair in undone)
        {
            if (repair.Remove >= 0) gone.Add(repair.Remove);
            if (repair.Insert is not { } deed) continue;
            if (!coming.TryGetValue(repair.InsertAt, out var before)) coming.Add(repair.InsertAt, before = []);
            // They are told from the last to the first of a link.
            before.Insert(0, deed);
        }

        for (var at = 0; at < deeds.Count; at++)
        {
            if (coming.TryGetValue(at, out var before))
                foreach (var deed in before) yield return deed;
            if (!gone.Contains(at)) yield return deeds[at];
        }
    }

    /// <summary>Of a schedule in which messages arrive in their order: without the deeds that hurt, and the faults of messages (each a choice inside
    /// a deed), that are not needed.</summary>
    private SwarmSchedule WithoutFaults(RaftPlay play, int turn)
    {
        var schedule = play.Schedule;
        var hurts = schedule.Deeds.SelectMany((d, deed) => d.Choices.Select((c, at) => (Deed: deed, At: at, c))).Where(x => SwarmSchedule.MayHurtAMessage(x.c)).Select(x => (x.Deed, x.At));
        var order = new Verify.Node.Seam.Dice((ulong)turn);
        var units = schedule.Deeds.Select((d, deed) => (Deed: deed, At: -1)).Where(u => schedule.Deeds[u.Deed].IsFault).Concat(hurts)
            .Select(u => (Unit: u, Place: turn == 0 ? 0 : order.Next(int.MaxValue))).OrderBy(u => u.Place).Select(u => u.Unit).ToArray();
        SwarmSchedule Of(IReadOnlyList<(int Deed, int At)> kept)
        {
            var deeds = new SortedSet<int>(kept.Where(u => u.At < 0).Select(u => u.Deed));
            var quiet = OnlyHurting(schedule, kept.Where(u => u.At >= 0));
            return quiet with { Deeds = [.. quiet.Deeds.Where((d, deed) => !d.IsFault || deeds.Contains(deed))] };
        }

        var needed = DeltaDebugging.Minimize(units, kept => Holds(play with { Schedule = Of(kept) }), () => GoesOn);
        return needed.Count < units.Length ? Of(needed) : schedule;
    }

    private static SwarmSchedule OnlyHurting(SwarmSchedule schedule, IEnumerable<(int Deed, int At)> hurting)
    {
        var kept = new SortedSet<(int, int)>(hurting);
        return schedule with
        {
            Deeds = [.. schedule.Deeds.Select((d, deed) => d with
            {
                Choices = [.. d.Choices.Select((c, at) => SwarmSchedule.MayHurtAMessage(c) && !kept.Contains((deed, at)) ? SwarmSchedule.Harmless(c) : c)],
            })],
        };
    }
}
