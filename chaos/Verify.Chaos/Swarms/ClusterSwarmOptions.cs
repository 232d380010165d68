using System.Text;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Sim;

namespace Verify.Chaos.Swarms;

/// <summary>How hard one schedule of whole nodes is, all of it drawn from the seed and printed whole; what is off is off completely.</summary>
internal sealed record ClusterSwarmOptions
{
    public int Voters { get; init; } = 3;

    /// <summary>Nodes that do not run until somebody wants them in the group.</summary>
    public int Spares { get; init; }
    public int Clients { get; init; } = 3;
    public int Keys { get; init; } = 3;

    /// <summary>How long faults go on.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Between two deeds of the nemesis, at the most.</summary>
    public int PauseMsMax { get; init; } = 1_000;
    public int SnapshotEntries { get; init; } = 8_192;
    public int TrailingEntries { get; init; } = 10_240;
    public int PieceBytes { get; init; } = 1 << 20;
    public int SegmentBytes { get; init; } = 16 << 20;
    public int LatencyMicros { get; init; } = 1_000;
    public int JitterMicros { get; init; } = 1_000;
    public bool Kills { get; init; }
    public bool Cuts { get; init; }
    public bool Pauses { get; init; }
    public bool FullDisks { get; init; }
    public bool SlowDisks { get; init; }
    public bool FailingSyncs { get; init; }

    /// <summary>Bits turn in a file of one node, which then need not come back. Never together with <see cref="Leaves"/>: a group that shrinks
    /// around a node that is lost has no majority, and nobody promised one.</summary>
    public bool Rot { get; init; }
    public bool Joins { get; init; }
    public bool Leaves { get; init; }
    public bool Transfers { get; init; }
    public bool Snapshots { get; init; }
    public bool ClockSteps { get; init; }

    /// <summary>Clocks run up to so much faster or slower than true.</summary>
    public int DriftPerMille { get; init; }
    public bool LeaseReads { get; init; }

    /// <summary>So few sessions of writes are remembered, and clients begin new ones now and then; 0: as many as in production.</summary>
    public int SessionsMax { get; init; }

    /// <summary>Writes that fail (EIO): the node stops, and has lost nothing that it acknowledged.</summary>
    public bool FailedWrites { get; init; }

    /// <summary>Writes that land in another sector, and sectors that are torn at rest; on the one node that <see cref="Rot"/> may hit too, and
    /// under the same conditions.</summary>
    public bool MisdirectedWrites { get; init; }
    public bool TornSectors { get; init; }

    /// <summary>So many zones with one voter each and the others as spares; 0: none.</summary>
    public int Zones { get; init; }

    /// <summary>With zones: a voter that was not heard for so long gives its seat to its zone's spare.</summary>
    public int SpareAfterMs { get; init; } = 5_000;

    /// <summary>A member that was not heard for so long is taken out by the group; 0: never. Never together with damage.</summary>
    public int DeadServerMs { get; init; }

    public static ClusterSwarmOptions Draw(Dice dice)
    {
        bool Half() => dice.Chance(500);
        int From(int low, int high) => low + dice.Next(high - low + 1);
        var rot = dice.Chance(200);
        var joins = Half();
        var sessions = dice.Fork("sessions"); // A stream of its own: the other draws of a seed stay what they were.
        var voters = From(0, 9) switch { 0 => 1, 1 or 2 => 5, _ => 3 };
        var drawn = new ClusterSwarmOptions
        {
            Voters = voters,
            Spares = joins ? From(1, 3) : 0,
            Clients = From(2, 5),
            Keys = From(1, 4),
            Duration = TimeSpan.FromSeconds(From(4, 12)),
            PauseMsMax = From(100, 1_500),
            SnapshotEntries = Half() ? From(5, 60) : 8_192,
            TrailingEntries = Half() ? From(0, 20) : 200,
            PieceBytes = Half() ? From(64, 512) : 1 << 16,
            SegmentBytes = Half() ? 4_096 : 1 << 20,
            LatencyMicros = From(200, 5_000),
            JitterMicros = From(0, 8_000),
            Kills = dice.Chance(700),
            Cuts = dice.Chance(700),
            Pauses = dice.Chance(300),
            FullDisks = dice.Chance(250),
            SlowDisks = dice.Chance(300),
            FailingSyncs = dice.Chance(250),
            Rot = rot && voters >= 3,
            Joins = joins,
            Leaves = joins && !rot && Half(),
            Transfers = Half(),
            Snapshots = Half(),
            ClockSteps = dice.Chance(300),
            DriftPerMille = dice.Chance(300) ? From(1, 9) : 0,
            LeaseReads = Half(),
            SessionsMax = sessions.Chance(250) ? 3 + sessions.Next(8) : 0,
        };
        return drawn.WithLaterKinds(dice.Fork("later kinds"));
    }

    /// <summary>What was added later is drawn from dice of its own: a seed in which it is off is the schedule that it always was.</summary>
    private ClusterSwarmOptions WithLaterKinds(Dice dice)
    {
        var zones = Voters >= 3 && dice.Chance(150) ? 3 : 0;
        var spareAfter = 500 + dice.Next(2_500);
        var deadServer = !Rot && Voters >= 3 && dice.Chance(150) ? 1_000 + dice.Next(4_000) : 0;
        var mayDamage = Voters >= 3 && !Leaves && deadServer == 0;
        return this with
        {
            Zones = zones, SpareAfterMs = zones > 0 ? spareAfter : SpareAfterMs, DeadServerMs = deadServer,
            FailedWrites = dice.Chance(200), MisdirectedWrites = dice.Chance(150) && mayDamage, TornSectors = dice.Chance(150) && mayDamage,
        };
    }

    /// <summary>A short schedule without any fault.</summary>
    public static ClusterSwarmOptions Calm(Dice dice) => new()
    {
        Voters = dice.Next(4) switch { 0 => 1, 1 => 5, _ => 3 }, Clients = 2, Keys = 2, Duration = TimeSpan.FromSeconds(3 + dice.Next(4)), PauseMsMax = 100 + dice.Next(600),
        LatencyMicros = 200 + dice.Next(3_000), JitterMicros = dice.Next(3_000),
    };

    public SimOptions WorldOptions() => new()
    {
        BetweenDataCenters = new(TimeSpan.FromMicroseconds(LatencyMicros), TimeSpan.FromMicroseconds(JitterMicros)),
        LogLinesKept = 200, TraceTailLength = 256,
    };

    public SnapshotSettings SnapshotSettings() => new()
    {
        Entries = SnapshotEntries, TrailingEntries = TrailingEntries, ChunkBytes = PieceBytes, Interval = TimeSpan.FromSeconds(20),
    };

    public AutopilotSettings AutopilotSettings() => new()
    {
        RedundancyZones = Zones > 0, SpareAfter = TimeSpan.FromMilliseconds(SpareAfterMs), DeadServerAfter = TimeSpan.FromMilliseconds(DeadServerMs),
    };

    /// <summary>All options on one line.</summary>
    public string Describe()
    {
        var text = new StringBuilder();
        PrintMembers(text);
        return text.ToString();
    }
}
