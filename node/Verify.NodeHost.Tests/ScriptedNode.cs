using Verify.Node.Api;
using Verify.Node.Throttle;
using Verify.NodeHost.Http;

namespace Verify.NodeHost.Tests;

/// <summary>A node that gives scripted answers and remembers what it was asked.</summary>
internal sealed class ScriptedNode : INodeApi
{
    public Dictionary<Type, ApiReply> Answers { get; } = [];
    public List<ApiRequest> Asked { get; } = [];

    public bool Leads { get; set; }

    /// <summary>What a leader answers to each check.</summary>
    public CheckAnswer Checked { get; set; } = CheckAnswer.NoSuchStore;
    public List<(string App, string Type, string Store, CheckFlags Flags)> Checks { get; } = [];

    public CheckAnswer Check(string app, string storeType, string store, CheckFlags flags)
    {
        if (!Leads) return CheckAnswer.NotLeader;
        Checks.Add((app, storeType, store, flags));
        return Checked;
    }

    public ValueTask<ApiReply> AskAsync(ApiRequest request)
    {
        Asked.Add(request);
        return ValueTask.FromResult(Answers.TryGetValue(request.GetType(), out var reply) ? reply : new ApiReply.Refused($"no answer to {request.GetType().Name} is scripted"));
    }
}
