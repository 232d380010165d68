using System.Text.Json;
using Verify.Chaos.Running;

namespace Verify.Chaos.Campaigns;

/// <summary>What was played so far, one line of JSON each, written when its verdict is known: a campaign of hours that is ended, or killed, goes on
/// from here, and the ledgers of lanes side by side make one table. A play keeps the commit that it was played with.</summary>
internal sealed class CampaignLedger
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);
    private readonly string? _file;
    private readonly List<CampaignPlay> _plays = [];

    /// <param name="file">Null: kept in memory only. What is in the file already counts.</param>
    /// <exception cref="HarnessException">The file holds something else.</exception>
    public CampaignLedger(string? file)
    {
        _file = file;
        if (file is null || !File.Exists(file)) return;
        Read(file);
        if (!File.ReadAllText(file).EndsWith('\n')) File.AppendAllText(file, "\n");
    }

    public IReadOnlyList<CampaignPlay> Plays => _plays;

    /// <exception cref="HarnessException">One of the files is missing or no ledger.</exception>
    public static CampaignLedger Merged(IReadOnlyList<string> files)
    {
        var merged = new CampaignLedger(null);
        foreach (var file in files)
        {
            if (!File.Exists(file)) throw new HarnessException($"there is no file {file}");
            merged.Read(file);
        }

        merged._plays.Sort((a, b) => a.StartedAt.CompareTo(b.StartedAt));
        return merged;
    }

    public int Count(string scenario, string flavor) => _plays.Count(p => p.Scenario == scenario && p.Flavor == flavor);

    public void Add(CampaignPlay play)
    {
        _plays.Add(play);
        if (_file is not null) File.AppendAllText(_file, JsonSerializer.Serialize(play, Json) + "\n");
    }

    private void Read(string file)
    {
        var number = 0;
        foreach (var line in File.ReadLines(file))
        {
            number++;
            try
            {
                _plays.Add(JsonSerializer.Deserialize<CampaignPlay>(line, Json) is { Scenario: not null, Flavor: not null, Figures: not null } play ? play : throw new JsonException("not a play"));
            }
            catch (JsonException e)
            {
                // Whoever wrote it was killed in the middle of its last line: that is played again.
                if (number == 1) throw new HarnessException($"{file} is no ledger of a campaign: {e.Message}", e);
            }
        }
    }
}
