using Verify.Node.Api;
using Verify.NodeHost.Http;

namespace Verify.NodeHost.Tests;

/// <summary>A node that gives scripted answers and remembers what it was asked.</summary>
internal sealed class ScriptedNode : INodeApi
{
    public Dictionary<Type, ApiReply> Answers { get; } = [];
    public List<ApiRequest> Asked { get; } = [];

    public ValueTask<ApiReply> AskAsync(ApiRequest request)
    {
        Asked.Add(request);
        return ValueTask.FromResult(Answers.TryGetValue(request.GetType(), out var reply) ? reply : new ApiReply.Refused($"no answer to {request.GetType().Name} is scripted"));
    }
}
