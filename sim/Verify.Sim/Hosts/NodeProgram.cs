using Verify.Node;
using Verify.Node.Api;
using Verify.Node.Consensus;
using Verify.Node.Loop;

namespace Verify.Sim.Hosts;

/// <summary>A whole Verify node as the program of a host: the production class on simulated network, disk and time.</summary>
public static class NodeProgram
{
    /// <summary>The program. A node that refuses to start ends its process with the reason, as in production; the world goes on.</summary>
    public static Func<SimHost, ValueTask> Of(NodeConfig config) => async host =>
    {
        try
        {
            host.Exhibit = await VerifyNode.StartAsync(config, host.Seam);
        }
        catch (Exception refusal) when (refusal is DamagedLogException or UnusableDataException or IOException && host.IsAlive)
        {
            host.Seam.Halt.Halt(refusal.Message, refusal);
        }
    };

    /// <summary>The node that runs on the host now; null while it is down or starting.</summary>
    public static VerifyNode? RunningNode(this SimHost host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return host.IsAlive ? host.Exhibit as VerifyNode : null;
    }

    /// <summary>Asks the node as its HTTP server would: an event on the host, the answer an event of the harness.</summary>
    /// <exception cref="HostDownException">The process is down or starting, or died before it answered: the outcome is unknown.</exception>
    public static Task<ApiReply> AskAsync(this SimHost host, ApiRequest request)
    {
        ArgumentNullException.ThrowIfNull(host);
        return host.RunningNode() is { } node
            ? host.CallAsync(() => node.AskAsync(request))
            : Task.FromException<ApiReply>(new HostDownException(host.Name));
    }
}
