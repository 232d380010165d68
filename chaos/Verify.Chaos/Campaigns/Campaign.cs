using System.Diagnostics;
using System.Globalization;
using Verify.Chaos.Commands;
using Verify.Chaos.Live;
using Verify.Chaos.Mutants;
using Verify.Chaos.Running;
using Verify.Checks;
using Verify.Fleet;
using Verify.Fleet.Servers;
using Verify.MySql;

namespace Verify.Chaos.Campaigns;

/// <param name="Files">Scenarios, in the order in which they are played.</param>
/// <param name="Times">How often each is to have been played on each flavour, with what the ledger has already.</param>
/// <param name="Part">Of the scenarios: for lanes side by side.</param>
/// <param name="Limit">Nothing new is begun after this time.</param>
/// <param name="Table">The file into which the table is written, after every play.</param>
internal sealed record CampaignPlan(
    IReadOnlyList<string> Files, int Times, IReadOnlyList<Flavor> Flavors, Shard Part, TimeSpan? Limit, bool MayInstall, string? Table, string Out, string Command);

/// <summary>Plays scenarios on real servers, round by round, until each was played often enough.</summary>
internal sealed class Campaign(CampaignPlan plan, CampaignLedger ledger)
{
    private readonly SortedDictionary<Flavor, string> _servers = [];

    /// <returns>True: everything was played so often. False: the time was over before.</returns>
    public async Task<bool> PlayAsync(CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        for (var round = 1; round <= plan.Times; round++)
        {
            foreach (var flavor in plan.Flavors)
            {
                for (var i = 0; i < plan.Files.Count; i++)
                {
                    cancel.ThrowIfCancellationRequested();
                    var scenario = Path.GetFileNameWithoutExtension(plan.Files[i]);
                    if (!plan.Part.Has(i) || ledger.Count(scenario, WordOf(flavor)) >= round) continue;
                    if (plan.Limit is { } limit && clock.Elapsed >= limit) return false;
                    Console.WriteLine($"round {round} of {plan.Times}: {scenario} on {WordOf(flavor)}");
                    ledger.Add(await PlayAsync(plan.Files[i], scenario, flavor, cancel));
                    if (plan.Table is { } table) await File.WriteAllTextAsync(table, CampaignTable.Of(ledger.Plays, plan.Command), cancel);
                }
            }
        }

        return true;
    }

    private async Task<CampaignPlay> PlayAsync(string file, string name, Flavor flavor, CancellationToken cancel)
    {
        if (!_servers.TryGetValue(flavor, out var servers)) _servers[flavor] = servers = await ServersAsync(flavor, cancel);
        var (scenario, text) = ScenarioFiles.Read(file);
        var suite = new Suite(new()
        {
            Scenario = scenario, ScenarioText = text, ScenarioArgument = file, Simulated = false, Live = true, Seeds = [1], Jobs = 1, FencingOff = false, Twice = false,
            OutDirectory = plan.Out, Json = false, LiveOptions = new LiveOptions { Flavor = flavor, MayInstall = plan.MayInstall },
        });
        var (startedAt, load) = (TimeProvider.System.GetUtcNow(), await LoadAsync(cancel));
        var code = await suite.RunAsync(cancel);
        var findings = suite.Played?.Runs.SelectMany(r => r.Findings).ToList() ?? [];
        var figures = new SortedDictionary<string, double>(StringComparer.Ordinal);
        foreach (var finding in findings)
            foreach (var (figure, value) in finding.Figures) figures[$"{finding.Check}.{figure}"] = value;
        var trouble = string.Join("; ", findings.Where(f => f.Verdict != Verdict.Valid).Select(f => $"{f.Check}: {f.Observed}"));
        return new(name, WordOf(flavor), servers, suite.Played?.Commit ?? "unknown", startedAt, code, load, figures, trouble);
    }

    private async Task<string> ServersAsync(Flavor flavor, CancellationToken cancel)
    {
        var install = new ServerInstall { Cache = FleetCache.Default(), MayFetch = plan.MayInstall && new ServerInstall().MayFetch, Say = Console.WriteLine };
        return (await install.FindOrFetchAsync(flavor, cancel)).Version.ToString();
    }

    private static async Task<double> LoadAsync(CancellationToken cancel) =>
        File.Exists("/proc/loadavg") ? double.Parse((await File.ReadAllTextAsync("/proc/loadavg", cancel)).Split(' ')[0], CultureInfo.InvariantCulture) : 0;

    private static string WordOf(Flavor flavor) => flavor == Flavor.MariaDb ? "mariadb" : "mysql";
}
