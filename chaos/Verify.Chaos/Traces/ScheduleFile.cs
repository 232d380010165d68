using System.Text.Json;
using Verify.Chaos.Output;
using Verify.Sim.RaftOnly;

namespace Verify.Chaos.Traces;

/// <summary>schedule.json, version 1: a written schedule of the Raft swarm. Deeds can be taken out of it by hand.</summary>
internal sealed record ScheduleFile
{
    public const string Name = "schedule.json";
    public const string FormatName = "verify-raft-schedule";
    private static readonly JsonSerializerOptions Indented = new(TraceFile.Json) { WriteIndented = true };
    public string Format { get; init; } = FormatName;
    public int Version { get; init; } = 1;

    /// <summary>The planted bug that was switched on; empty for none.</summary>
    public string Mutant { get; init; } = "";

    /// <summary>A strategy picked among the messages.</summary>
    public bool HasActors { get; init; }
    public string Check { get; init; } = "";
    public required SwarmSchedule Schedule { get; init; }

    public static void Write(string file, ScheduleFile schedule) => File.WriteAllText(file, JsonSerializer.Serialize(schedule, Indented));

    /// <summary>The file, or the one in this folder; null when there is none.</summary>
    public static string? Find(string path) =>
        File.Exists(path) && path.EndsWith(".json", StringComparison.Ordinal) ? path : Path.Combine(path, Name) is var inside && File.Exists(inside) ? inside : null;

    /// <exception cref="HarnessFolderException">The file is none.</exception>
    public static ScheduleFile Read(string file)
    {
        try
        {
            var read = JsonSerializer.Deserialize<ScheduleFile>(File.ReadAllText(file), Indented);
            if (read is not { Format: FormatName, Version: 1 }) throw new HarnessFolderException($"{file} is no schedule of the Raft swarm of version 1");
            return read;
        }
        catch (JsonException e)
        {
            throw new HarnessFolderException($"{file}: {e.Message}");
        }
    }
}
