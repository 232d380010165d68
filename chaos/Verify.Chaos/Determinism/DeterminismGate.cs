using Verify.Chaos.Running;
using Verify.Sim;

namespace Verify.Chaos.Determinism;

/// <summary>What the gate found in one surrounding.</summary>
/// <param name="Differences">One sentence per seed that gave another hash, or none.</param>
internal sealed record SurroundingVerdict(string Surrounding, int Compared, IReadOnlyList<string> Differences, string FirstDifference = "");

/// <summary>The same seed gives the same hash in every surrounding, or a run cannot be repeated. Plays each seed here, then in each
/// surrounding, and names the first line of the trace that differs.</summary>
internal sealed class DeterminismGate(IReadOnlyList<string> worlds, IReadOnlyList<ulong> seeds, TimeSpan limit, Action<string> tell)
{
    /// <summary>The hashes of this process.</summary>
    public IReadOnlyList<PlayedHash> Here { get; private set; } = [];

    public async Task<IReadOnlyList<SurroundingVerdict>> RunAsync(IReadOnlyList<Surrounding> surroundings, CancellationToken cancel)
    {
        Here = [.. worlds.SelectMany(world => seeds.Select(seed => HashPlayer.Play(world, seed)))];
        foreach (var played in Here) tell($"{played.World} seed {played.Seed}: {played.Hash}, {played.Events} {(played.World == HashPlayer.Raft ? "schedules" : "events")}");
        var verdicts = new List<SurroundingVerdict>
        {
            Compare("this process, a second time", Here, [.. Here.Select(first => HashPlayer.Play(first.World, first.Seed))]),
        };
        Tell(verdicts[^1]);
        foreach (var surrounding in surroundings)
        {
            var there = await surrounding.PlayAsync(["determinism", "play", "--worlds", string.Join(',', worlds), "--seeds", string.Join(',', seeds)], limit, cancel);
            var verdict = Compare(surrounding.Name, Here, there);
            if (FirstDiffering(Here, there) is { } differing) verdict = verdict with { FirstDifference = await FirstDifferenceAsync(differing, surrounding, cancel) };
            verdicts.Add(verdict);
            Tell(verdict);
        }

        return verdicts;
    }

    /// <summary>Seed by seed; a seed that is missing there is a difference, too.</summary>
    public static SurroundingVerdict Compare(string name, IReadOnlyList<PlayedHash> here, IReadOnlyList<PlayedHash> there)
    {
        var differences = new List<string>();
        foreach (var mine in here)
        {
            var other = there.FirstOrDefault(played => played.World == mine.World && played.Seed == mine.Seed);
            if (other is null) differences.Add($"{mine.World} seed {mine.Seed}: it was not played there");
            else if (other != mine) differences.Add($"{mine.World} seed {mine.Seed}: {mine.Hash} ({mine.Events}) here, {other.Hash} ({other.Events}) there");
        }

        return new(name, here.Count, differences);
    }

    private static PlayedHash? FirstDiffering(IReadOnlyList<PlayedHash> here, IReadOnlyList<PlayedHash> there) =>
        here.FirstOrDefault(mine => there.Any(played => played.World == mine.World && played.Seed == mine.Seed && played != mine));

    /// <summary>Once more in both places with every line kept.</summary>
    private async Task<string> FirstDifferenceAsync(PlayedHash differing, Surrounding surrounding, CancellationToken cancel)
    {
        var folder = Directory.CreateTempSubdirectory("verify-determinism-").FullName;
        try
        {
            var (mine, other) = (Path.Combine(folder, "here.trace"), Path.Combine(folder, "there.trace"));
            HashPlayer.Play(differing.World, differing.Seed, mine);
            await surrounding.PlayAsync(["determinism", "play", "--worlds", differing.World, "--seeds", $"{differing.Seed}", "--trace", other], limit, cancel);
            var difference = RunTwice.CompareTexts(File.ReadLines(mine), File.ReadLines(other));
            return difference.Length > 0 ? difference : "with every line kept, both gave the same trace: the difference does not show every time";
        }
        catch (HarnessException e)
        {
            return $"the first difference could not be found: {e.Message}";
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private void Tell(SurroundingVerdict verdict)
    {
        tell($"{(verdict.Differences.Count == 0 ? "SAME     " : "DIFFERENT")} {verdict.Surrounding}: {verdict.Compared - verdict.Differences.Count} of {verdict.Compared} hashes agree");
        foreach (var difference in verdict.Differences) tell($"          {difference}");
        if (verdict.FirstDifference.Length > 0) tell(verdict.FirstDifference);
    }
}
