using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.Seam;

namespace Verify.Node;

/// <summary>Builds the parts of a node and wires them. The same class runs under the host and under the simulator.</summary>
public sealed class VerifyNode
{
    private VerifyNode() { }

    /// <summary>Reads the disk, repairs a torn tail, starts listening, probing and ticking.</summary>
    /// <exception cref="DamagedLogException">The log is damaged where it may hold committed entries.</exception>
    public static ValueTask<VerifyNode> StartAsync(NodeConfig config, NodeSeam seam) => throw new NotImplementedException();

    /// <summary>Asks the node. Always answers within Timing.RequestTimeout on the node's clock.</summary>
    public ValueTask<ApiReply> AskAsync(ApiRequest request) => throw new NotImplementedException();

    /// <summary>Hands leadership over, closes files and links. The primary's lease is left to run out.</summary>
    public ValueTask StopAsync() => throw new NotImplementedException();
}

/// <summary>The log is damaged in the middle. The message names file, offset, what is lost and what to do.</summary>
public sealed class DamagedLogException(string message) : Exception(message);
