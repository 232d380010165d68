using System.Text.Json;
using System.Text.Json.Serialization;
using Verify.Chaos.Running;

namespace Verify.Chaos.Mutants;

/// <summary>What was hunted so far, one line of JSON each, written as soon as it is known: a long form that is killed goes on from here, and
/// the ledgers of shards make one table.</summary>
internal sealed class HuntLedger
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter() } };
    private readonly string? _file;
    private readonly SortedDictionary<string, BugHunted> _hunted = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, ControlRun> _controls = new(StringComparer.Ordinal);

    private HuntLedger(string? file, Head head) => (_file, First) = (file, head);

    /// <summary>What cannot change between the sessions of one long form.</summary>
    internal sealed record Head(string Commit, DateTimeOffset StartedAt, int Jobs);

    private sealed record Line(Head? Head, BugHunted? Hunted, ControlRun? Control);

    /// <summary>Of the session that began the ledger.</summary>
    public Head First { get; private set; }
    public IReadOnlyList<BugHunted> Hunted => [.. _hunted.Values];
    public IReadOnlyList<ControlRun> Controls => [.. _controls.Values];

    /// <summary>Opens the ledger or begins one.</summary>
    /// <param name="file">Null: kept in memory only.</param>
    /// <exception cref="HarnessException">It is of another commit, or not a ledger.</exception>
    public static HuntLedger Open(string? file, Head head)
    {
        var ledger = new HuntLedger(file, head);
        if (file is null) return ledger;
        if (!File.Exists(file))
        {
            ledger.Write(new(head, null, null));
            return ledger;
        }

        ledger.Read(file, isFirst: true);
        if (ledger.First.Commit != head.Commit)
            throw new HarnessException($"{file} was begun at commit {ledger.First.Commit}, and this is {head.Commit}: one table is of one commit; remove the file or name another");
        return ledger;
    }

    /// <summary>The ledgers of shards as one. Of what several have, the last counts.</summary>
    public static HuntLedger Merged(IReadOnlyList<string> files)
    {
        var merged = new HuntLedger(null, new("", DateTimeOffset.MaxValue, 0));
        foreach (var file in files)
        {
            if (!File.Exists(file)) throw new HarnessException($"there is no file {file}");
            var before = merged.First;
            merged.Read(file, before.Commit.Length == 0);
            if (before.Commit.Length > 0 && merged.First.Commit != before.Commit)
                throw new HarnessException($"{file} is of commit {merged.First.Commit}, {files[0]} of {before.Commit}: one table is of one commit");
            if (before.Commit.Length > 0 && before.StartedAt < merged.First.StartedAt) merged.First = before;
        }

        return merged;
    }

    public bool Has(HuntTrial trial) => _hunted.ContainsKey(trial.Cell);

    public ControlRun? Control(string strategy, string hunt) => _controls.GetValueOrDefault($"{strategy} {hunt}");

    public void Add(BugHunted hunted)
    {
        _hunted[hunted.Cell] = hunted;
        Write(new(null, hunted, null));
    }

    public void Add(ControlRun control)
    {
        _controls[$"{control.Strategy} {control.Hunt}"] = control;
        Write(new(null, null, control));
    }

    private void Write(Line line)
    {
        if (_file is not null) File.AppendAllText(_file, JsonSerializer.Serialize(line, Json) + "\n");
    }

    private void Read(string file, bool isFirst)
    {
        var number = 0;
        foreach (var text in File.ReadLines(file))
        {
            number++;
            Line? line;
            try
            {
                line = JsonSerializer.Deserialize<Line>(text, Json);
            }
            catch (JsonException e)
            {
                if (number == 1) throw new HarnessException($"{file} is no ledger of a hunt: {e.Message}", e);
                continue; // Whoever wrote it was killed in the middle of the line; that cell is hunted again.
            }

            if (line?.Head is { } head) First = isFirst || number == 1 ? head : First;
            if (line?.Hunted is { } hunted) _hunted[hunted.Cell] = hunted;
            if (line?.Control is { } control) _controls[$"{control.Strategy} {control.Hunt}"] = control;
        }

        if (number == 0) throw new HarnessException($"{file} is empty: remove it");
    }
}
