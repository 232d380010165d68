using System.Text;
using Verify.Sim.Scheduling;

namespace Verify.Sim.RaftOnly;

/// <summary>How hard one schedule of the Raft swarm is, all of it drawn from the seed and printed whole. Faults that are off are
/// off completely: a schedule that does a few things often finds what one that does everything rarely reaches (swarm testing,
/// Groce et al., ISSTA 2012).</summary>
public sealed record RaftSwarmOptions
{
    /// <summary>Voters: 3 or 5.</summary>
    public int Nodes { get; init; } = 3;

    /// <summary>Events before the faults stop.</summary>
    public int Steps { get; init; } = 200;
    public int ElectionTicks { get; init; } = 3;
    public int HeartbeatTicks { get; init; } = 1;
    public int AppendEntriesMax { get; init; } = 64;
    public int InflightMax { get; init; } = 4;

    /// <summary>Out of these weights each step draws what happens next.</summary>
    public int TickWeight { get; init; } = 20;
    public int DeliverWeight { get; init; } = 70;
    public int ProposeWeight { get; init; } = 6;
    public int ReadWeight { get; init; } = 3;
    public int PartitionWeight { get; init; }
    public int CrashWeight { get; init; }
    public int TransferWeight { get; init; }

    /// <summary>Of 1,000 messages, so many are lost, delivered twice, overtaken, or held back.</summary>
    public int LossPerMille { get; init; }
    public int DuplicatePerMille { get; init; }
    public int ReorderPerMille { get; init; }
    public int DelayPerMille { get; init; }
    public int DelayTicksMax { get; init; } = 4;

    /// <summary>Of 100 partitions, so many cut one direction only.</summary>
    public int OneWayPercent { get; init; }

    /// <summary>A sync takes up to so many steps; 0: it is done at once.</summary>
    public int SyncStepsMax { get; init; }

    /// <summary>After the faults: all is healed, and the group must elect a leader and commit within this many ticks. 0: not asked.</summary>
    public int LivenessTicksMax { get; init; }

    public static RaftSwarmOptions Draw(IChoiceSource choices)
    {
        bool Half() => choices.Next(ChoiceKind.Value, 2) == 0;
        int From(int low, int high) => low + choices.Next(ChoiceKind.Value, high - low + 1);

        var electionTicks = From(2, 4);
        return new RaftSwarmOptions
        {
            Nodes = From(0, 3) == 0 ? 5 : 3,
            ElectionTicks = electionTicks,
            HeartbeatTicks = From(1, electionTicks - 1),
            AppendEntriesMax = From(0, 2) switch { 0 => 1, 1 => 2, _ => 64 },
            InflightMax = From(1, 4),
            TickWeight = From(6, 20),
            DeliverWeight = 70,
            ProposeWeight = From(1, 8),
            ReadWeight = Half() ? From(1, 12) : 0,
            PartitionWeight = From(0, 4) > 0 ? From(2, 14) : 0,
            CrashWeight = Half() ? From(1, 5) : 0,
            TransferWeight = Half() ? From(1, 4) : 0,
            LossPerMille = Half() ? From(1, 200) : 0,
            DuplicatePerMille = Half() ? From(1, 200) : 0,
            ReorderPerMille = Half() ? From(50, 600) : 0,
            DelayPerMille = Half() ? From(50, 300) : 0,
            DelayTicksMax = From(2, 12),
            OneWayPercent = Half() ? From(10, 80) : 0,
            SyncStepsMax = Half() ? From(1, 12) : 0,
            LivenessTicksMax = From(0, 7) == 0 ? 200 : 0,
        };
    }

    /// <summary>All options on one line, for people who repeat a schedule.</summary>
    public string Describe()
    {
        var text = new StringBuilder();
        PrintMembers(text);
        return text.ToString();
    }
}
