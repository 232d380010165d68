using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Raft;

namespace Verify.NodeHost.Http;

/// <summary>The JSON of the /cluster endpoints. status, leader and peers have the names that Konsul's code uses (internal/raft/node.go:
/// ClusterInfo, PeerInfo, RaftStats); config, stats and health exist only in its ADR-0011 and are ours.</summary>
internal static class ClusterShapes
{
    /// <summary>A member without a known contact is reached by its name.</summary>
    public static string AddressOf(Contact contact, NodeId id) => string.IsNullOrEmpty(contact.Address) ? id.Name : contact.Address;

    public static object Status(ClusterView view, NodeConfig config) => new
    {
        node_id = view.Raft.Self.Name,
        state = StateOf(view.Raft.Role),
        leader_id = view.Raft.Leader?.Name ?? "",
        leader_addr = view.Raft.Leader is { } leader ? AddressOf(view.LeaderContact, leader) : "",
        leader_api = view.LeaderContact.ApiAddress ?? "",
        has_lease = view.Raft.HasLease,
        in_quorum = view.Raft.IsInQuorum,
        last_contact_ms = Milliseconds(view.LastContact),
        disk_full = view.DiskFull,
        cluster_id = config.ClusterId,
        peers = MembersOf(view, config),
        last_index = view.Raft.Last.Index.Value,
        applied_index = view.Raft.Applied.Value,
        commit_index = view.Raft.Commit.Value,
        stats = Stats(view),
    };

    public static object Peers(ClusterView view, NodeConfig config)
    {
        var peers = MembersOf(view, config);
        return new { peers, count = peers.Length };
    }

    public static object Stats(ClusterView view) => new
    {
        term = view.Raft.Term.Value,
        last_log_index = view.Raft.Last.Index.Value,
        last_log_term = view.Raft.Last.Term.Value,
        commit_index = view.Raft.Commit.Value,
        applied_index = view.Raft.Applied.Value,
        fsm_pending = view.Raft.Commit.Value - view.Raft.Applied.Value,
        last_snapshot_index = view.Snapshot.Index.Value,
        last_snapshot_term = view.Snapshot.Term.Value,
        last_snapshot_bytes = view.SnapshotBytes,
        num_peers = Math.Max(0, view.Raft.Membership.All.Length - 1),
        protocol_version = view.WireVersion,
        snapshot_version_max = 1,
        state = StateOf(view.Raft.Role),
        durable_index = view.Raft.Durable.Value,
        first_log_index = view.Raft.First.Value,
        log_entries = view.LogEntries,
        log_bytes = view.LogBytes,
        last_contact_ms = Milliseconds(view.LastContact),
        pending_requests = view.PendingRequests,
        kv_pairs = view.KvPairs,
        reachable = view.Reachable.Select(r => r.Name).ToArray(),
        replication = view.Raft.Peers.Select(p => new { id = p.Peer.Name, match_index = p.Match.Value, next_index = p.Next.Value, state = p.State }).ToArray(),
    };

    public static object Config(ClusterView view, NodeConfig config, ClusterSettings settings) => new
    {
        node_id = view.Raft.Self.Name,
        node_name = settings.NodeName,
        cluster_id = config.ClusterId,
        index = view.Raft.MembershipIndex.Value,
        is_joint = view.Raft.Membership.IsJoint,
        servers = MembersOf(view, config),
        bind_addr = config.PeerBind.ToString(),
        advertise_addr = (config.PeerAdvertise ?? config.PeerBind).ToString(),
        api_addr = config.ApiAdvertise?.ToString() ?? "",
        datacenter = config.DataCenter,
        zone = config.Zone,
        heartbeat_timeout_ms = (config.Timing.Tick * config.Timing.HeartbeatTicks).TotalMilliseconds,
        election_timeout_ms = (config.Timing.Tick * config.Timing.ElectionTicks).TotalMilliseconds,
        clock_drift_per_mille = config.Timing.ClockDriftPerMille,
        snapshot_interval_seconds = config.Snapshots.Interval.TotalSeconds,
        snapshot_threshold = config.Snapshots.Entries,
        snapshot_retention = config.Snapshots.Kept,
        trailing_logs = config.Snapshots.TrailingEntries,
        autopilot = new
        {
            dead_server_seconds = config.Autopilot.DeadServerAfter.TotalSeconds,
            stable_ms = config.Autopilot.StableAfter.TotalMilliseconds,
            last_contact_max_ms = config.Autopilot.LastContactMax.TotalMilliseconds,
            trailing_entries_max = config.Autopilot.TrailingEntriesMax,
            voters_min = config.Autopilot.VotersMin,
            redundancy_zones = config.Autopilot.RedundancyZones,
        },
        peer_tls = settings.PeerTls,
        encrypted_at_rest = settings.DataKey().Length > 0,
        data_key = settings.DataKey(),
    };

    public static object Health(ClusterHealthView view) => new
    {
        healthy = view.Autopilot.IsHealthy,
        failure_tolerance = view.Autopilot.FailureTolerance,
        doing = view.Autopilot.Doing,
        servers = view.Servers.Select(s => new
        {
            id = s.Node.Name,
            address = AddressOf(s.Contact, s.Node),
            api_address = s.Contact.ApiAddress ?? "",
            zone = s.Contact.Zone ?? "",
            role = s.Role,
            healthy = s.IsHealthy,
            last_contact_ms = Milliseconds(s.LastContact),
            entries_behind = s.EntriesBehind,
            stable_for_seconds = Math.Round(s.StableFor.TotalSeconds, 3),
            why = s.Why,
        }).ToArray(),
    };

    /// <summary>hashicorp/raft's words: Leader, Follower, Candidate.</summary>
    public static string StateOf(RaftRole role) => role == RaftRole.PreCandidate ? nameof(RaftRole.Candidate) : role.ToString();

    private static object[] MembersOf(ClusterView view, NodeConfig config)
    {
        var membership = view.Raft.Membership.IsEmpty ? Membership.OfVoters(config.Members.Select(m => m.Id)) : view.Raft.Membership;
        return [.. membership.All.Select(id =>
        {
            var contact = membership.ContactOf(id);
            return new
            {
                id = id.Name,
                address = AddressOf(contact, id),
                state = SuffrageOf(membership, id),
                leader = id == view.Raft.Leader,
                api_address = contact.ApiAddress ?? "",
                datacenter = contact.DataCenter ?? "",
                zone = contact.Zone ?? "",
                reachable = id == view.Raft.Self || view.Reachable.Contains(id),
            };
        })];
    }

    /// <summary>Voter, Nonvoter (a learner), or Staging (in a joint change: on its way out).</summary>
    public static string SuffrageOf(Membership membership, NodeId id) =>
        membership.Voters.Contains(id) ? "Voter" : membership.Learners.Contains(id) ? "Nonvoter" : "Staging";

    private static long? Milliseconds(TimeSpan? span) => span is { } known ? (long)Math.Round(known.TotalMilliseconds) : null;
}
