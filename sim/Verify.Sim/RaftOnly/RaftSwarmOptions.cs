using System.Text;
using Verify.Sim.Scheduling;

namespace Verify.Sim.RaftOnly;

/// <summary>How a schedule is made.</summary>
public enum SwarmStrategy
{
    /// <summary>Each step is drawn out of weights (swarm testing, Groce et al., ISSTA 2012).</summary>
    Random,

    /// <summary>Rounds: some of the nodes are together until one of them leads; it gets one or two things to do, a few messages arrive, and
    /// the next round has other nodes. Many leaders with logs that fork.</summary>
    Storm,

    /// <summary>As Random, but each link has a priority, and what has a lower one waits; a few times the order changes
    /// (after Burckhardt et al., ASPLOS 2010, probabilistic concurrency testing).</summary>
    Priorities,

    /// <summary>As Storm, with four voters and rounds that lean towards one story: a leader takes in a newcomer and is cut off; the others
    /// elect a leader that takes the first one out, heard by one of them only; then the first one, the newcomer and the one who heard
    /// nothing are together (the schedule of Ongaro's correction of 2015 to single-server changes, and its neighbours).</summary>
    Takeover,
}

/// <summary>What stays broken while the group must live on.</summary>
public enum LastingFault
{
    None,

    /// <summary>One node is heard and does not hear.</summary>
    Deaf,

    /// <summary>One node hears and is not heard.</summary>
    Mute,

    /// <summary>The nodes of two halves hear each other only through one that hears all.</summary>
    Bridge,
}

/// <summary>How hard one schedule of the Raft swarm is, all of it drawn from the seed and printed whole. Faults that are off are
/// off completely: a schedule that does a few things often finds what one that does everything rarely reaches (swarm testing,
/// Groce et al., ISSTA 2012).</summary>
public sealed record RaftSwarmOptions
{
    public SwarmStrategy Strategy { get; init; }

    /// <summary>Voters at the beginning: 1 to 5.</summary>
    public int Voters { get; init; } = 3;

    /// <summary>All nodes: those that are no voters wait to be let in. 3 to 7.</summary>
    public int Nodes { get; init; } = 3;

    /// <summary>Events before the faults stop.</summary>
    public int Steps { get; init; } = 200;
    public int ElectionTicks { get; init; } = 3;
    public int HeartbeatTicks { get; init; } = 1;
    public int LeaseMarginTicks { get; init; } = 1;
    public int AppendEntriesMax { get; init; } = 64;
    public int InflightMax { get; init; } = 4;

    /// <summary>Entries that stay in the log before a snapshot, and the bytes of one piece of a snapshot on its way.</summary>
    public int TrailingEntries { get; init; } = 10_240;
    public int PieceBytes { get; init; } = 16;

    /// <summary>Out of these weights each step draws what happens next.</summary>
    public int TickWeight { get; init; } = 20;
    public int DeliverWeight { get; init; } = 70;
    public int ProposeWeight { get; init; } = 6;
    public int ReadWeight { get; init; } = 3;
    public int LeaseReadWeight { get; init; }
    public int PartitionWeight { get; init; }
    public int CrashWeight { get; init; }
    public int TransferWeight { get; init; }
    public int MembersWeight { get; init; }
    public int SnapshotWeight { get; init; }
    public int StallWeight { get; init; }
    public int LagWeight { get; init; }

    /// <summary>Of 1,000 messages, so many are lost, delivered twice, overtaken, or held back.</summary>
    public int LossPerMille { get; init; }
    public int DuplicatePerMille { get; init; }
    public int ReorderPerMille { get; init; }
    public int DelayPerMille { get; init; }
    public int DelayTicksMax { get; init; } = 4;

    /// <summary>Of 1,000 pieces of a snapshot, so many are read with a wrong bit in them.</summary>
    public int RotPerMille { get; init; }

    /// <summary>Of 100 partitions, so many cut one direction only.</summary>
    public int OneWayPercent { get; init; }

    /// <summary>A sync takes up to so many steps; 0: it is done at once.</summary>
    public int SyncStepsMax { get; init; }

    /// <summary>Clocks run up to so much faster or slower than true; LeaseMarginTicks allows for it.</summary>
    public int DriftPerMille { get; init; }

    /// <summary>How often the order of the links changes, with <see cref="SwarmStrategy.Priorities"/>.</summary>
    public int PriorityChanges { get; init; }

    /// <summary>After the faults: all is healed, and the group must elect a leader and commit within this many ticks. 0: not asked.</summary>
    public int LivenessTicksMax { get; init; }

    /// <summary>And then it must live on for a while with this fault that does not end.</summary>
    public LastingFault Lasting { get; init; }

    public static RaftSwarmOptions Draw(IChoiceSource choices) => Draw(choices, null);

    /// <param name="strategy">This one; null: drawn.</param>
    public static RaftSwarmOptions Draw(IChoiceSource choices, SwarmStrategy? strategy)
    {
        ArgumentNullException.ThrowIfNull(choices);
        bool Half() => choices.Next(ChoiceKind.Value, 2) == 0;
        int From(int low, int high) => low + choices.Next(ChoiceKind.Value, high - low + 1);

        var drawn = From(0, 9) switch { < 6 => SwarmStrategy.Random, < 9 => SwarmStrategy.Storm, _ => SwarmStrategy.Priorities };
        var drift = From(0, 3) == 0 ? From(1, 5) * 10 : 0;
        var electionTicks = drift > 0 ? From(8, 14) : From(0, 3) == 0 ? From(6, 10) : From(2, 4);
        var voters = strategy == SwarmStrategy.Takeover ? 4 : From(0, 9) switch { 0 => 1, 1 => 2, 2 or 3 => 4, 4 or 5 => 5, _ => 3 };
        var changes = Half() || strategy == SwarmStrategy.Takeover;
        return new RaftSwarmOptions
        {
            Strategy = strategy ?? drawn,
            Voters = voters,
            Nodes = changes ? Math.Max(3, Math.Min(7, voters + From(1, 3))) : Math.Max(voters, From(0, 3) == 0 ? 2 : 3),
            Steps = From(0, 4) == 0 ? 500 : 200,
            ElectionTicks = electionTicks,
            HeartbeatTicks = From(1, Math.Min(3, electionTicks - 1)),
            LeaseMarginTicks = MarginFor(electionTicks, drift),
            AppendEntriesMax = From(0, 2) switch { 0 => 1, 1 => 2, _ => 64 },
            InflightMax = From(1, 4),
            TrailingEntries = From(0, 2) switch { 0 => 0, 1 => From(1, 3), _ => From(4, 12) },
            PieceBytes = From(4, 48),
            TickWeight = From(6, 20) * (electionTicks > 4 ? 2 : 1),
            DeliverWeight = 70,
            ProposeWeight = From(1, 8),
            ReadWeight = Half() ? From(1, 12) : 0,
            LeaseReadWeight = Half() ? From(1, 8) : 0,
            PartitionWeight = From(0, 4) > 0 ? From(2, 14) : 0,
            CrashWeight = Half() ? From(1, 5) : 0,
            TransferWeight = Half() ? From(1, 4) : 0,
            MembersWeight = changes ? From(1, 8) : 0,
            SnapshotWeight = Half() ? From(1, 8) : 0,
            LagWeight = From(0, 2) == 0 ? From(1, 6) : 0,
            StallWeight = From(0, 3) == 0 ? From(1, 4) : 0,
            LossPerMille = Half() ? From(1, 200) : 0,
            DuplicatePerMille = Half() ? From(1, 200) : 0,
            ReorderPerMille = Half() ? From(50, 600) : 0,
            DelayPerMille = Half() ? From(50, 300) : 0,
            DelayTicksMax = From(2, 12),
            RotPerMille = From(0, 3) == 0 ? From(20, 200) : 0,
            OneWayPercent = Half() ? From(10, 80) : 0,
            SyncStepsMax = Half() ? From(1, 12) : 0,
            DriftPerMille = drift,
            PriorityChanges = From(1, 12),
            LivenessTicksMax = From(0, 7) == 0 ? 100 * electionTicks : 0,
            Lasting = (LastingFault)From(0, 3),
        };
    }

    /// <summary>All options on one line, for people who repeat a schedule.</summary>
    public string Describe()
    {
        var text = new StringBuilder();
        PrintMembers(text);
        return text.ToString();
    }

    /// <summary>A leader with the slowest clock must stop trusting its lease before a follower with the fastest has been patient, whose
    /// patience may be a tick short: (E - margin) / (1 - d) ≤ (E - 1) / (1 + d).</summary>
    private static int MarginFor(int electionTicks, int driftPerMille)
    {
        if (driftPerMille == 0) return 1;
        var most = (electionTicks - 1) * (1000 - driftPerMille) / (1000 + driftPerMille);
        return electionTicks - most;
    }
}
