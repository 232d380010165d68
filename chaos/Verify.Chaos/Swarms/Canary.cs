using Verify.Checks;
using Verify.Node.Seam;

namespace Verify.Chaos.Swarms;

/// <summary>A swarm that can give a false account of a schedule: when the schedule is over, something is put into what was recorded that no node did
/// or answered, before the judges look. What comes after that is the way of every real failure.</summary>
internal interface IFalsifiable : ISwarm
{
    /// <summary>The promise that is broken by the falsehood.</summary>
    string FalsePromise { get; }

    /// <summary>Words in what was seen that only the falsehood leaves, so that a real violation of the same promise is not taken for it.</summary>
    string FalseSign { get; }

    /// <summary>Plays the schedule of a seed and falsifies its account. A schedule that breaks something by itself is told as it is.</summary>
    SwarmTrial PlayFalsified(ulong seed);
}

/// <summary>A swarm of which one seed in a hundred fails on purpose, so that a nightly run proves that failures are seen and get through to whoever reads
/// the results (after TigerBeetle's canary). The account of such a seed is falsified and judged like every other; a run that should have
/// reported some and reports none is red.</summary>
internal sealed class Canary(IFalsifiable swarm) : ISwarm
{
    public const ulong Every = 100;

    public string Name => swarm.Name;
    public string Story => $"{swarm.Story}; one seed in {Every} fails on purpose";

    /// <summary>One of each hundred consecutive seeds (0..99, 100..199, …); which one, follows from the hundred's number by hash.</summary>
    public static bool Sings(ulong seed) => seed % Every == SingerOf(seed / Every);

    /// <summary>The seed of this hundred (0: the first) that fails on purpose.</summary>
    public static ulong Singer(ulong hundred) => (hundred * Every) + SingerOf(hundred);

    /// <summary>This failure is the one that was planted.</summary>
    public bool IsPlanted(SwarmFailure failure) => Sings(failure.Seed) && failure.Verdict == Verdict.Invalid
        && failure.Promise == swarm.FalsePromise && failure.What.Contains(swarm.FalseSign, StringComparison.Ordinal);

    /// <summary>What is wrong with the reporting; null when every canary was heard.</summary>
    public string? Objection(IReadOnlyCollection<ulong> seeds, IEnumerable<SwarmFailure> failures)
    {
        var expected = seeds.Where(Sings).ToArray();
        var heard = failures.Where(IsPlanted).Select(f => f.Seed).ToHashSet();
        var missing = expected.Where(s => !heard.Contains(s)).Order().ToArray();
        return expected.Length == 0 ? $"there is no canary among {seeds.Count} seeds: take a range that holds a whole hundred, as 0..{Every - 1}"
            : missing.Length == 0 ? null : $"{missing.Length} of {expected.Length} canaries were not reported, the first is seed {missing[0]}: failures get lost on the way";
    }

    public SwarmTrial Play(ulong seed)
    {
        if (!Sings(seed)) return swarm.Play(seed);
        var trial = swarm.PlayFalsified(seed);
#if VERIFY_MUTANTS
        if (Raft.Mutant.Is("T1", deviates: true)) return trial with { Verdict = Verdict.Valid, Discovery = null };
#endif
        return trial with { Counts = [.. trial.Counts, ("canaries", 1)] };
    }

    private static ulong SingerOf(ulong hundred) => (ulong)new Dice(hundred).Fork("canary").Next((int)Every);
}

/// <summary>Falsehoods in what clients saw.</summary>
internal static class FalseAnswer
{
    /// <summary>The key, lock or instance that they are about. Nobody else uses it.</summary>
    public const string About = "canary";

    /// <summary>A read that was answered with what nobody has written.</summary>
    public static Op To(IReadOnlyList<Op> history, long atUs) => new()
    {
        Id = history.Count == 0 ? 0 : history.Max(o => o.Id) + 1, Client = 0, DataCenter = "", Kind = OpKind.KvGet, Key = About, Value = "nobody wrote this",
        Outcome = OpOutcome.Ok, CalledUs = atUs, ReturnedUs = atUs, By = About,
    };
}
