using System.Text.Json;
using System.Text.Json.Serialization;
using Verify.Chaos.Running;
using Verify.Checks;

namespace Verify.Chaos.Exploring;

/// <summary>A schedule that broke a promise, or that proved nothing.</summary>
/// <param name="Command">Plays it again.</param>
internal sealed record ExploreViolation(ulong Seed, string Strategy, Verdict Verdict, string Class, string Promise, string What, string Drawn, string Command);

/// <summary>How many schedules a strategy made, and how many of them were not clean.</summary>
internal sealed record StrategyCount(long Schedules, long Bad);

/// <summary>What came of an exploration, or of the part of one machine: one JSON file.</summary>
internal sealed record ExploreRecord
{
    public const int FormatNow = 1;
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true, Converters = { new JsonStringEnumConverter() } };

    public int Format { get; init; } = FormatNow;
    public required string Commit { get; init; }

    /// <summary>What was explored and how: these arguments and <see cref="Seeds"/> are the same for all shards.</summary>
    public required string Arguments { get; init; }
    public required string Seeds { get; init; }
    public required int BlockSize { get; init; }

    /// <summary>Which parts of the whole this is: "0/4"; several after a merge.</summary>
    public required IReadOnlyList<string> Shards { get; init; }
    public required DateTimeOffset StartedAt { get; init; }
    public required double Seconds { get; init; }
    public required int Jobs { get; init; }
    public required IReadOnlyDictionary<string, string> Machine { get; init; }

    /// <summary>Why it ended: seeds, time, violation, interrupted.</summary>
    public required string EndedBy { get; init; }

    /// <summary>The seeds that were played.</summary>
    public required string Done { get; init; }
    public required long Schedules { get; init; }

    /// <summary>One number for all schedules, in whatever order they were played: the sum of a hash of each.</summary>
    public required string Hash { get; init; }

    /// <summary>Different patterns of the timeline, and the set of them, packed.</summary>
    public required int Patterns { get; init; }
    public required string PatternSet { get; init; }
    public required IReadOnlyDictionary<string, StrategyCount> Strategies { get; init; }

    /// <summary>How often what is worth checking happened; a mark that is missing or 0 was not reached.</summary>
    public required IReadOnlyDictionary<string, long> Marks { get; init; }
    public required IReadOnlyList<ExploreViolation> Violations { get; init; }

    /// <summary>Violations that were counted and not kept.</summary>
    public long MoreViolations { get; init; }

    /// <summary>What is wrong with a merge: gaps, overlaps.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    public Verdict Verdict => Violations.Any(v => v.Verdict == Verdict.Invalid) ? Verdict.Invalid
        : Schedules == 0 || Violations.Count > 0 || Remarks.Count > 0 ? Verdict.Unknown : Verdict.Valid;

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <exception cref="FormatException">It is none, or of another version.</exception>
    public static ExploreRecord Parse(string text, string file)
    {
        try
        {
            var record = JsonSerializer.Deserialize<ExploreRecord>(text, Json) ?? throw new FormatException($"{file}: empty");
            return record.Format == FormatNow ? record : throw new FormatException($"{file}: has format {record.Format}; this program reads {FormatNow}");
        }
        catch (JsonException e)
        {
            throw new FormatException($"{file}: is no result of explore: {e.Message}", e);
        }
    }

    /// <exception cref="HarnessException">There is no such file.</exception>
    public static ExploreRecord Read(string file) =>
        File.Exists(file) ? Parse(File.ReadAllText(file), file) : throw new HarnessException($"there is no file {file}");
}
