using System.Collections.Immutable;
using System.Globalization;
using Verify.Node.Seam;
using Verify.Raft;
using Verify.Sim.Scheduling;

namespace Verify.Sim.RaftOnly;

/// <summary>What can be done in a schedule of the swarm. The first twelve are drawn by their weights; the others are what the directed
/// strategies do, with whom already said.</summary>
public enum SwarmWord
{
    Tick, Deliver, Propose, Read, Partition, Crash, Transfer, LeaseRead, Members, Snapshot, Stall, Lag,

    /// <summary>The network is cut so that <see cref="SwarmDeed.Company"/> hear each other and nobody else.</summary>
    Part,
    RestartNode, ProposeTo, ReadFrom, SnapshotOf, MembersBy, ChangeInto,

    /// <summary>All is healed, and the group must live.</summary>
    Revive,

    /// <summary>The message that <see cref="SwarmDeed.Letter"/> names arrives.</summary>
    Hand,
}

/// <summary>One thing that was done, with the choices that were made meanwhile: whom it hit, what was lost, how long a sync took.</summary>
public sealed record SwarmDeed(SwarmWord Word)
{
    /// <summary>The node whose turn it is (0 is n1); -1 where the choices say it.</summary>
    public int Node { get; init; } = -1;

    /// <summary>One bit per node.</summary>
    public uint Company { get; init; }
    public ImmutableArray<string> Voters { get; init; } = [];
    public ImmutableArray<string> Outgoing { get; init; } = [];
    public ImmutableArray<string> Learners { get; init; } = [];

    /// <summary>Who sent the message that arrives at <see cref="Node"/>, and what is in it; only for <see cref="SwarmWord.Hand"/>.</summary>
    public int From { get; init; } = -1;
    public ulong Letter { get; init; }

    /// <summary>It counts as a step of the schedule.</summary>
    public bool IsStep { get; init; } = true;
    public ImmutableArray<Choice> Choices { get; init; } = [];

    /// <summary>It hurts: a cut, a crash, a disk or a link that stands still, a change of who leads.</summary>
    public bool IsFault => Word is SwarmWord.Partition or SwarmWord.Crash or SwarmWord.Stall or SwarmWord.Lag or SwarmWord.Part or SwarmWord.RestartNode or SwarmWord.Transfer;

    internal Membership Target => new() { Voters = Ids(Voters), Outgoing = Ids(Outgoing), Learners = Ids(Learners) };

    internal static SwarmDeed Into(SwarmWord word, int node, Membership target, bool isStep) => new(word)
    {
        Node = node, IsStep = isStep, Voters = Names(target.Voters), Outgoing = Names(target.Outgoing), Learners = Names(target.Learners),
    };

    private static ImmutableArray<NodeId> Ids(ImmutableArray<string> names) => names.IsDefault ? [] : [.. names.Select(n => new NodeId(n))];

    private static ImmutableArray<string> Names(ImmutableArray<NodeId> ids) => [.. ids.Select(id => id.Name)];
}

/// <summary>A schedule as a list of deeds: what a seed drew, written down, so that deeds can be left out of it.</summary>
public sealed record SwarmSchedule
{
    public required RaftSwarmOptions Options { get; init; }
    public required ulong Seed { get; init; }

    /// <summary>The choices before the first deed: clocks, priorities, the first patience of each node.</summary>
    public ImmutableArray<Choice> First { get; init; } = [];
    public ImmutableArray<SwarmDeed> Deeds { get; init; } = [];

    /// <summary>Its deeds name the messages that arrive; the network does nothing by itself.</summary>
    public bool IsByLetter { get; init; }

    /// <summary>A fault of a message is drawn as "less than so many of 1,000"; no drawn rate is higher than this.</summary>
    private const int PerMilleMax = 600;
    private const int Thousand = 1000;

    /// <summary>Whether this choice may have lost, doubled, delayed or reordered a message, or turned a bit.</summary>
    public static bool MayHurtAMessage(Choice choice) => choice is { Kind: ChoiceKind.Fault, N: Thousand, Value: < PerMilleMax };

    /// <summary>The choice that hurts no message.</summary>
    public static Choice Harmless(Choice choice) => choice with { Value = Thousand - 1 };
}

/// <summary>Writes a schedule down while it is made from a seed.</summary>
/// <param name="isByLetter">Names the messages that arrive.</param>
internal sealed class SwarmScheduleRecorder(IChoiceSource source, bool isByLetter = false) : IChoiceSource
{
    public bool IsByLetter => isByLetter;

    private readonly List<Choice> _first = [];
    private readonly List<(SwarmDeed Deed, List<Choice> Choices)> _deeds = [];
    private List<Choice>? _now;
    private bool _hasBegun;

    public int Next(ChoiceKind kind, int n)
    {
        var value = source.Next(kind, n);
        if (n > 1) Note(kind, n, value);
        return value;
    }

    public void Begin(SwarmDeed deed)
    {
        _hasBegun = true;
        _deeds.Add((deed, _now = []));
    }

    public void End() => _now = null;

    /// <summary>What was begun turned out to be this.</summary>
    public void Was(Func<SwarmDeed, SwarmDeed> other) => _deeds[^1] = (other(_deeds[^1].Deed), _deeds[^1].Choices);

    public SwarmSchedule Schedule(RaftSwarmOptions options, ulong seed) => new()
    {
        Options = options, Seed = seed, First = [.. _first], Deeds = [.. _deeds.Select(d => d.Deed with { Choices = [.. d.Choices] })],
    };

    /// <summary>Which message arrives is part of the deed, however it was picked.</summary>
    public void Note(ChoiceKind kind, int n, int value)
    {
        if (_now is not null) _now.Add(new(kind, n, value));
        else if (!_hasBegun) _first.Add(new(kind, n, value));
    }
}

/// <summary>Makes the choices of a written schedule. A deed that asks for more than it has written, because others were left out, is answered
/// quietly: nothing is lost, no delay, and patience drawn from the seed and the place.</summary>
internal sealed class ScheduledChoices(SwarmSchedule schedule) : IChoiceSource
{
    private readonly Dice _dice = new Dice(schedule.Seed).Fork("scheduled");
    private ImmutableArray<Choice> _now = schedule.First;
    private int _at;
    private int _asked;
    private string _place = "first";

    public void Begin(SwarmDeed deed, int number)
    {
        (_now, _at, _asked, _place) = (deed.Choices.IsDefault ? [] : deed.Choices, 0, 0, number.ToString(CultureInfo.InvariantCulture));
    }

    public int Next(ChoiceKind kind, int n)
    {
        if (n <= 1) return 0;
        _asked++;
        if (_at < _now.Length && _now[_at].Kind == kind && _now[_at].Value < n) return _now[_at++].Value;
        return kind switch
        {
            ChoiceKind.Fault => n - 1,
            ChoiceKind.Timer or ChoiceKind.Value => _dice.Fork($"{_place} {_asked}").Next(n),
            _ => 0,
        };
    }
}
