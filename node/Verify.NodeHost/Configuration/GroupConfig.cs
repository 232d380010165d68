using System.Collections.Immutable;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Raft;

namespace Verify.NodeHost.Configuration;

/// <summary>Who this node is, with whom it begins, and how it gets in where a group exists already.</summary>
internal sealed record GroupConfig(
    NodeId Self, Endpoint Bind, Endpoint Advertise, string DataCenter, ImmutableArray<Member> Members, JoinSettings Join, bool IsSingle)
{
    public static GroupConfig Of(ConfigValues values, List<string> warnings)
    {
        var port = values.Int("DefaultRaftPort", 10008, 1, 65535);
        var bind = values.EndpointOf("RaftBind", values.Text("RaftBind", "127.0.0.1", "host:port"), port);
        var advertise = values.EndpointOf("RaftAdvertise", values.Text("RaftAdvertise", bind.ToString(), "host:port"), port);
        if (advertise.Host is "0.0.0.0" or "::") values.Problem(values.Has("RaftAdvertise") ? "RaftAdvertise" : "RaftBind", "an address that others can dial; bind to every address with RaftBind and name yours with RaftAdvertise");
        var name = values.Text("RaftNodeId", advertise.ToString());
        if (name.Length is 0 or > 128 || name.Any(c => char.IsWhiteSpace(c) || char.IsControl(c) || c is '@' or '/')) values.Problem("RaftNodeId", "a name of 1 to 128 characters without blanks, '@' and '/'");
        var self = new NodeId(name);
        var dataCenter = values.Text("DataCenter", "");
        var dataCenters = values.Map("DataCenters");
        var isEnabled = values.Bool("RaftEnabled", true);
        var bootstraps = values.Bool("RaftBootstrap", false);
        var nodes = values.Texts("RaftNodes");
        var via = values.Texts("RaftJoin").Select(v => values.EndpointOf("RaftJoin", v, port)).Where(e => e != advertise).Distinct().ToImmutableArray();
        var join = new JoinSettings
        {
            Via = via,
            Token = values.Secret("RaftJoinToken") is { Length: > 0 } token ? token : null,
            GiveUpAfter = TimeSpan.FromSeconds(values.Int("RaftJoinGiveUpSeconds", via.IsEmpty ? 0 : 60, 0, 86_400)),
        };
        var alone = ImmutableArray.Create(new Member(self, advertise, dataCenter));
        GroupConfig With(ImmutableArray<Member> members, JoinSettings how, bool isSingle) => new(self, bind, advertise, dataCenter, members, how, isSingle);

        if (!isEnabled) return With(alone, new(), isSingle: true);
        if (nodes.Count > 0)
        {
            if (!via.IsEmpty) values.Problem("RaftJoin", "left out where RaftNodes is given: either a group begins with RaftNodes, or this node joins one");
            return With(MembersOf(values, self, advertise, port, nodes, dataCenter, dataCenters), join, nodes.Count == 1);
        }

        if (bootstraps) return With(alone, new(), isSingle: true);
        if (via.IsEmpty && !values.Has("RaftBootstrap")) return With(alone, join, isSingle: true);
        if (via.IsEmpty) warnings.Add("RaftBootstrap is false and there are no RaftNodes and no RaftJoin: this node waits until a member lets it in (POST /cluster/join there)");
        if (dataCenter.Length == 0) warnings.Add("DataCenter is empty: autopilot and recoveries cannot tell where this node stands");
        return With([], join, isSingle: false);
    }

    private static ImmutableArray<Member> MembersOf(
        ConfigValues values, NodeId self, Endpoint advertise, int port, IReadOnlyList<string> nodes, string dataCenter, IReadOnlyDictionary<string, string> dataCenters)
    {
        var members = new List<Member>();
        foreach (var node in nodes)
        {
            var at = node.IndexOf('@', StringComparison.Ordinal);
            var endpoint = values.EndpointOf("RaftNodes", node[(at + 1)..], port);
            var id = at > 0 ? new NodeId(node[..at]) : endpoint == advertise ? self : new NodeId(endpoint.ToString());
            if (members.Any(m => m.Endpoint == endpoint)) continue;
            var stands = dataCenters.GetValueOrDefault(endpoint.ToString()) ?? dataCenters.GetValueOrDefault(id.Name) ?? (id == self ? dataCenter : "");
            members.Add(new(id, endpoint, stands));
        }

        if (members.All(m => m.Id != self)) values.Problem("RaftNodes", $"a list that holds this node as well ({self} at {advertise}, from RaftNodeId and RaftAdvertise or RaftBind)");
        if (members.Select(m => m.Id).Distinct().Count() != members.Count) values.Problem("RaftNodes", "a list in which no node id stands twice");
        if (dataCenter.Length == 0 && members.Count > 1) values.Problem("DataCenter", "the name of the data centre that this node stands in");
        foreach (var member in members.Where(m => m.DataCenter.Length == 0 && m.Id != self))
        {
            values.Problem("DataCenters", $"an object that names the data centre of every node; {member.Endpoint} is missing");
        }

        return [.. members.OrderBy(m => m.Id)];
    }
}
