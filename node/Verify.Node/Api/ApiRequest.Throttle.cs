using Verify.Node.State.Throttle;
using Verify.Node.Throttle;
using Verify.Node.Topology;

namespace Verify.Node.Api;

public abstract partial record ApiRequest
{
    /// <summary>Checks of this application are refused. Answered with Done.</summary>
    /// <param name="Store">Only for this store; empty: for all.</param>
    /// <param name="Ttl">Null: until <see cref="UnthrottleApp"/> (or, where it is throttled already, its end stays as it is).</param>
    /// <param name="Ratio">The part of the checks that is refused, 0 to 1; null: as it is, or all.</param>
    public sealed record ThrottleApp(string App, string Store, TimeSpan? Ttl, double? Ratio) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    public sealed record UnthrottleApp(string App, string Store) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <summary>The lag of this host (a name, or name:port) counts for nothing for so long.</summary>
    public sealed record SkipHost(string Host, TimeSpan Ttl) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    public sealed record RecoverHost(string Host) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <summary>May this application write now? Answered with <see cref="ApiReply.Checked"/>; a node that leads is asked faster through
    /// <see cref="VerifyNode.Check"/>.</summary>
    public sealed record ThrottleCheck(string App, string StoreType, string Store, CheckFlags Flags) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <summary>Throttled applications, skipped hosts, and every store with its figures, as the leader has them; answered with
    /// <see cref="ApiReply.Throttling"/>.</summary>
    public sealed record ThrottleView : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <summary>The same lists as this node has applied them, without figures of stores unless it leads.</summary>
    public sealed record ThrottleViewHere : ApiRequest;

    /// <summary>On a node with a MySQL backend: who leads, as the backend said last. Answered with <see cref="ApiReply.ThrottleLeadership"/>.</summary>
    public sealed record ThrottleLeader : ApiRequest;
}

public abstract partial record ApiReply
{
    /// <summary>A check was judged.</summary>
    /// <param name="SampleAge">How old the oldest sample behind the answer was at that moment.</param>
    public sealed record Checked(CheckAnswer Answer, TimeSpan SampleAge) : ApiReply;
    public sealed record Throttling(ThrottlingView View) : ApiReply;

    /// <param name="Leader">Where the leader's HTTP listener is; null: nobody is known to lead.</param>
    /// <param name="IsSelf">This node leads at this moment.</param>
    /// <param name="Problem">Why the backend could not be asked last; empty: it could.</param>
    public sealed record ThrottleLeadership(string? Leader, bool IsSelf, string Problem) : ApiReply;
}

/// <summary>What is throttled, skipped and measured.</summary>
public sealed record ThrottlingView(IReadOnlyList<ThrottledAppView> Apps, IReadOnlyList<SkippedHostView> Hosts, IReadOnlyList<StoreFigures> Stores);

/// <param name="ExpiresAt">By the wall clock of the leader that counted last; null: never.</param>
public sealed record ThrottledAppView(string App, string Store, double Ratio, DateTimeOffset? ExpiresAt);
public sealed record SkippedHostView(string Host, DateTimeOffset ExpiresAt);

/// <summary>One store as the leader sees it.</summary>
/// <param name="Problem">Empty: the value counts.</param>
/// <param name="HealthyAgo">Since a check was (or would have been) answered with 200; null: not once since this node began to lead.</param>
public sealed record StoreFigures(string Store, double Value, double Threshold, int Status, string Problem, TimeSpan? HealthyAgo, IReadOnlyList<StoreHostFigure> Hosts);

/// <param name="Value">Null: there is none, for this reason.</param>
/// <param name="Ignored">Why it does not count; empty: it counts.</param>
public sealed record StoreHostFigure(InstanceKey Host, double? Value, string Problem, string Ignored);
