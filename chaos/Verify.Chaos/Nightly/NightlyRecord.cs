using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Verify.Chaos.Running;
using Verify.Chaos.Swarms;

namespace Verify.Chaos.Nightly;

/// <summary>What came of one part of a night.</summary>
internal sealed record NightlyPartRecord
{
    public required string Name { get; init; }
    public required string Story { get; init; }

    /// <summary>What follows "verify-chaos" to play seeds of it.</summary>
    public required string Again { get; init; }

    /// <summary>The seeds that were played; empty for none.</summary>
    public string Seeds { get; init; } = "";
    public long Schedules { get; init; }
    public double Seconds { get; init; }

    /// <summary>How many of the seeds had to fail on purpose, how many of these were reported, and the first that was not.</summary>
    public long CanariesDue { get; init; }
    public long CanariesHeard { get; init; }
    public ulong? FirstUnheard { get; init; }

    /// <summary>All failures but the canaries that were heard.</summary>
    public IReadOnlyList<SwarmFailure> Failures { get; init; } = [];
    public IReadOnlyDictionary<string, long> Counts { get; init; } = new SortedDictionary<string, long>(StringComparer.Ordinal);
}

/// <summary>A night, or what of it is over: one JSON file. It is judged by what stands in it (<see cref="NightlyJudge"/>).</summary>
internal sealed record NightlyRecord
{
    public const int FormatNow = 1;

    /// <summary>It has not ended.</summary>
    public const string Runs = "runs";
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true, Converters = { new JsonStringEnumConverter() } };

    public int Format { get; init; } = FormatNow;
    public required string Command { get; init; }
    public required string Commit { get; init; }
    public required DateTimeOffset StartedAt { get; init; }
    public required IReadOnlyDictionary<string, string> Machine { get; init; }

    /// <summary>The seeds that each part was to take in turn, and this machine's share of them.</summary>
    public required string Seeds { get; init; }
    public required string Shard { get; init; }
    public required int Jobs { get; init; }
    public required double Seconds { get; init; }

    /// <summary>Why it ended: seeds, time, failures, interrupted; <see cref="Runs"/> while it does.</summary>
    public required string EndedBy { get; init; }

    /// <summary>The sometimes-marks that had to be reached, and the rare ones; empty when marks were not asked for.</summary>
    public required IReadOnlyList<string> MarksDue { get; init; }
    public required IReadOnlyList<string> MarksRare { get; init; }
    public required IReadOnlyList<NightlyPartRecord> Parts { get; init; }

    [JsonIgnore]
    public long Schedules => Parts.Sum(p => p.Schedules);

    /// <summary>How often each mark was reached, over all parts.</summary>
    [JsonIgnore]
    public IReadOnlyDictionary<string, long> Marks
    {
        get
        {
            var marks = new SortedDictionary<string, long>(StringComparer.Ordinal);
            foreach (var (name, count) in Parts.SelectMany(p => p.Counts))
                if (name.StartsWith(Drawn.MarkCatalog.Prefix, StringComparison.Ordinal)) marks[name[Drawn.MarkCatalog.Prefix.Length..]] = marks.GetValueOrDefault(name[Drawn.MarkCatalog.Prefix.Length..]) + count;
            return marks;
        }
    }

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <exception cref="HarnessException">It is no record of a night.</exception>
    public static NightlyRecord Parse(string text)
    {
        try
        {
            var record = JsonSerializer.Deserialize<NightlyRecord>(text, Json);
            return record is { Format: FormatNow } ? record
                : throw new HarnessException(string.Create(CultureInfo.InvariantCulture, $"the record of a night has format {record?.Format}; this program reads {FormatNow}"));
        }
        catch (JsonException e)
        {
            throw new HarnessException($"this is no record of a night: {e.Message}", e);
        }
    }
}
