using System.Globalization;

namespace Verify.Chaos.Determinism;

/// <summary>One number for "the same run": what was played, its seed, the hash of all that happened and how many events that were.</summary>
internal sealed record PlayedHash(string World, ulong Seed, string Hash, long Events)
{
    private const string Head = "played";

    /// <summary>One line for the process that compares.</summary>
    public string Line() => string.Create(CultureInfo.InvariantCulture, $"{Head} {World} {Seed} {Hash} {Events}");

    /// <summary>Null: the line is something else.</summary>
    public static PlayedHash? Parse(string line)
    {
        var words = line.Split(' ');
        return words.Length == 5 && words[0] == Head && ulong.TryParse(words[2], CultureInfo.InvariantCulture, out var seed)
            && long.TryParse(words[4], CultureInfo.InvariantCulture, out var events) ? new(words[1], seed, words[3], events) : null;
    }
}
