namespace Verify.Chaos.Swarms;

/// <summary>What is left of a drawn schedule of whole nodes after parts were taken away; everything else follows from the seed.</summary>
public sealed record ClusterSchedule
{
    /// <summary>What it leans towards: a word of <c>swarm cluster --story</c>.</summary>
    public string Story { get; init; } = nameof(ClusterStory.Everything);

    /// <summary>How many clients work; null: as many as were drawn.</summary>
    public int? Clients { get; init; }

    /// <summary>How many nodes vote at the beginning, and how many wait to be let in; null: as many as were drawn.</summary>
    public int? Voters { get; init; }
    public int? Spares { get; init; }

    /// <summary>The deeds of the nemesis that are done, by their number in the drawn schedule, each with the state of the dice before it;
    /// null: all, as they are drawn.</summary>
    public IReadOnlyList<ClusterDeed>? Deeds { get; init; }
}

/// <summary>A deed of the nemesis in a schedule.</summary>
/// <param name="AfterMs">When, from the last deed.</param>
/// <param name="Name">Which one: "kills".</param>
/// <param name="Dice">The state of the nemesis's dice: whom it hits and how.</param>
public sealed record ClusterDeed(int AfterMs, string Name, ulong Dice)
{
    /// <summary>Only time passes.</summary>
    public const string Nothing = "";
}

/// <summary>Who looks on while a schedule of whole nodes is played, and what of it is played.</summary>
internal sealed record ClusterHooks
{
    /// <summary>What was kept of the schedule; null: all of it, as it is drawn.</summary>
    public ClusterSchedule? Schedule { get; init; }
    public Sim.Scheduling.INamedChoices? Named { get; init; }
    public bool KeepsTrace { get; init; }

    /// <summary>Before it is judged, what clients saw is falsified; see <see cref="IFalsifiable"/>.</summary>
    public bool IsFalsified { get; init; }
    public Action<Sim.SimWorld> Begun { get; init; } = _ => { };

    /// <summary>With what the clients saw.</summary>
    public Action<IReadOnlyList<Checks.Op>> Judged { get; init; } = _ => { };

    /// <summary>With the deeds that were done, and the options that were drawn.</summary>
    public Action<Sim.SimWorld, IReadOnlyList<ClusterDeed>, ClusterSwarmOptions> Ended { get; init; } = (_, _, _) => { };
}
