namespace Verify.Chaos.Swarms;

/// <summary>What is left of a drawn schedule of whole nodes after parts were taken away; everything else follows from the seed.</summary>
public sealed record ClusterSchedule
{
    /// <summary>What it leans towards: a word of <c>swarm cluster --story</c>.</summary>
    public string Story { get; init; } = nameof(ClusterStory.Everything);

    /// <summary>How many clients work; null: as many as were drawn.</summary>
    public int? Clients { get; init; }

    /// <summary>The deeds of the nemesis that are done, by their number in the drawn schedule, each with the state of the dice before it;
    /// null: all, as they are drawn.</summary>
    public IReadOnlyList<ClusterDeed>? Deeds { get; init; }
}

/// <summary>A deed of the nemesis in a schedule.</summary>
/// <param name="AfterMs">When, from the last deed.</param>
/// <param name="Name">Which one: "kills".</param>
/// <param name="Dice">The state of the nemesis's dice: whom it hits and how.</param>
public sealed record ClusterDeed(int AfterMs, string Name, ulong Dice);
