using System.Globalization;
using System.Text.RegularExpressions;
using Verify.Chaos.Running;
using Verify.Chaos.Traces;
using Verify.Checks;
using Verify.Reports.SpaceTime;
using Verify.Sim.RaftOnly;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Explaining;

/// <summary>Reads what the swarm over the Raft core tells (--tell) as an account: its lines are events, "n1 -> n2 arrives" is the arrival of
/// what n1 said it sent. Time is counted in steps of the swarm.</summary>
internal sealed partial class RaftTaleReader
{
    private readonly List<CausalStep> _steps = [];
    private readonly List<RunEvent> _events = [];
    private readonly SortedDictionary<string, long> _sent = new(StringComparer.Ordinal);
    /// <summary>What is to be said when durable. Where nothing had to be written, it goes out without a word about the disk.</summary>
    private readonly SortedDictionary<string, long> _promised = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, List<(string To, string Said)>> _waiting = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, (string Role, string Term, string Commit)> _known = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _names = new(StringComparer.Ordinal);
    private (string Step, int Number) _cut;

    /// <summary>Plays the schedule of the seed and reads what it tells.</summary>
    public static RunAccount Of(ulong seed, SwarmStrategy? strategy = null) => Of(seed, new SeededChoices(seed), strategy);

    /// <param name="choices">Makes the choices; for whoever notes them, or makes noted ones again.</param>
    public static RunAccount Of(ulong seed, IChoiceSource choices, SwarmStrategy? strategy = null)
    {
        var reader = new RaftTaleReader();
        return reader.Account(seed, RaftSwarm.Run(RaftSwarmOptions.Draw(choices, strategy), choices, reader.Take));
    }

    /// <summary>A schedule that was written down, or what was left of it.</summary>
    public static RunAccount Of(RaftPlay play, string source)
    {
        var reader = new RaftTaleReader();
        var played = play.Play(new PlayHooks { Tell = reader.Take });
        var violation = played.Verdict == Verdict.Valid ? null : new SwarmViolation(played.Check, 0, played.Observed);
        return reader.Account(play.Schedule.Seed, violation, "", played.FailureClass) with
        {
            Title = $"raft schedule of {play.Schedule.Deeds.Length} deeds (seed {play.Schedule.Seed})",
            Commands = [("play it again", $"verify-chaos replay {source}"), ("explain it again", $"verify-chaos explain {source}"), ("make it smaller", $"verify-chaos shrink {source}")],
        };
    }

    public void Take(string line)
    {
        var colon = line.IndexOf(": ", StringComparison.Ordinal);
        if (colon < 0 || !long.TryParse(line.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out var at)) return;
        var what = line[(colon + 2)..];
        if (Arrival().Match(what) is { Success: true } arrival) Arrives(at, arrival);
        else if (Work().Match(what) is { Success: true } work) Works(at, work);
        else if (About().Match(what) is { Success: true } about) Happens(at, about.Groups["node"].Value, about.Groups["what"].Value);
        else if (what.Contains("the network is", StringComparison.Ordinal)) Cuts(at, what);
    }

    public RunAccount Account(ulong seed, RaftSwarmResult result)
    {
        for (var i = 1; i <= result.Options.Nodes; i++) _names.Add($"n{i}");
        return Account(seed, result.Violation, result.Options.Describe(), result.IsClean ? "" : result.Violation!.Promise == "Live" ? FailureClass.Liveness : FailureClass.Safety);
    }

    private RunAccount Account(ulong seed, SwarmViolation? violation, string drawn, string failureClass)
    {
        var end = _steps.Count > 0 ? _steps[^1].AtUs : 0;
        var finding = violation is not null
            ? new Finding(violation.Promise, Verdict.Invalid, violation.Promise, violation.What, "never") { AtUs = [Math.Max(end, 1)], Evidence = drawn.Length > 0 ? $"drawn: {drawn}" : "" }
            : new Finding("clean", Verdict.Valid, "every promise of Raft", "none was broken", "none");
        return new RunAccount
        {
            Title = $"raft swarm, seed {seed}", World = "raft", Verdict = finding.Verdict, FailureClass = failureClass,
            Findings = [finding], Parties = [.. _names.Select(n => new Track(n, "", TrackKind.Node))], Events = _events, Steps = _steps, Unit = AxisUnit.Steps,
            Commands =
            [
                ("tell it line by line", $"verify-chaos swarm raft --seeds {seed} --tell"), ("replay it", $"verify-chaos replay --world raft --seed {seed}"),
                ("explain it again", $"verify-chaos explain raft:{seed}"), ("make it smaller", $"verify-chaos shrink --world raft --seed {seed}"),
            ],
        };
    }

    private long Add(long at, string actor, string name, long cause)
    {
        _names.Add(actor);
        _steps.Add(new(_steps.Count + 1, at, actor, name, cause));
        return _steps.Count;
    }

    private void Say(long at, string kind, string subject, params ReadOnlySpan<(string, string)> fields) =>
        _events.Add(new(at, _steps.Count, kind, subject, "", new EventFields(fields)));

    private void Arrives(long at, Match arrival)
    {
        var (from, to, said) = (arrival.Groups["from"].Value, arrival.Groups["to"].Value, $"t{arrival.Groups["term"].Value} {arrival.Groups["said"].Value}");
        Add(at, to, $"{to} <- {from} {arrival.Groups["said"].Value.Split(' ')[0]} {said}", Math.Max(_sent.GetValueOrDefault($"{from}>{to}:{said}"), _promised.GetValueOrDefault($"{from}>{to}:{said}")));
    }

    private void Works(long at, Match work)
    {
        var (node, role, term, commit, rest) = (work.Groups["node"].Value, work.Groups["role"].Value, work.Groups["term"].Value, work.Groups["commit"].Value, work.Groups["did"].Value);
        var step = Add(at, node, $"{node} {role} t{term}", 0);
        var known = _known.TryGetValue(node, out var last) ? last : (Role: "", Term: "", Commit: "0");
        if (known.Role != role || known.Term != term) Say(at, EventKinds.RoleChanged, node, ("role", role), ("term", term), ("leader", ""));
        if (Install().Match(rest) is { Success: true } install) Say(at, SwarmKinds.Installed, node, ("entry", install.Groups["entry"].Value));
        if (Append().Match(rest) is { Success: true } append) Say(at, SwarmKinds.Appended, node, ("entries", append.Groups["entries"].Value));
        if (known.Commit != commit) Say(at, SwarmKinds.Committed, node, ("index", commit), ("term", term));
        _known[node] = (role, term, commit);
        foreach (Match sent in Now().Matches(rest)) Sends(at, node, sent.Groups["to"].Value, sent.Groups["said"].Value, step);
        foreach (Match sent in Durable().Matches(rest))
        {
            WaitingOf(node).Add((sent.Groups["to"].Value, sent.Groups["said"].Value));
            _promised[$"{node}>{sent.Groups["to"].Value}:{sent.Groups["said"].Value}"] = step;
        }

        foreach (Match piece in Piece().Matches(rest)) _sent[$"{node}>{piece.Groups["to"].Value}:piece"] = step;
    }

    private void Sends(long at, string from, string to, string said, long step)
    {
        _sent[$"{from}>{to}:{said}"] = step;
        if (said.Contains("VoteReply", StringComparison.Ordinal) && said.Contains("Granted = True", StringComparison.Ordinal) && said.Contains("IsPreVote = False", StringComparison.Ordinal))
            Say(at, SwarmKinds.Voted, from, ("to", to), ("term", said[1..said.IndexOf(' ', StringComparison.Ordinal)]));
    }

    private void Happens(long at, string node, string what)
    {
        var step = Add(at, node, $"{node} {what}", 0);
        if (what == "has synced")
        {
            // What was to be said when durable goes out in the order in which it was written.
            foreach (var (to, said) in WaitingOf(node)) Sends(at, node, to, said, step);
            WaitingOf(node).Clear();
            Say(at, SwarmKinds.Synced, node);
        }
        else if (what.StartsWith("crashes", StringComparison.Ordinal))
        {
            WaitingOf(node).Clear();
            Say(at, EventKinds.NodeDown, node, ("how", what));
            _known.Remove(node);
        }
        else if (what.StartsWith("restarts", StringComparison.Ordinal)) Say(at, EventKinds.NodeUp, node, ("how", ""));
        else Say(at, what.StartsWith("answers", StringComparison.Ordinal) ? SwarmKinds.Answered : SwarmKinds.Story, node, ("what", $"{node} {what}"));
        if (what.Contains("the network is", StringComparison.Ordinal)) Cuts(at, what);
    }

    /// <summary>A cut is a fault until the network changes again; who is in it is whom something does not reach.</summary>
    private void Cuts(long at, string what)
    {
        if (_cut.Step is { Length: > 0 } open) _events.Add(new(at, _steps.Count, EventKinds.FaultEnded, open, "", new EventFields(("fault", "partition"), ("resolved", ""))));
        _cut = ("", _cut.Number);
        var pairs = Cut().Matches(what).Select(m => (From: m.Groups["from"].Value, To: m.Groups["to"].Value)).ToList();
        if (pairs.Count == 0) return;
        _cut = ($"cut {_cut.Number + 1}", _cut.Number + 1);
        var loneliest = pairs.SelectMany(p => new[] { p.From, p.To }).GroupBy(n => n, StringComparer.Ordinal).OrderByDescending(g => g.Count()).ThenBy(g => g.Key, StringComparer.Ordinal).First().Key;
        _events.Add(new(at, _steps.Count, EventKinds.FaultBegun, _cut.Step, "", new EventFields(("fault", "partition"), ("resolved", loneliest), ("effect", string.Join(", ", pairs.Select(p => $"{p.From} not heard by {p.To}"))))));
    }

    private List<(string To, string Said)> WaitingOf(string node)
    {
        if (!_waiting.TryGetValue(node, out var waiting)) _waiting[node] = waiting = [];
        return waiting;
    }

    [GeneratedRegex(@"^(?<from>n\d) -> (?<to>n\d) arrives: (?<term>\d+) (?<said>.*)$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Arrival();

    [GeneratedRegex(@"^(?<node>n\d) (?<role>Follower|PreCandidate|Candidate|Leader) t(?<term>\d+) last=\S+ commit=(?<commit>\d+):(?<did>.*)$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Work();

    [GeneratedRegex(@"^(?:from now on \w+ )?(?<node>n\d)(?:'s|:)? (?<what>.*)$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex About();

    [GeneratedRegex(@"\[now (?<to>n\d): (?<said>(?:[^\[\]]|\[[^\]]*\])*)\]", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Now();

    [GeneratedRegex(@"\[durable (?<to>n\d): (?<said>(?:[^\[\]]|\[[^\]]*\])*)\]", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Durable();

    [GeneratedRegex(@"\[piece of \S+ from \d+ to (?<to>n\d)\]", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Piece();

    [GeneratedRegex(@" append (?<entries>\S+)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Append();

    [GeneratedRegex(@" install (?<entry>\S+)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Install();

    [GeneratedRegex(@"(?<from>n\d)-x->(?<to>n\d)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Cut();
}
