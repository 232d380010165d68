using Verify.Chaos.Mutants;
using Verify.Checks;

namespace Verify.Chaos.Swarms;

/// <summary>A swarm of which one seed in a hundred fails on purpose, so that a nightly run proves that failures get through to whoever reads
/// the results (after TigerBeetle's canary). A run that should have reported some and reports none is red.</summary>
internal sealed class Canary(ISwarm swarm) : ISwarm
{
    public const string Promise = "canary";
    private const ulong Every = 100;

    public string Name => swarm.Name;
    public string Story => $"{swarm.Story}; one seed in {Every} fails on purpose";

    public static bool Sings(ulong seed) => seed % Every == 0;

    /// <summary>What is wrong with the reporting; null when every canary was heard.</summary>
    public static string? Objection(IReadOnlyCollection<ulong> seeds, IReadOnlyCollection<SwarmFailure> failures)
    {
        var expected = seeds.Where(Sings).ToArray();
        var heard = failures.Where(f => f.Promise == Promise).Select(f => f.Seed).ToHashSet();
        var missing = expected.Where(s => !heard.Contains(s)).Order().ToArray();
        return expected.Length == 0 ? $"there is no canary among {seeds.Count} seeds: take a range that holds a multiple of {Every}"
            : missing.Length == 0 ? null : $"{missing.Length} of {expected.Length} canaries were not reported, the first is seed {missing[0]}: failures get lost on the way";
    }

    public SwarmTrial Play(ulong seed)
    {
        if (!Sings(seed)) return swarm.Play(seed);
#if VERIFY_MUTANTS
        if (Raft.Mutant.Is("T1", deviates: true)) return new(Verdict.Valid, null, "", 0, []);
#endif
        return new(Verdict.Invalid, new Discovery(Promise, "this seed fails on purpose"), "a canary", 0, [("canaries", 1)]);
    }
}
