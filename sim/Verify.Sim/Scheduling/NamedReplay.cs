using System.Globalization;
using System.Text;
using Verify.Node.Seam;

namespace Verify.Sim.Scheduling;

/// <summary>Where a replay left its record: which choice was expected, which one was asked for, and what had happened before.</summary>
/// <param name="Number">The choice of the record at which it was.</param>
/// <param name="Expected">Null: the record was at its end.</param>
public sealed record ReplayDeparture(int Number, NamedChoice? Expected, NamedChoice Asked, string Before)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"""
        departs at choice {Number}, step {Asked.Step}, {Tracing.Trace.TimeText(Asked.Micros)}:
          recorded  {(Expected is { } expected ? $"{expected} (step {expected.Step}, value {expected.Value})" : "(the record ends here)")}
          asked for {Asked}
        after
        {Before.TrimEnd()}
        """);
}

/// <summary>Makes the choices of a record again, each found by its name: whose it was, what it was for, the how-manieth. A record of older
/// code goes on as far as it fits; what is not in it is drawn from the seed and the name, so that one additional choice moves no other.</summary>
/// <param name="otherwise">What is not in the record: drawn (false), or the quietest there is (true): no delay, no fault, whoever is first.</param>
public sealed class NamedReplay(IReadOnlyList<NamedChoice> recorded, ulong seed, bool otherwise = false) : INamedChoices
{
    private const int LinesBefore = 10;
    private readonly Dictionary<(ChoiceKind Kind, string Actor, string Name, int Ordinal), int> _places = PlacesOf(recorded);
    private readonly ChoiceOrdinals _ordinals = new();
    private readonly Dice _dice = new Dice(seed).Fork("choices by name");
    private int _position;

    /// <summary>The first choice that was another one than recorded; null while everything fits.</summary>
    public ReplayDeparture? Departure { get; private set; }

    /// <summary>Choices that were in the record, and those that were not.</summary>
    public int Found { get; private set; }
    public int Missing { get; private set; }

    /// <summary>How many choices of the record were not asked for.</summary>
    public int LeftOver => recorded.Count - Found;

    /// <summary>What came of it, in one line.</summary>
    public string Summary
    {
        get
        {
            var text = new StringBuilder();
            text.Append(CultureInfo.InvariantCulture, $"{Found} of {recorded.Count} recorded choices were made again");
            if (Missing > 0) text.Append(CultureInfo.InvariantCulture, $", {Missing} were not in the record ({(otherwise ? "the quietest was taken" : "drawn from the seed")})");
            return text.ToString();
        }
    }

    public int Next(in ChoicePlace place, ChoiceKind kind, int n, IChoiceSource source)
    {
        var asked = new NamedChoice(kind, n, 0, place.Actor, place.Name, _ordinals.Next(kind, place.Actor, place.Name)) { Step = place.Step, Micros = place.Micros };
        if (Find(asked, place) is { } at && recorded[at].Value < n)
        {
            Found++;
            return recorded[at].Value;
        }

        Missing++;
        return otherwise ? Quietest(kind, n) : Drawn(asked);
    }

    public int Pick(in ChoicePlace place, ReadOnlySpan<string> actors, ReadOnlySpan<Candidate> enabled, IActorScheduler strategy)
    {
        var name = string.Join('|', actors);
        var asked = new NamedChoice(ChoiceKind.Actor, enabled.Length, 0, ChoiceRecording.Picks, name, _ordinals.Next(ChoiceKind.Actor, ChoiceRecording.Picks, name))
        {
            Step = place.Step, Micros = place.Micros, Taken = "?",
        };
        if (Find(asked, place) is { } at && actors.IndexOf(recorded[at].Taken) is >= 0 and var index)
        {
            Found++;
            return index;
        }

        Missing++;
        return otherwise ? 0 : Drawn(asked);
    }

    private int? Find(in NamedChoice asked, in ChoicePlace place)
    {
        var expected = _position < recorded.Count ? recorded[_position] : (NamedChoice?)null;
        if (expected is { } next && IsSame(next, asked)) return _position++;
        Departure ??= otherwise ? null : new(_position, expected, asked, place.Trace.Tail(LinesBefore));
        if (!_places.TryGetValue((asked.Kind, asked.Actor, asked.Name, asked.Ordinal), out var at)) return null;
        _position = at + 1;
        return at;
    }

    private static bool IsSame(in NamedChoice one, in NamedChoice other) =>
        one.Kind == other.Kind && one.N == other.N && one.Ordinal == other.Ordinal
        && string.Equals(one.Name, other.Name, StringComparison.Ordinal) && string.Equals(one.Actor, other.Actor, StringComparison.Ordinal);

    private int Drawn(in NamedChoice asked) =>
        _dice.Fork(string.Create(CultureInfo.InvariantCulture, $"{asked.Kind} {asked.Actor} {asked.Name} {asked.Ordinal}")).Next(asked.N);

    /// <summary>Delays and lateness: none. A fault is drawn as "less than so many of n": the highest does not happen.</summary>
    private static int Quietest(ChoiceKind kind, int n) => kind == ChoiceKind.Fault ? n - 1 : 0;

    private static Dictionary<(ChoiceKind, string, string, int), int> PlacesOf(IReadOnlyList<NamedChoice> recorded)
    {
        var places = new Dictionary<(ChoiceKind, string, string, int), int>(recorded.Count);
        for (var i = 0; i < recorded.Count; i++) places.TryAdd((recorded[i].Kind, recorded[i].Actor, recorded[i].Name, recorded[i].Ordinal), i);
        return places;
    }
}
