using System.Collections.Immutable;
using Verify.Node.Autopilot;
using Verify.Node.Loop;
using Verify.Node.State.Cluster;
using Verify.Raft;

namespace Verify.Node.Tests.Autopilot;

/// <summary>What a leader does about members, as a table. A group is written "voters / learners"; a node is its name, then what is
/// special about it: ! unhealthy and unheard for 60 s, ? unheard for 1 s, ~ healthy but not stable yet, @z its zone. The first is the
/// leader. Admissions: "d" let in, "d=" stays learner, "d&gt;b" replaces b.</summary>
public sealed class AutopilotRulesTests
{
    private static readonly AutopilotSettings Plain = new();
    private static readonly AutopilotSettings Cleaning = new() { DeadServerAfter = TimeSpan.FromSeconds(30) };
    private static readonly AutopilotSettings Zones = new() { RedundancyZones = true };

    private static readonly object[] Table =
    [
        // arrivals
        new object[] { "a b c", "d", Plain, "learner: voters=(a b c) learners=(d)" },
        new object[] { "a b c / d~", "d", Plain, "wait" },
        new object[] { "a b c / d", "d", Plain, "promote: voters=(a b c d)" },
        new object[] { "a b c d", "d", Plain, "forget d" },
        new object[] { "a b c / d", "d=", Plain, "wait" },
        new object[] { "a b c / d", "", Plain, "promote: voters=(a b c d)" },
        new object[] { "a b c / d?", "", Plain, "wait" },
        new object[] { "a", "b c", Plain, "learner: voters=(a) learners=(b)" },
        new object[] { "a / b", "b c", Plain, "learner: voters=(a) learners=(b c)" },
        new object[] { "a / b c", "b c", Plain, "promote: voters=(a b) learners=(c)" },

        // the dead
        new object[] { "a b c! d", "", Plain, "wait" },
        new object[] { "a b c! d", "", Cleaning, "remove: voters=(a b d)" },
        new object[] { "a b c? d", "", Cleaning, "wait" },
        new object[] { "a b c!", "", Cleaning, "wait" },
        new object[] { "a b c! d! e", "", Cleaning, "remove: voters=(a b d e)" },
        new object[] { "a b c! d! e!", "", Cleaning, "wait" },
        new object[] { "a b! c! d! e f", "", Cleaning, "remove: voters=(a c d e f)" },
        new object[] { "a b! c! d! e! f", "", Cleaning, "wait" },
        new object[] { "a b c / d!", "", Cleaning, "remove: voters=(a b c)" },
        new object[] { "a b c / d!", "d", Cleaning, "forget d" },

        // replacements
        new object[] { "a b c!", "d>c", Plain, "learner: voters=(a b c) learners=(d)" },
        new object[] { "a b c! / d~", "d>c", Plain, "wait" },
        new object[] { "a b c! / d", "d>c", Plain, "replace: voters=(a b d)" },
        new object[] { "a b c / d", "d>a", Plain, "replace: voters=(b c d)" },
        new object[] { "a b! c! / d", "d>c", Plain, "replace: voters=(a b d)" },
        new object[] { "a b! c! e! / d", "d>c", Plain, "wait" },
        new object[] { "a b c / d e", "d>e", Plain, "replace: voters=(a b c) learners=(d)" },
        new object[] { "a b d", "d>c", Plain, "forget d" },
        new object[] { "a b c / d", "d>x", Plain, "promote: voters=(a b c d)" },

        // zones
        new object[] { "a@1 b@2 c@3 / d@1", "", Zones, "wait" },
        new object[] { "a@1 b@2 c@3 / d@4", "", Zones, "promote: voters=(a b c d)" },
        new object[] { "a@1 b@2 c!@3 / d@3", "", Zones, "spare: voters=(a b d) learners=(c)" },
        new object[] { "a@1 b@2 c?@3 / d@3", "", Zones, "wait" },
        new object[] { "a@1 b@2 c!@3 / d~@3", "", Zones, "wait" },
        new object[] { "a@1 b@2 d@3 / c@3", "", Zones, "wait" },
        new object[] { "a@1 b@2 c@3 d@3", "", Zones, "demote: voters=(a b c) learners=(d)" },
        new object[] { "a@1 b@1 c@2 d@3", "", Zones, "demote: voters=(a c d) learners=(b)" },
        new object[] { "a@1 b@2 c!@3 d@3", "", Zones, "demote: voters=(a b d) learners=(c)" },
        new object[] { "a@1 b@1 c@1", "", Zones, "wait" },
        new object[] { "a b c / d", "", Zones, "promote: voters=(a b c d)" },
    ];

    [TestCaseSource(nameof(Table))]
    public void The_next_step_is(string group, string admissions, object settings, string expected) =>
        Assert.That(Told(AutopilotRules.Decide(View(group, admissions), (AutopilotSettings)settings)), Is.EqualTo(expected));

    [Test]
    public void Nothing_is_begun_while_a_change_is_under_way() =>
        Assert.That(AutopilotRules.Decide(View("a b c", "d") with { IsSettled = false }, Plain), Is.InstanceOf<AutopilotDecision.Wait>());

    [Test]
    public void The_heir_is_the_healthy_voter_that_lacks_least_and_is_not_to_be_replaced()
    {
        var view = View("a b c d / e", "e>c");
        view = view with { Servers = [.. view.Servers.Select(s => s with { EntriesBehind = s.Node.Name is "d" ? 5 : 0 })] };
        Assert.That(AutopilotRules.Heir(view), Is.EqualTo(new NodeId("b")));
        Assert.That(AutopilotRules.Heir(view with { Servers = [.. view.Servers.Select(s => s.Node.Name is "b" ? s with { IsHealthy = false } : s)] }), Is.EqualTo(new NodeId("d")));
        Assert.That(AutopilotRules.Heir(View("a b! c!", "")), Is.Null);
    }

    [FsCheck.NUnit.Property(MaxTest = 2000)]
    public void Whatever_is_seen_no_step_leaves_fewer_voters_than_can_go_on(int seed)
    {
        var dice = new Verify.Node.Seam.Dice((ulong)seed);
        var names = "abcdefg".Select(c => $"{c}").ToArray();
        var group = string.Join(' ', names.Take(1 + dice.Next(5)).Select((n, i) => n + (i > 0 ? Mark(dice) : "") + $"@{dice.Next(3)}"));
        var learners = string.Join(' ', names.Skip(5).Take(dice.Next(3)).Select(n => n + Mark(dice) + $"@{dice.Next(3)}"));
        var view = View($"{group} / {learners}", dice.Chance(300) ? "f>b" : dice.Chance(300) ? "g=" : "");
        var settings = new AutopilotSettings
        {
            DeadServerAfter = TimeSpan.FromSeconds(dice.Next(2) * 30), RedundancyZones = dice.Chance(500), VotersMin = 1 + dice.Next(4),
        };
        if (AutopilotRules.Decide(view, settings) is not AutopilotDecision.Change change) return;
        Assert.That(change.Target.WhyNot(), Is.Null, "the core would take it");
        var healthyBefore = view.Membership.Voters.Count(view.IsHealthy);
        if (change.Kind is "learner") return;
        if (change.Kind is "remove" && change.Target.Voters.Length < view.Membership.Voters.Length)
            Assert.That(change.Target.Voters, Has.Length.GreaterThanOrEqualTo(settings.VotersMin));
        if (change.Target.Voters.Length < view.Membership.Voters.Length || !view.Membership.Voters.All(change.Target.Voters.Contains))
            Assert.That(view.HasHealthyQuorum(change.Target.Voters), $"{change} from {view.Membership} with {healthyBefore} healthy");
        Assert.That(change.Target.Voters.Except(view.Membership.Voters).All(view.IsHealthy), "only the healthy get a vote");
    }

    private static string Mark(Verify.Node.Seam.Dice dice) => dice.Next(5) switch { 0 => "!", 1 => "?", 2 => "~", _ => "" };

    private static string Told(AutopilotDecision decision) => decision switch
    {
        AutopilotDecision.Change change => $"{change.Kind}: {change.Target}",
        AutopilotDecision.Forget forget => $"forget {forget.Node}",
        AutopilotDecision.Wait => "wait",
        _ => throw new AssertionException($"{decision}"),
    };

    private static AutopilotView View(string group, string admissions)
    {
        var parts = group.Split('/');
        var membership = Membership.None;
        var servers = new List<ServerSight>();
        for (var part = 0; part < parts.Length; part++)
        {
            foreach (var word in parts[part].Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                var node = new NodeId(word[..1]);
                var contact = new Contact($"{node}:1", "", "", word.Contains('@', StringComparison.Ordinal) ? word[^1..] : "");
                membership = part == 0 ? membership.WithVoter(node).With(node, contact) : membership.WithLearner(node, contact);
                var (isHealthy, unheard, stable) = word.Contains('!', StringComparison.Ordinal) ? (false, 60, 60)
                    : word.Contains('?', StringComparison.Ordinal) ? (false, 1, 1) : word.Contains('~', StringComparison.Ordinal) ? (true, 0, 1) : (true, 0, 60);
                servers.Add(new(node, TimeSpan.FromSeconds(unheard), TimeSpan.FromSeconds(unheard), 0, isHealthy, TimeSpan.FromSeconds(stable), isHealthy ? "" : "ill"));
            }
        }

        var admitted = admissions.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => new Admission(
            new(word[..1]), new($"{word[0]}:1", "", "", ""), word.EndsWith('='), word.Contains('>', StringComparison.Ordinal) ? new NodeId(word[2..]) : null, 1));
        return new(new("a"), membership, IsSettled: true, [.. servers.OrderBy(s => s.Node)], [.. admitted]);
    }
}
