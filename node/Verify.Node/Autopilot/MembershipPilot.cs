using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Verify.Node.Api;
using Verify.Node.State;
using Verify.Node.State.Cluster;
using Verify.Node.Telemetry;
using Verify.Raft;

namespace Verify.Node.Autopilot;

/// <summary>Looks at the members every tenth of a second while this node leads, and does what <see cref="AutopilotRules"/> say. All it
/// must remember for its successor lies in the replicated state. Lives on the loop.</summary>
internal sealed class MembershipPilot(ApiParts parts, Writes writes)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private readonly ServerWatch _watch = new(parts.Config.Autopilot, parts.Config.Timing.Tick);
    private Term? _leads;
    private TimeSpan _next;
    private bool _isWriting;
    private string _refused = "";
    private AutopilotView? _view;
    private string _doing = "";

    public void RaftChanged(RaftStatus status)
    {
        Term? leads = status.Role == RaftRole.Leader ? status.Term : null;
        if (leads == _leads) return;
        _leads = leads;
        (_view, _isWriting, _doing) = (null, false, "");
        _watch.Begin(parts.Pulse.Now);
    }

    public void Tick(TimeSpan now)
    {
        if (_leads is null || now < _next) return;
        LookNow();
    }

    /// <summary>Something was decided that need not wait for the next look.</summary>
    public void LookNow()
    {
        var now = parts.Pulse.Now;
        _next = now + Interval;
        var raft = parts.Raft.Status;
        if (_leads is null || raft.Role != RaftRole.Leader) return;
        var membership = parts.Raft.Membership;
        var isSettled = !membership.IsJoint && raft.MembershipIndex <= raft.Commit && parts.LeadsSettled;
        _view = new(parts.Config.Self, membership, isSettled, _watch.Look(raft, membership, now), [.. parts.State.Cluster.Admissions]);
        Act(AutopilotRules.Decide(_view, parts.Config.Autopilot));
    }

    /// <summary>As the leader sees it; on any other node: that it does not lead.</summary>
    public AutopilotPicture Picture()
    {
        if (_view is not { } view) return new(IsHealthy: false, 0, _leads is null ? "not the leader" : "has just begun");
        var voters = view.Membership.Voters;
        var healthy = voters.Count(view.IsHealthy);
        return new(healthy == voters.Length, Math.Max(0, healthy - ((voters.Length / 2) + 1)), _doing);
    }

    public ClusterHealthView Health()
    {
        if (_view is null) LookNow();
        var servers = _view is not { } view ? [] : view.Servers.Select(server => new ServerHealth(
            server.Node, view.Membership.ContactOf(server.Node), RoleOf(server.Node, view), server.IsHealthy, server.LastContact, server.EntriesBehind, server.StableFor, server.Why));
        return new(Picture(), [.. servers]);
    }

    /// <summary>The healthy voter that lacks least; null when there is none.</summary>
    public NodeId? Heir()
    {
        LookNow();
        return _view is { } view ? AutopilotRules.Heir(view) : null;
    }

    public bool IsHealthy(NodeId node) => _view?.IsHealthy(node) ?? false;

    private static string RoleOf(NodeId node, AutopilotView view)
    {
        if (node == view.Self) return "leader";
        if (view.Membership.Voters.Contains(node)) return "voter";
        return view.Membership.Outgoing.Contains(node) ? "leaving" : "learner";
    }

    private void Act(AutopilotDecision decision)
    {
        switch (decision)
        {
            case AutopilotDecision.Wait(var why):
                _doing = why;
                break;
            case AutopilotDecision.Change(var target, var kind, var why):
                _doing = why;
                Change(target, kind, why);
                break;
            case AutopilotDecision.Forget(var node, var why):
                _doing = why;
                if (_isWriting) break;
                _isWriting = writes.Enter(new Command.Cluster(new ClusterCommand.Forget(node)), new Proposer(null, _ => _isWriting = false)) is null;
                break;
            default:
                throw new UnreachableException();
        }
    }

    private void Change(Membership target, string kind, string why)
    {
        switch (parts.ChangeMembership(target))
        {
            case ProposeResult.Accepted:
                _refused = "";
                parts.Metrics.AutopilotActed(kind);
                ClusterLog.Changing(parts.Log, why, target);
                break;
            case ProposeResult.Refused(var reason):
                if (!string.Equals(_refused, reason, StringComparison.Ordinal)) ClusterLog.ChangeRefused(parts.Log, why, reason);
                _refused = reason;
                break;
            case ProposeResult.Overloaded or ProposeResult.NotLeader:
                break; // The next look sees where things stand then.
            default:
                throw new UnreachableException();
        }
    }
}
