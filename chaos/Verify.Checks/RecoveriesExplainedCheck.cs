using Verify.Checks.Timelines;

namespace Verify.Checks;

/// <summary>A leader that calls a primary dead begins a recovery or says why it does not, soon: what is not done has a reason.</summary>
/// <remarks>A verdict counts only where its teller went on leading for the whole bound (without a freeze) and did not take it back meanwhile: a leader that
/// is lost owes nothing, its successor reaches a verdict of its own. A recovery of the cluster that is open when the verdict is told is an answer.</remarks>
public sealed class RecoveriesExplainedCheck(TimeSpan bound) : ICheck
{
    /// <summary>Twice the pause after a recovery that failed.</summary>
    public RecoveriesExplainedCheck()
        : this(TimeSpan.FromSeconds(10))
    {
    }

    public string Name => "recoveriesExplained";

    private enum Answer
    {
        Recovery,
        Skip,

        /// <summary>Taken back, or its teller was lost, or the run ended first.</summary>
        Moot,
        None,
    }

    public Finding Judge(RunFacts facts)
    {
        var claims = LeaderClaims.Of(facts, FaultWindow.Of(facts));
        var verdicts = facts.Events.Where(e => e.Is(EventKinds.VerdictReached) && IsDead(e["diagnosis"])).Select(e => (Event: e, Answer: AnswerTo(e, facts, claims))).ToArray();
        var silent = verdicts.Where(v => v.Answer == Answer.None).Select(v => v.Event).ToArray();
        int Count(Answer answer) => verdicts.Count(v => v.Answer == answer);
        var skipped = facts.Events.Count(e => e.Is(EventKinds.RecoverySkipped));
        var unreasoned = facts.Events.Where(e => e.Is(EventKinds.RecoverySkipped) && (e["code"].Length == 0 || e["reason"].Length == 0)).ToArray();
        return new Finding(
            Name, silent.Length + unreasoned.Length > 0 ? Verdict.Invalid : Verdict.Valid, "a primary that is called dead is recovered, or the reason why not is said",
            $"{verdicts.Length} verdicts of a dead primary: {Count(Answer.Recovery)} followed by a recovery, {Count(Answer.Skip)} by a reason, {Count(Answer.Moot)} taken back or cut short, {silent.Length} by nothing; "
            + $"{skipped} recoveries skipped, {unreasoned.Length} without a reason",
            $"an answer within {bound.TotalSeconds:0} s, 0 without")
        {
            AtUs = [.. silent.Concat(unreasoned).Select(e => e.AtUs).Order()],
            Evidence = string.Join('\n', silent.Select(e => $"{OpText.Seconds(e.AtUs)}: {e.Subject} calls {e["instance"]} {e["diagnosis"]}, and neither a recovery of {e["cluster"]} nor a reason followed")
                .Concat(unreasoned.Select(e => $"{OpText.Seconds(e.AtUs)}: {e.Subject} skips the recovery of {e["instance"]} without a reason")).Take(20)),
            Figures = Durations.Figures(("verdicts", verdicts.Length), ("skipped", skipped), ("unexplained", silent.Length + unreasoned.Length)),
        };
    }

    /// <summary>The codes of a dead primary, with or without somebody to promote, and ours of one that nobody guards, or whose disk stands still.</summary>
    private static bool IsDead(string diagnosis) => diagnosis.StartsWith("DeadMaster", StringComparison.Ordinal) || diagnosis is "UnguardedMaster" or "DiskStalledMaster";

    private Answer AnswerTo(RunEvent verdict, RunFacts facts, IReadOnlyList<NamedSpan> claims)
    {
        var until = verdict.AtUs + bound.Us();
        if (IsOpenAt(verdict, facts)) return Answer.Recovery;
        foreach (var e in facts.Events.Where(e => e.AtUs >= verdict.AtUs && e.AtUs <= until && e["cluster"] == verdict["cluster"]))
        {
            if (e.Is(EventKinds.Recovery) && e["phase"] is "opened") return Answer.Recovery;
            if (e.Is(EventKinds.RecoverySkipped)) return Answer.Skip;
            if (e.Is(EventKinds.VerdictReached) && e.Subject == verdict.Subject && !IsDead(e["diagnosis"])) return Answer.Moot;
        }

        var wentOn = facts.EndUs >= until && claims.Any(c => c.Who == verdict.Subject && c.Span.FromUs <= verdict.AtUs && (c.IsOpen || c.Span.ToUs >= until));
        return wentOn ? Answer.None : Answer.Moot;
    }

    private static bool IsOpenAt(RunEvent verdict, RunFacts facts)
    {
        var last = facts.Events.LastOrDefault(e => e.Is(EventKinds.Recovery) && e["cluster"] == verdict["cluster"] && e.AtUs <= verdict.AtUs);
        return last is not null && last["phase"] is not "closed";
    }
}
