using System.Globalization;
using Verify.Checks;

namespace Verify.Chaos.Live.Proofs;

/// <summary>Whoever led when the first fault began leads to the end, in the same term: a follower that comes back from a pause or a
/// partition does not depose a healthy leader (Ongaro 2014, section 9.6: pre-vote; section 6.4: leader stickiness).</summary>
internal sealed class LeaderKeptCheck : ICheck
{
    public string Name => "leaderKept";

    public Finding Judge(RunFacts facts)
    {
        var firstFaultUs = facts.Events.FirstOrDefault(e => e.Kind == EventKinds.FaultBegun)?.AtUs;
        if (firstFaultUs is null) return Made(Verdict.Unknown, "nothing was done to the group");
        var elected = facts.Events.Where(e => e.Kind == EventKinds.RoleChanged && e.Fields.TryGetValue("role", out var role) && role == "Leader").ToArray();
        var before = elected.LastOrDefault(e => e.AtUs < firstFaultUs);
        if (before is null) return Made(Verdict.Unknown, "nobody led when the first fault began");
        var term = Term(before);
        var deposed = elected.FirstOrDefault(e => e.AtUs >= firstFaultUs);
        if (deposed is not null) return Made(Verdict.Invalid, $"{before.Subject} led in term {term}, then {deposed.Subject} in term {Term(deposed)}") with { AtUs = [deposed.AtUs] };
        var higher = facts.Events.FirstOrDefault(e => e.AtUs >= firstFaultUs && e.Kind == EventKinds.RoleChanged && Term(e) > term);
        return higher is not null
            ? Made(Verdict.Invalid, $"{higher.Subject} raised the term from {term} to {Term(higher)}") with { AtUs = [higher.AtUs] }
            : Made(Verdict.Valid, $"{before.Subject} led in term {term} from before the first fault to the end");
    }

    private static long Term(RunEvent e) => e.Fields.TryGetValue("term", out var term) ? long.Parse(term, CultureInfo.InvariantCulture) : -1;

    private static Finding Made(Verdict verdict, string observed) =>
        new("leaderKept", verdict, "a follower that comes back deposes nobody", observed, "same leader, same term");
}
