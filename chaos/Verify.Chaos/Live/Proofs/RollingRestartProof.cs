using Verify.Chaos.Live.Groups;
using Verify.Checks;

namespace Verify.Chaos.Live.Proofs;

/// <summary>Each node of a group is stopped (SIGTERM) and started again while clients write.</summary>
internal sealed class RollingRestartProof : ILiveProof
{
    public string Name => "rolling-restart";

    public string Story => """
        Each node of a group of three, and of five in the long form, is stopped with SIGTERM and started again, followers first, while
        clients of Verify.Client write. No write may fail for its client (sending again is the client's work), be lost, or be applied twice.
        """;

    public async Task<IReadOnlyList<ProofRow>> RunAsync(ProofOptions options, Action<string> say, CancellationToken cancel)
    {
        var rows = new List<ProofRow>();
        foreach (var size in options.Quick ? [3] : new[] { 3, 5 })
        {
            var rounds = options.RoundsOr(2, 1);
            await using var group = await LiveGroup.StartAsync(size, say);
            rows.Add(RowOf(Name, $"{size} nodes", $"{rounds} round(s)", await RollingTurn.PlayAsync(group, program: null, rounds, say, cancel)));
        }

        return rows;
    }

    public static ProofRow RowOf(string proof, string form, string tried, LoadOutcome outcome) =>
        new(proof, form, tried, outcome.Troubles.Count > 0 ? Verdict.Invalid : outcome.Writes == 0 ? Verdict.Unknown : Verdict.Valid, outcome.ToString())
        {
            Evidence = string.Join(Environment.NewLine, outcome.Troubles),
        };
}
