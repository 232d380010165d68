using System.Globalization;
using System.Text;
using Verify.Raft;

namespace Verify.Sim.Exhaustive;

/// <summary>Plays a way through the states once more and tells each step in words.</summary>
internal sealed class Retelling(ExhaustiveBounds bounds, LocalSteps steps)
{
    private readonly int[] _nodes = [.. steps.FirstNodes];
    private int _commands;

    public IReadOnlyList<string> Tell(IReadOnlyList<uint> actions) => [.. actions.Select(Tell)];

    private string Tell(uint action)
    {
        var (kind, detail) = Expansion.Decode(action);
        var isMessage = kind is ActionKind.Deliver or ActionKind.Duplicate or ActionKind.Drop;
        var envelope = isMessage ? steps.Message(detail).Envelope : default;
        var node = isMessage ? (int)(detail & ((1 << LocalSteps.ReceiverBits) - 1)) : (int)detail;
        var input = kind switch { ActionKind.Propose => (uint)++_commands, _ => isMessage ? detail : 0 };
        var name = string.Create(CultureInfo.InvariantCulture, $"n{node + 1}");
        var what = kind switch
        {
            ActionKind.Deliver => $"{name} receives the {ExploredMessage.Describe(envelope)}",
            ActionKind.Duplicate => $"{name} receives the {ExploredMessage.Describe(envelope)} (it will come once more)",
            ActionKind.Drop => $"lost: the {ExploredMessage.Describe(envelope)}",
            ActionKind.Timeout when steps.Node(_nodes[node]).Facts.IsLeader => $"{name} finds that no quorum was heard",
            ActionKind.Timeout => $"{name}'s election timer fires",
            ActionKind.Heartbeat => $"{name}'s heartbeat timer fires",
            ActionKind.Propose => string.Create(CultureInfo.InvariantCulture, $"{name} is given command {_commands}"),
            ActionKind.Crash => $"{name} stops and starts again from its disk",
            _ => throw new InvalidOperationException($"unknown action {kind}"),
        };
        if (kind == ActionKind.Drop) return what;
        var step = steps.Step(_nodes[node], kind == ActionKind.Duplicate ? ActionKind.Deliver : kind, input);
        if (step.Broken is not null) return what;
        var text = new StringBuilder(what).Append(Changes(steps.Node(_nodes[node]).Facts, steps.Node(step.Node).Facts));
        _nodes[node] = step.Node;
        foreach (var sent in step.Sent) text.Append("; it sends the ").Append(ExploredMessage.Describe(steps.Message(sent).Envelope));
        return text.ToString();
    }

    private string Changes(NodeFacts before, NodeFacts after)
    {
        var text = new StringBuilder();
        if (before.Role != after.Role) text.Append(": ").Append(RoleWord(after.Role));
        if (before.Term != after.Term) text.Append(CultureInfo.InvariantCulture, $", term {after.Term}");
        if (before.Log != after.Log)
            text.Append(", log ").Append(after.Log.Count == 0 ? "empty" : string.Join(' ', Enumerable.Range(1, after.Log.Count).Select(after.Log.Name)));
        if (before.Commit != after.Commit) text.Append(CultureInfo.InvariantCulture, $", commit {after.Commit}");
        if (after.IsLeader && before.Matches != after.Matches)
            text.Append(", matches ").Append(string.Join(' ', Enumerable.Range(0, bounds.Nodes).Where(i => i != after.Number)
                .Select(i => string.Create(CultureInfo.InvariantCulture, $"n{i + 1}:{after.MatchOf(i)}"))));
        return text.ToString();
    }

    private static string RoleWord(RaftRole role) => role switch
    {
        RaftRole.Follower => "follower",
        RaftRole.PreCandidate => "asks for pre-votes",
        RaftRole.Candidate => "candidate",
        RaftRole.Leader => "leader",
        _ => throw new InvalidOperationException($"unknown role {role}"),
    };
}
