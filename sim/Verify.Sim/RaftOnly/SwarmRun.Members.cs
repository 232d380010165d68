using System.Collections.Immutable;
using Verify.Raft;
using Verify.Sim.Scheduling;
using Happening = Verify.Sim.RaftOnly.SwarmWord;

namespace Verify.Sim.RaftOnly;

/// <summary>Changes of the members: what people and autopilot ask of a leader, sensible or not.</summary>
internal sealed partial class SwarmRun
{
    private void ChangeMembers(SwarmNode node)
    {
        if (node.IsUp) ChangeMembers(node, DrawTarget(node, node.Core.Membership));
    }

    private void ChangeMembers(SwarmNode node, Membership target)
    {
        if (target.Voters.IsEmpty) return;
        var result = node.Core.ChangeMembership(target);
        if (result is ProposeResult.Accepted accepted)
        {
            _counts.Changes++;
            _hash.Add((int)Happening.Members, node.Number, accepted.Id.Index.Value);
            _tale?.Tell(_step, $"n{node.Number + 1} begins to change {node.InForce} into {target}");
        }
        After(node);
    }

    /// <summary>A schedule that is made smaller may name a node that it has no more.</summary>
    private bool AreHere(Membership target) => target.All.All(id => SwarmNames.NumberOf(id) < _nodes.Length);

    private Membership DrawTarget(SwarmNode leader, Membership now)
    {
        var at = _choices.Next(ChoiceKind.Fault, _nodes.Length);
        var node = _nodes[at].Core.Self;
        // A change begins where no other one runs.
        var settled = now with { Outgoing = [] };
        switch (_choices.Next(ChoiceKind.Fault, 8))
        {
            case 0 or 1:
                return now.Contains(node) ? settled.Without(node) : settled.WithLearner(node, Contact.Unknown);
            case 2:
                return now.IsLearner(node) ? settled.WithVoter(node) : now.IsVoter(node) ? settled.Demoted(node) : settled.WithVoter(node);
            case 3:
                return settled.Learners.IsEmpty ? settled.WithVoter(node) : settled.WithVoter(settled.Learners[0]);
            case 4:
                return settled.Without(leader.Core.Self);
            case 5:
                return Swap(settled, node);
            case 6:
                return settled.WithVoter(node);
            default:
                return Any();
        }
    }

    /// <summary>A voter's place goes to somebody else: two voters change at once.</summary>
    private Membership Swap(Membership now, NodeId newcomer)
    {
        if (now.Voters.IsEmpty || now.Voters.Contains(newcomer)) return now.Without(newcomer);
        var leaving = now.Voters[_choices.Next(ChoiceKind.Fault, now.Voters.Length)];
        return now.Without(leaving).WithVoter(newcomer);
    }

    private Membership Any()
    {
        var (voters, learners) = (ImmutableArray.CreateBuilder<NodeId>(), ImmutableArray.CreateBuilder<NodeId>());
        foreach (var node in _nodes)
        {
            switch (_choices.Next(ChoiceKind.Fault, 3))
            {
                case 0: voters.Add(node.Core.Self); break;
                case 1: learners.Add(node.Core.Self); break;
                default: break;
            }
        }
        return new Membership { Voters = voters.ToImmutable(), Learners = learners.ToImmutable() };
    }
}
