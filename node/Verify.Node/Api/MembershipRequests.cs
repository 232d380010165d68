using System.Diagnostics;
using Verify.Node.Autopilot;
using Verify.Node.State;
using Verify.Node.State.Cluster;
using Verify.Node.Telemetry;
using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>What operators and joiners ask of the leader about members: to join, to leave, a join token, another leader. Each is answered
/// when what was asked for is committed here. Lives on the loop.</summary>
internal sealed class MembershipRequests(ApiParts parts, Writes writes, MembershipPilot pilot)
{
    private readonly List<(Question Question, Func<Membership, bool> IsSo)> _awaitingMembership = [];
    private readonly OncePerMinute _said = new(mattersMax: 64);
    private Transfer? _transfer;

    /// <summary>As leader.</summary>
    public void Ask(ApiRequest request, Question question)
    {
        switch (request)
        {
            case ApiRequest.ClusterJoin join:
                Join(join, question);
                break;
            case ApiRequest.ClusterLeave leave:
                Leave(leave, question);
                break;
            case ApiRequest.CreateJoinToken create:
                var now = parts.NowMs;
                Enter(new Command.Cluster(new ClusterCommand.CreateToken(create.TokenId, create.SecretHash, now + (long)create.ValidFor.TotalMilliseconds, now)), question);
                break;
            case ApiRequest.TransferLeadership(var to):
                HandOver(to, question);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <summary>Looks whether what somebody waits for has come true.</summary>
    public void Look()
    {
        if (_awaitingMembership.Count > 0)
        {
            var raft = parts.Raft.Status;
            var membership = parts.Raft.Membership;
            if (!membership.IsJoint && raft.MembershipIndex <= raft.Commit)
            {
                foreach (var (question, isSo) in _awaitingMembership)
                    if (isSo(membership)) question.Answer(new ApiReply.Done(raft.MembershipIndex.Value));
            }

            _awaitingMembership.RemoveAll(static waiting => !waiting.Question.IsOpen);
        }

        if (_transfer is { } transfer) Look(transfer);
    }

    public void RaftChanged(RaftStatus status)
    {
        Look();
        if (status.Role == RaftRole.Leader) return;
        foreach (var (question, _) in _awaitingMembership) question.Answer(new ApiReply.Unknown("this node stopped leading while the change was under way"));
        _awaitingMembership.Clear();
    }

    private void Join(ApiRequest.ClusterJoin join, Question question)
    {
        if (!parts.LeadsSettled)
        {
            question.Answer(new ApiReply.Overloaded("this leader has just begun", parts.RetryAfter));
            return;
        }

        var membership = parts.Raft.Membership;
        if (Objection(join, membership, out var proof) is { } objection)
        {
            SayNotAdmitted(join, objection);
            question.Answer(new ApiReply.Refused(objection));
            return;
        }

        if (membership.Contains(join.Node) && join.Replaces is null)
        {
            if (membership.ContactOf(join.Node) == join.Contact) question.Answer(new ApiReply.Done(parts.Raft.Status.MembershipIndex.Value));
            else Change(membership.With(join.Node, join.Contact), question, now => now.ContactOf(join.Node) == join.Contact);
            return;
        }

        var admit = new ClusterCommand.Admit(join.Node, join.Contact, join.StaysLearner, join.Replaces, proof, parts.NowMs);
        var refusal = writes.Enter(new Command.Cluster(admit), new Proposer(null, result => Admitted(join, question, result)));
        if (refusal is not null) question.Answer(refusal);
    }

    /// <summary>A joiner asks again each second for as long as it is told to.</summary>
    private void SayNotAdmitted(ApiRequest.ClusterJoin join, string why)
    {
        if (_said.MaySay($"{join.Node} {join.Contact.Address} {why}", parts.Pulse.Now)) ClusterLog.NotAdmitted(parts.Log, join.Node, join.Contact.Address, why);
    }

    private void Admitted(ApiRequest.ClusterJoin join, Question question, CommandResult result)
    {
        switch (result)
        {
            case CommandResult.Done:
                ClusterLog.Admitted(parts.Log, join.Node, join.Contact.Address);
                _awaitingMembership.Add((question, now => now.Contains(join.Node)));
                pilot.LookNow();
                break;
            case CommandResult.Rejected(var why):
                SayNotAdmitted(join, why);
                question.Answer(new ApiReply.Refused(why));
                break;
            case CommandResult.Unknown(var why):
                question.Answer(new ApiReply.Unknown(why));
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <summary>Why this node cannot come in; null when it can.</summary>
    private string? Objection(ApiRequest.ClusterJoin join, Membership membership, out TokenProof? proof)
    {
        proof = null;
        if (join.Token is not null || !join.ByOperator || parts.Config.Autopilot.RequireJoinToken)
        {
            if (join.Token is null) return "a join token is needed (verify-ctl cluster token makes one)";
            if (!JoinTokenText.TryRead(join.Token, out var id, out var hash)) return "the join token is not of the form id.secret";
            proof = new(id, hash);
            if (parts.State.Cluster.Objection(proof, join.Node, parts.NowMs) is { } bad) return bad;
        }

        if (join.Replaces == join.Node) return $"{join.Node} cannot replace itself; join under a new name";
        if (join.Replaces is { } old && !membership.Contains(old)) return $"{old}, which is to be replaced, is not a member; members: {Names(membership)}";

        // A voter that has lost its data has lost its vote and its promise with it: it must not come back under the same name.
        return !join.ByOperator && membership.IsVoter(join.Node)
            ? $"{join.Node} is a voter of this group already. If it has lost its data: let it join under a new name with \"replaces\", or remove it first"
            : null;
    }

    private void Leave(ApiRequest.ClusterLeave leave, Question question)
    {
        var (node, isForced) = leave;
        var membership = parts.Raft.Membership;
        var isOnItsWay = parts.State.Cluster.AdmissionOf(node) is not null;
        if (!membership.Contains(node) && !isOnItsWay)
        {
            question.Answer(new ApiReply.Refused($"{node} is not a member; members: {Names(membership)}"));
            return;
        }

        var target = membership.Without(node);
        if (membership.IsVoter(node) && StaysBehind(target, isForced) is { } objection)
        {
            question.Answer(new ApiReply.Refused(objection));
            return;
        }

        ClusterLog.Leaving(parts.Log, node);
        if (isOnItsWay && writes.Enter(new Command.Cluster(new ClusterCommand.Forget(node)), default) is { } refusal) question.Answer(refusal);
        else if (membership.Contains(node)) Change(target, question, now => !now.Contains(node));
        else question.Answer(new ApiReply.Done(parts.Raft.Last.Index.Value));
    }

    /// <summary>Why the rest could not go on; null when it can (or when that is what was wanted).</summary>
    private string? StaysBehind(Membership target, bool isForced)
    {
        if (target.Voters.IsEmpty) return "the last voter cannot leave; stop the node instead";
        if (isForced) return null;
        pilot.LookNow();
        var healthy = target.Voters.Count(pilot.IsHealthy);
        return healthy > target.Voters.Length / 2 ? null
            : $"of the {target.Voters.Length} voters that would remain only {healthy} are healthy, too few to go on; force it if that is meant";
    }

    private void HandOver(NodeId? to, Question question)
    {
        if (to == parts.Config.Self)
        {
            question.Answer(new ApiReply.Done(parts.State.Applied.Index.Value));
            return;
        }

        if ((to ?? pilot.Heir()) is not { } heir)
        {
            question.Answer(new ApiReply.Refused("no other voter is healthy, so nobody can take over"));
            return;
        }

        if (!parts.Raft.TransferLeadership(heir))
        {
            question.Answer(new ApiReply.Refused($"leadership cannot be handed to {heir}: it is no other voter of this group"));
            return;
        }

        _transfer?.Question.Answer(new ApiReply.Unknown("another transfer was asked for"));
        _transfer = new(question, heir, parts.Pulse.Now);
    }

    private void Look(Transfer transfer)
    {
        var leader = parts.Raft.Leader;
        if (leader == transfer.To) transfer.Question.Answer(new ApiReply.Done(parts.State.Applied.Index.Value));
        else if (leader is { } other && other != parts.Config.Self) transfer.Question.Answer(new ApiReply.Unknown($"{other} leads now"));
        else if (leader is not null && parts.Pulse.Now - transfer.Since > parts.RetryAfter * 2)
            transfer.Question.Answer(new ApiReply.Unknown($"{transfer.To} did not take over in time; {leader} leads on"));
        if (!transfer.Question.IsOpen) _transfer = null;
    }

    private void Change(Membership target, Question question, Func<Membership, bool> isSo)
    {
        switch (parts.ChangeMembership(target))
        {
            case ProposeResult.Accepted:
                _awaitingMembership.Add((question, isSo));
                break;
            case ProposeResult.NotLeader:
                question.Answer(new ApiReply.NoLeader(parts.RetryAfter));
                break;
            case ProposeResult.Overloaded(var reason):
                question.Answer(new ApiReply.Overloaded(reason, parts.RetryAfter));
                break;
            case ProposeResult.Refused(var reason):
                question.Answer(new ApiReply.Refused(reason));
                break;
            default:
                throw new UnreachableException();
        }
    }

    private void Enter(Command command, Question question)
    {
        if (writes.Enter(command, question) is { } refusal) question.Answer(refusal);
    }

    private static string Names(Membership membership) => string.Join(", ", membership.All);

    private sealed record Transfer(Question Question, NodeId To, TimeSpan Since);
}
