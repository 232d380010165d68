using Verify.MySql;
using Verify.Node.Topology;

namespace Verify.Node.Throttle.Backend;

/// <summary>Nodes that only throttle may agree on their leader by a lease in a MySQL server instead of by Raft (freno's "MySQL
/// backend"). Each of them is alone in its own Raft group.</summary>
/// <param name="Address">Where other nodes send the clients of this one when it leads: its HTTP listener.</param>
public sealed record BackendSettings(InstanceKey Server, MySqlLogin Login, BackendRow Row, string Address)
{
    /// <summary>For how long the lease is taken. freno's: 5 s.</summary>
    public TimeSpan Term { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Between two attempts to take or to prolong it, and the most that a question to the server may take.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(1);
}
