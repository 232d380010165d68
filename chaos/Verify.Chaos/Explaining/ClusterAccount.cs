using System.Globalization;
using System.Text.RegularExpressions;
using Verify.Chaos.Simulated;
using Verify.Chaos.Swarms;
using Verify.Chaos.Traces;
using Verify.Chaos.Worlds;
using Verify.Checks;
using Verify.Reports.SpaceTime;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Explaining;

/// <summary>The account of a schedule of whole nodes ("swarm cluster"): what the nodes said, what the nemesis did, what clients saw.</summary>
internal static partial class ClusterAccount
{
    public static RunAccount Of(ulong seed, ClusterStory story, ClusterHooks? hooks = null, string strategy = "random")
    {
        var deeds = new List<(TimeSpan At, string What)>();
        void Take(string line)
        {
            if (Deed().Match(line) is { Success: true } deed && TimeSpan.TryParse(deed.Groups["at"].Value, CultureInfo.InvariantCulture, out var at)) deeds.Add((at, deed.Groups["what"].Value));
        }

        IReadOnlyList<CausalStep> steps = [];
        IReadOnlyList<Op> ops = [];
        var log = new EventLog(() => 0);
        var places = new SortedDictionary<string, string>(StringComparer.Ordinal);
        hooks ??= new ClusterHooks();
        var trial = new ClusterSwarm(Take, story, Strategies.Parse(strategy)).Play(seed, hooks with
        {
            KeepsTrace = true, Judged = history => ops = history,
            Ended = (sim, done, clients) =>
            {
                hooks.Ended(sim, done, clients);
                steps = ScenarioAccount.StepsOf(sim);
                foreach (var host in sim.Hosts) places[host.Name] = host.DataCenter;
                foreach (var said in sim.Trace.NodeEvents) NodeEventMapping.Add(log, said.Micros, said.Step, places.GetValueOrDefault(said.Host, ""), said.Event);
            },
        });
        Tell(log, deeds);
        var finding = trial.Discovery is { } discovery
            ? new Finding(discovery.Promise, trial.Verdict, discovery.Promise, discovery.What, "never") { Evidence = $"drawn: {trial.Drawn}" }
            : new Finding("clean", Verdict.Valid, "every promise", "none was broken", "none");
        var word = story == ClusterStory.Everything ? "" : $"/{story.ToString().ToLowerInvariant()}";
        return new RunAccount
        {
            Title = $"cluster swarm{(word.Length > 0 ? $" ({word[1..]})" : "")}, seed {seed}", World = "cluster", Verdict = trial.Verdict, FailureClass = ClusterPlay.FailureClassOf(trial),
            Findings = [finding], Events = log.Sorted(), Ops = [.. ops.OrderBy(o => o.CalledUs).ThenBy(o => o.Id)], Steps = steps,
            Parties = [.. places.Select(p => new Track(p.Key, p.Value, TrackKind.Node))],
            Commands =
            [
                ("tell it line by line", $"verify-chaos swarm cluster{(word.Length > 0 ? $" --story {word[1..]}" : "")} --seeds {seed} --tell"),
                ("explain it again", $"verify-chaos explain cluster{word}:{seed}"), ("make it smaller", $"verify-chaos shrink --world cluster --seed {seed}{(word.Length > 0 ? $" --story {word[1..]}" : "")}"),
            ],
        };
    }

    /// <summary>What the nemesis did, as faults with a beginning and an end where it undid them.</summary>
    private static void Tell(EventLog log, List<(TimeSpan At, string What)> deeds)
    {
        var open = new List<(string Name, string Fault, string Who)>();
        var number = 0;
        foreach (var (at, what) in deeds)
        {
            var us = (long)at.TotalMicroseconds;
            var words = what.Split(' ');
            switch (words[0])
            {
                case "cut" when words.Length >= 3:
                    Begin("partition", $"{words[1]} | {words[2]}");
                    break;
                case "pause":
                    Begin("pause", words[1]);
                    break;
                case "heal":
                    foreach (var (name, fault, who) in open) log.Add(EventKinds.FaultEnded, name, "", us, fields: [("fault", fault), ("resolved", who)]);
                    open.Clear();
                    break;
                case "kill":
                    log.Add(EventKinds.NodeDown, words[1], "", us, fields: [("how", what)]);
                    break;
                case "start":
                    log.Add(EventKinds.NodeUp, words[1], "", us);
                    break;
                default:
                    log.Add(SwarmKinds.Story, words.FirstOrDefault(w => Node().IsMatch(w))?.TrimEnd(':') ?? "nemesis", "", us, fields: [("what", what)]);
                    break;
            }

            void Begin(string fault, string who)
            {
                var name = $"deed {++number}";
                open.Add((name, fault, who));
                log.Add(EventKinds.FaultBegun, name, "", us, fields: [("fault", fault), ("resolved", who)]);
            }
        }
    }

    [GeneratedRegex(@"^(?<at>\d[\d:.]*): (?<what>.*)$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Deed();

    [GeneratedRegex(@"^n\d+:?$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Node();
}
