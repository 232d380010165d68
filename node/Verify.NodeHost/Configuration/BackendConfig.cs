using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.Throttle.Backend;
using Verify.Node.Topology;

namespace Verify.NodeHost.Configuration;

/// <summary>freno's MySQL backend: BackendMySQLHost makes a node that throttles and does nothing else.</summary>
internal static class BackendConfig
{
    private const int NameCharsMax = 128;

    /// <param name="isSingle">The node is alone in its Raft group.</param>
    public static NodeConfig Into(NodeConfig node, ConfigValues values, bool isSingle)
    {
        var host = values.Expanded("BackendMySQLHost", values.Text("BackendMySQLHost", "", "host"));
        var port = values.Int("BackendMySQLPort", 3306, 1, 65_535);
        var schema = values.Expanded("BackendMySQLSchema", values.Text("BackendMySQLSchema", ""));
        var user = values.Expanded("BackendMySQLUser", values.Text("BackendMySQLUser", ""));
        var password = values.Expanded("BackendMySQLPassword", values.Secret("BackendMySQLPassword"));
        if (host.Length == 0) return node;
        if (!isSingle) values.Problem("BackendMySQLHost", "left out where RaftNodes names more than one node: either Raft or the backend says who leads (freno's takes the backend)");
        if (schema.Length == 0) values.Problem("BackendMySQLSchema", "the schema for the throttler's table, which must be there");
        if (user.Length == 0) values.Problem("BackendMySQLUser", "the user that may CREATE, SELECT, INSERT and UPDATE in BackendMySQLSchema");
        var domain = values.Text("Domain", "");
        if (domain.Length > NameCharsMax) values.Problem("Domain", $"at most {NameCharsMax} characters");
        if (!node.Clusters.IsEmpty || !node.Discovery.Seeds.IsEmpty)
        {
            // Each of them would look after the clusters alone, without the others' votes.
            values.Problem("BackendMySQLHost", "left out where MySQLClusters or DiscoverySeeds is set: a node with a backend only throttles; name its servers in Stores.MySQL.Clusters");
        }

        return node with
        {
            Throttle = node.Throttle with
            {
                Backend = new(new InstanceKey(host, port), new MySqlLogin(user, password), new BackendRow(schema, domain), node.ApiAdvertise?.ToString() ?? ""),
            },
        };
    }
}
