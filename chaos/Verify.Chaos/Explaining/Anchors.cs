using System.Globalization;
using System.Text.RegularExpressions;
using Verify.Checks;
using Verify.Checks.Timelines;

namespace Verify.Chaos.Explaining;

/// <summary>A moment at which the violation shows: whose, and what it is.</summary>
internal sealed record Anchor(long AtUs, string Actor, string Text)
{
    /// <summary>The event of the run, where it is one; else an operation, or only words.</summary>
    public RunEvent? Event { get; init; }
    public Op? Op { get; init; }

    /// <summary>The number of the step in the trace, where it is known; else the last one of the actor by then.</summary>
    public long Step { get; init; }
}

/// <summary>Finds for each check the events in which its violation shows. They are where the slice begins.</summary>
internal static class Anchors
{
    private const int AnchorsMax = 6;

    public static Concern ConcernOf(string check) => check switch
    {
        "singleLeader" or "MoreThanOneLeader" or "ElectionQuorum" or "ElectionSafety" or "LeaseOverlap" or "leaderKept" => Concern.Leadership,
        "singlePrimary" or "fencedWithin" or "fencingToken" or "noLostWrites" or "recoveryLedger" or "recoveriesExplained" or "rto" => Concern.Servers,
        "linearizable" => Concern.Operations,
        "converges" or "convergence" or "election" or "Live" or "writeP99" or "workload" or "steps" or "harness" => Concern.Progress,
        _ => Concern.Log,
    };

    public static IReadOnlyList<Anchor> Of(Finding finding, RunAccount account)
    {
        var found = finding.Check switch
        {
            "singleLeader" => Leaders(account),
            "singlePrimary" => Primaries(account, finding),
            "fencedWithin" or "noLostWrites" => [.. LateInserts(account, finding), .. Primaries(account, finding)],
            "sameLog" => Entries(account),
            _ => [],
        };
        if (found.Count == 0) found = Named(finding, account);
        return [.. found.OrderBy(a => a.AtUs).TakeLast(AnchorsMax)];
    }

    /// <summary>The second leader of a term, or the second lease.</summary>
    private static List<Anchor> Leaders(RunAccount account)
    {
        var facts = account.Facts();
        var rivals = account.Events.Where(e => e.Kind == EventKinds.RoleChanged && e["role"] == "Leader").GroupBy(e => e["term"], StringComparer.Ordinal)
            .Select(g => g.DistinctBy(e => e.Subject, StringComparer.Ordinal).ToList()).FirstOrDefault(g => g.Count > 1);
        if (rivals is not null)
            return [.. rivals.Select((e, i) => new Anchor(e.AtUs, e.Subject, i == 0 ? EventWords.Of(e) : $"{e.Subject} leads term {e["term"]} too, which {rivals[0].Subject} leads already") { Event = e, Step = e.Step })];
        var overlap = Overlap.Among(LeaderClaims.Of(facts, FaultWindow.Of(facts))).Take(1).SingleOrDefault();
        if (overlap.First.Who is null) return [];
        return [new(overlap.FromUs, overlap.Second.Who, $"{overlap.Second.Who} holds the leader lease of term {overlap.Second.Term} while {overlap.First.Who} still holds that of term {overlap.First.Term}: both for {account.TimeLength(overlap.LengthUs)}")];
    }

    private static List<Anchor> Primaries(RunAccount account, Finding finding)
    {
        var facts = account.Facts();
        var overlap = Overlap.Among(WritableSpans.Of(facts)).FirstOrDefault(o => finding.AtUs.Count == 0 || finding.AtUs.Contains(o.FromUs));
        if (overlap.First.Who is null) return [];
        var (first, second) = (overlap.First, overlap.Second);
        return
        [
            new(overlap.FromUs, first.Who, $"{first.Who} still takes writes, as it has since {account.TimeText(first.Span.FromUs)}{(first.IsOpen ? "" : $", and will until {account.TimeText(first.Span.ToUs)}")}"),
            new(overlap.FromUs, second.Who, $"{second.Who} takes writes while {first.Who} still does: two primaries for {account.TimeLength(overlap.LengthUs)}") { Event = Opening(second) },
        ];

        RunEvent? Opening(NamedSpan span) => account.Events.LastOrDefault(e => e.Kind == EventKinds.Writable && e["writable"] == "true" && e.Subject == span.Who && e.AtUs <= overlap.FromUs);
    }

    private static List<Anchor> LateInserts(RunAccount account, Finding finding)
    {
        var at = finding.AtUs.ToHashSet();
        return [.. account.Ops.Where(o => o.Kind == OpKind.SqlInsert && o.Outcome == OpOutcome.Ok && at.Contains(o.ReturnedUs)).OrderBy(o => o.ReturnedUs).Take(2)
            .Select(o => new Anchor(o.ReturnedUs, o.Value ?? o.By, finding.Check == "noLostWrites"
                ? $"{o.Value} acknowledges row {o.Key} to client {o.Client}; it is missing on the primary of the end"
                : $"{o.Value} acknowledges row {o.Key} to client {o.Client}, too late") { Op = o })];
    }

    /// <summary>The first two different entries at one index.</summary>
    private static List<Anchor> Entries(RunAccount account)
    {
        var first = new SortedDictionary<long, RunEvent>();
        foreach (var e in account.Events.Where(e => e.Kind == EventKinds.Applied))
        {
            var index = e.Number("index");
            if (first.TryAdd(index, e)) continue;
            var other = first[index];
            if (other["hash"] == e["hash"] && other["term"] == e["term"]) continue;
            return [new(other.AtUs, other.Subject, EventWords.Of(other)) { Event = other, Step = other.Step },
                new(e.AtUs, e.Subject, $"{EventWords.Of(e)}: another one than {other.Subject} applied there") { Event = e, Step = e.Step }];
        }

        return [];
    }

    /// <summary>For every other check: the moments that it names, on whoever it names.</summary>
    private static List<Anchor> Named(Finding finding, RunAccount account)
    {
        var text = $"{finding.Observed} {finding.Evidence}";
        var named = account.Parties.Where(p => Regex.IsMatch(text, $@"(?<![\w-]){Regex.Escape(p.Name)}(?![\w-])", RegexOptions.None, TimeSpan.FromSeconds(1))).Select(p => p.Name).Take(3).ToList();
        var atUs = finding.AtUs.Count > 0 ? finding.AtUs[0] : EndOf(account);
        var halted = account.Events.LastOrDefault(e => e.Kind == EventKinds.Halted);
        if (halted is not null && finding.AtUs.Count == 0) return [new(halted.AtUs, halted.Subject, EventWords.Of(halted)) { Event = halted, Step = halted.Step }];
        var who = named.Count > 0 ? named[^1] : account.Events.LastOrDefault(e => e.AtUs <= atUs && account.Parties.Any(p => p.Name == e.Subject))?.Subject ?? account.Parties.Select(p => p.Name).FirstOrDefault() ?? "";
        return [new(atUs, who, $"{finding.Check}: {Shortened(finding.Observed)}")];
    }

    private static long EndOf(RunAccount account) =>
        account.Events.LastOrDefault(e => e.Kind == EventKinds.Phase && e["name"] == "healed")?.AtUs ?? account.EndUs;

    private static string Shortened(string text)
    {
        var line = text.Split('\n')[0];
        return line.Length <= 220 ? line : $"{line[..217]}…";
    }

    /// <summary>Microseconds, or steps, as words.</summary>
    internal static string TimeLength(this RunAccount account, long us) => account.Unit == Reports.SpaceTime.AxisUnit.Steps
        ? $"{us.ToString(CultureInfo.InvariantCulture)} steps" : us < 1_000_000 ? FormattableString.Invariant($"{us / 1e3:0.###} ms") : FormattableString.Invariant($"{us / 1e6:0.###} s");
}
