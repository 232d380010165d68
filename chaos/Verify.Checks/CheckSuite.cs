namespace Verify.Checks;

/// <summary>All findings of a run and the worst of their verdicts.</summary>
public sealed record Judgement(IReadOnlyList<Finding> Findings)
{
    public Verdict Worst => Findings.Worst();
}

/// <summary>Judges a run by a list of checks. A check that breaks is an "unknown" finding: a broken check must not pass anything and must
/// not hide what the others found.</summary>
public sealed class CheckSuite(IEnumerable<ICheck> checks)
{
    private readonly ICheck[] _checks = checks.ToArray();

    public Judgement Judge(RunFacts facts) => new(_checks.Select(check => Guarded(check, facts)).ToArray());

    private static Finding Guarded(ICheck check, RunFacts facts)
    {
        try
        {
            return check.Judge(facts);
        }
        catch (Exception broken)
        {
            return new Finding(check.Name, Verdict.Unknown, "the check itself works", $"the check broke: {broken.GetType().Name}: {broken.Message}", "")
            {
                Evidence = broken.ToString(),
            };
        }
    }
}
