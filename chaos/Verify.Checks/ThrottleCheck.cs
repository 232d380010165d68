using System.Globalization;
using Verify.Checks.Timelines;

namespace Verify.Checks;

/// <summary>The throttler fails closed: no node says 200 ("go on writing") while it has no sample of some replica that is newer than the bound.
/// The samples are those that the collectors themselves tell of (<see cref="EventKinds.Sampled"/>), and not what the verdict believes.</summary>
/// <remarks>The primary has no lag and need not be sampled; neither must a server that is set aside. While the primary changes, the one
/// before and the one after are both left out. A run in which nobody was asked while samples were old proves nothing.</remarks>
public sealed class ThrottleCheck(TimeSpan bound) : ICheck
{
    public string Name => "throttleWithin";

    public Finding Judge(RunFacts facts)
    {
        var samples = new SortedDictionary<string, List<long>>(StringComparer.Ordinal);
        foreach (var e in facts.Events.Where(e => e.Is(EventKinds.Sampled)))
        {
            var key = $"{e.Subject} {facts.Server(e["instance"])}";
            if (!samples.TryGetValue(key, out var at)) samples[key] = at = [];
            at.Add(e.AtUs - (long)(double.Parse(e["ageMs"], CultureInfo.InvariantCulture) * 1000));
        }

        foreach (var at in samples.Values) at.Sort();
        var writable = WritableSpans.Of(facts);
        var answers = facts.Events.Where(e => e.Is(EventKinds.Checked)).ToArray();
        var old = answers.Select(e => (Answer: e, Old: OldAt(e, facts, writable, samples))).Where(c => c.Old.Length > 0).ToArray();
        var wrong = old.Where(c => IsOk(c.Answer)).ToArray();
        var oks = answers.Count(IsOk);
        var verdict = wrong.Length > 0 ? Verdict.Invalid : oks == 0 || old.Length == 0 ? Verdict.Unknown : Verdict.Valid;
        return new Finding(
            Name, verdict, "no throttle check is answered with 200 by a node whose newest sample of some replica is older than the bound",
            answers.Length == 0 ? "no node was asked" : $"{answers.Length} answers, {oks} of them 200; asked {old.Length} times while samples were old, {wrong.Length} times 200 was the answer",
            Durations.Ms(bound))
        {
            AtUs = wrong.Select(c => c.Answer.AtUs).Take(100).ToArray(),
            Evidence = string.Join('\n', wrong.Take(20).Select(c => $"{OpText.Seconds(c.Answer.AtUs)}: {c.Answer.Subject} says 200; its newest sample of {string.Join(" and of ", c.Old)}")),
            Figures = Durations.Figures(("answers", answers.Length), ("ok", oks), ("askedWhileOld", old.Length), ("okWhileOld", wrong.Length)),
        };
    }

    private static bool IsOk(RunEvent answer) => answer["status"] == "200";

    /// <summary>The replicas of which this node has no sample that is new enough at the moment of its answer.</summary>
    private string[] OldAt(RunEvent answer, RunFacts facts, IReadOnlyList<NamedSpan> writable, SortedDictionary<string, List<long>> samples)
    {
        var sinceUs = answer.AtUs - bound.Us();
        var (now, before) = (WritableSpans.PrimaryAt(answer.AtUs, facts, writable), WritableSpans.PrimaryAt(sinceUs, facts, writable));
        return [.. facts.Servers.Keys.Order(StringComparer.Ordinal)
            .Where(s => s != now && s != before && !facts.History.SetAside.Contains(s, StringComparer.Ordinal))
            .Select(s => (Server: s, At: samples.GetValueOrDefault($"{answer.Subject} {s}")?.LastOrDefault(at => at <= answer.AtUs) ?? 0))
            .Where(s => s.At < sinceUs)
            .Select(s => s.At == 0 ? $"{s.Server}: there is none" : $"{s.Server} is {Durations.Ms(answer.AtUs - s.At)} old")];
    }
}
