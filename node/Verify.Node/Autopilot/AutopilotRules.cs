using System.Collections.Immutable;
using Verify.Node.Loop;
using Verify.Node.State.Cluster;
using Verify.Raft;

namespace Verify.Node.Autopilot;

/// <summary>What a leader does about members by itself (the features that ADR-0011 lists for phase 3, after HashiCorp's autopilot): lets
/// admitted nodes in as learners, makes stable learners voters, carries replacements out, removes the dead while the quorum stays safe,
/// and keeps one voter per zone. A function of what is seen; each call gives the one next step.</summary>
internal static class AutopilotRules
{
    public static AutopilotDecision Decide(AutopilotView view, AutopilotSettings settings)
    {
        if (!view.IsSettled) return new AutopilotDecision.Wait("a change of the members is under way");
        AutopilotDecision? next = Finished(view);
        next ??= Arrival(view);
        next ??= Death(view, settings);
        next ??= Replacement(view, settings);
        next ??= Promotion(view, settings);
        next ??= Surplus(view, settings);
        return next ?? new AutopilotDecision.Wait(Calm(view, settings));
    }

    /// <summary>An admission that has come to its end.</summary>
    private static AutopilotDecision.Forget? Finished(AutopilotView view)
    {
        foreach (var admission in view.Admissions)
        {
            var isReplacing = admission.Replaces is { } old && view.Membership.Contains(old);
            if (view.Membership.IsVoter(admission.Node) && !isReplacing) return new AutopilotDecision.Forget(admission.Node, $"{admission.Node} has its seat");
        }

        return null;
    }

    private static AutopilotDecision.Change? Arrival(AutopilotView view)
    {
        foreach (var (node, contact, _, _, _) in view.Admissions)
        {
            if (!view.Membership.Contains(node)) return new AutopilotDecision.Change(view.Membership.WithLearner(node, contact), "learner", $"{node} was let in and begins as a learner");
        }

        return null;
    }

    private static AutopilotDecision? Death(AutopilotView view, AutopilotSettings settings)
    {
        if (settings.DeadServerAfter <= TimeSpan.Zero) return null;
        foreach (var server in view.Servers)
        {
            var node = server.Node;
            if (node == view.Self || server.IsHealthy || server.UnheardFor < settings.DeadServerAfter) continue;
            if (view.Membership.IsVoter(node))
            {
                var rest = view.Membership.Voters.Remove(node);
                if (rest.Length < settings.VotersMin || !view.HasHealthyQuorum(rest)) continue;
            }

            var why = $"{node} was not heard for {server.UnheardFor.TotalSeconds:0} s";
            return view.AdmissionOf(node) is not null
                ? new AutopilotDecision.Forget(node, why)
                : new AutopilotDecision.Change(view.Membership.Without(node), "remove", why);
        }

        return null;
    }

    /// <summary>The joiner is a stable learner: one change swaps the two, so that there is neither a voter too many nor one too few.</summary>
    private static AutopilotDecision.Change? Replacement(AutopilotView view, AutopilotSettings settings)
    {
        foreach (var admission in view.Admissions)
        {
            if (admission.Replaces is not { } old || !view.Membership.Contains(old)) continue;
            var isVoter = view.Membership.IsVoter(admission.Node);
            if (!isVoter && !IsStable(view.Of(admission.Node), settings)) continue;
            var target = view.Membership.Without(old);
            if (view.Membership.IsVoter(old) && !isVoter && !admission.StaysLearner) target = target.WithVoter(admission.Node);
            if (!view.HasHealthyQuorum(target.Voters)) continue;
            return new(target, "replace", $"{admission.Node} takes the place of {old}");
        }

        return null;
    }

    private static AutopilotDecision.Change? Promotion(AutopilotView view, AutopilotSettings settings)
    {
        foreach (var learner in view.Membership.Learners)
        {
            if (!IsStable(view.Of(learner), settings) || !MayVote(view, learner)) continue;
            if (!settings.RedundancyZones) return new AutopilotDecision.Change(view.Membership.WithVoter(learner), "promote", $"{learner} is stable and becomes a voter");
            var zone = view.ZoneOf(learner);
            var voters = view.Membership.Voters.Where(voter => string.Equals(view.ZoneOf(voter), zone, StringComparison.Ordinal)).ToArray();
            if (voters.Length == 0) return new AutopilotDecision.Change(view.Membership.WithVoter(learner), "promote", $"{learner} becomes the voter of zone {zone}");
            if (!Array.TrueForAll(voters, voter => IsLost(view, voter, settings))) continue;
            var target = view.Membership.WithVoter(learner).Demoted(voters[0]);
            if (view.HasHealthyQuorum(target.Voters)) return new AutopilotDecision.Change(target, "spare", $"{learner} takes the seat of zone {zone}, whose voter {voters[0]} is not heard");
        }

        return null;
    }

    /// <summary>With zones: a second voter of a zone becomes its spare.</summary>
    private static AutopilotDecision.Change? Surplus(AutopilotView view, AutopilotSettings settings)
    {
        if (!settings.RedundancyZones || view.Membership.Voters.Length <= settings.VotersMin) return null;
        foreach (var zone in view.Membership.Voters.GroupBy(view.ZoneOf, StringComparer.Ordinal).OrderBy(z => z.Key, StringComparer.Ordinal))
        {
            var voters = zone.Where(voter => voter != view.Self).OrderBy(view.IsHealthy).ThenByDescending(voter => voter).ToArray();
            if (zone.Count() < 2) continue;
            var target = view.Membership.Demoted(voters[0]);
            if (view.HasHealthyQuorum(target.Voters)) return new AutopilotDecision.Change(target, "demote", $"zone {zone.Key} has {zone.Count()} voters; {voters[0]} becomes its spare");
        }

        return null;
    }

    /// <summary>The healthy voter that lacks least.</summary>
    public static NodeId? Heir(AutopilotView view) => view.Servers
        .Where(server => server.Node != view.Self && server.IsHealthy && view.Membership.Voters.Contains(server.Node)
            && !view.Admissions.Any(admission => admission.Replaces == server.Node))
        .OrderBy(server => server.EntriesBehind).ThenBy(server => server.Node)
        .Select(server => (NodeId?)server.Node).FirstOrDefault();

    private static bool MayVote(AutopilotView view, NodeId learner) =>
        view.AdmissionOf(learner) is not { } admission
        || (!admission.StaysLearner && !(admission.Replaces is { } old && view.Membership.Contains(old)));

    private static bool IsStable(ServerSight? server, AutopilotSettings settings) => server is { IsHealthy: true } && server.StableFor >= settings.StableAfter;

    private static bool IsLost(AutopilotView view, NodeId voter, AutopilotSettings settings) =>
        voter != view.Self && view.Of(voter) is { IsHealthy: false } server && server.UnheardFor >= settings.SpareAfter;

    private static string Calm(AutopilotView view, AutopilotSettings settings)
    {
        foreach (var server in view.Servers)
            if (!server.IsHealthy) return $"{server.Node} is not healthy: {server.Why}";
        foreach (var learner in view.Membership.Learners)
            if (MayVote(view, learner) && !IsStable(view.Of(learner), settings)) return $"waits until {learner} has been stable for {settings.StableAfter.TotalSeconds:0.#} s";
        return "all members are healthy";
    }
}
