using System.Text.Json;
using Verify.Client.Http;

namespace Verify.Client;

/// <summary>One member as GET /cluster/peers lists it.</summary>
/// <param name="State">Voter, Nonvoter (a learner) or Staging, in Konsul's words.</param>
public sealed record PeerView(string Id, string Address, string State)
{
    public string ApiAddress { get; init; } = "";
    public string DataCenter { get; init; } = "";
    public string Zone { get; init; } = "";
    public bool IsLeader { get; init; }

    /// <summary>Whether the node that answers has a link to it at the moment; null when it does not say.</summary>
    public bool? IsReachable { get; init; }

    internal static PeerView Of(JsonElement peer) => new(peer.Text("id"), peer.Text("address"), peer.Text("state"))
    {
        ApiAddress = peer.Text("api_address"),
        DataCenter = peer.Text("datacenter"),
        IsLeader = peer.Flag("leader") == true,
        IsReachable = peer.Flag("reachable"),
        Zone = peer.Text("zone"),
    };
}

/// <summary>The group as one node knows it. <see cref="Json"/> is all it said.</summary>
public sealed record StatusView(string NodeId, string State, string LeaderId, string LeaderAddress, IReadOnlyList<PeerView> Peers)
{
    public long LastIndex { get; init; }
    public long AppliedIndex { get; init; }
    public long CommitIndex { get; init; }
    public long Term { get; init; }
    public bool HasLease { get; init; }
    public bool IsInQuorum { get; init; }
    public bool DiskFull { get; init; }
    public required JsonElement Json { get; init; }

    internal static StatusView Of(JsonElement status) => new(
        status.Text("node_id"), status.Text("state"), status.Text("leader_id"), status.Text("leader_addr"), [.. status.Items("peers").Select(PeerView.Of)])
    {
        LastIndex = status.Number("last_index") ?? 0,
        AppliedIndex = status.Number("applied_index") ?? 0,
        CommitIndex = status.Number("commit_index") ?? 0,
        Term = status.Field("stats")?.Number("term") ?? 0,
        HasLease = status.Flag("has_lease") == true,
        IsInQuorum = status.Flag("in_quorum") == true,
        DiskFull = status.Flag("disk_full") == true,
        Json = status,
    };
}

/// <summary>Who leads, as the node that was asked knows it.</summary>
public sealed record LeaderView(string LeaderId, string LeaderAddress, string LeaderApi, bool IsSelf, JsonElement Json)
{
    internal static LeaderView Of(JsonElement leader) => new(leader.Text("leader_id"), leader.Text("leader_addr"), leader.Text("leader_api"), leader.Flag("is_self") == true, leader);
}

/// <summary>The health of one server, as the leader's autopilot sees it.</summary>
public sealed record ServerHealthView(string Id, string Address, string Role, bool IsHealthy, long? LastContactMs, long EntriesBehind, double StableSeconds, string Why)
{
    internal static ServerHealthView Of(JsonElement server) => new(
        server.Text("id"), server.Text("address"), server.Text("role"), server.Flag("healthy") == true, server.Number("last_contact_ms"),
        server.Number("entries_behind") ?? 0, server.Real("stable_for_seconds") ?? 0, server.Text("why"));
}

/// <summary>The health of the group: whether all is well, and how many voters may fail from here.</summary>
public sealed record HealthView(bool IsHealthy, long FailureTolerance, string Doing, IReadOnlyList<ServerHealthView> Servers, JsonElement Json)
{
    internal static HealthView Of(JsonElement health) => new(
        health.Flag("healthy") == true, health.Number("failure_tolerance") ?? 0, health.Text("doing"), [.. health.Items("servers").Select(ServerHealthView.Of)], health);
}
