using Verify.Node.State.Catalogue;

namespace Verify.Node.Api;

/// <summary>Which instances are asked for. Everything that is given must hold.</summary>
public sealed record ServiceQuery
{
    /// <summary>Null: of every service.</summary>
    public string? Name { get; init; }
    /// <summary>Names in the DNS are the same in capitals and in small letters.</summary>
    public bool NameIgnoresCase { get; init; }
    public string? InstanceId { get; init; }
    public string? Node { get; init; }
    public string? DataCenter { get; init; }
    public IReadOnlyList<string> Tags { get; init; } = [];
    public IReadOnlyList<KeyValuePair<string, string>> Meta { get; init; } = [];

    /// <summary>Nothing worse than this; null: however they are.</summary>
    public CheckStatus? AtWorst { get; init; }

    internal bool Takes(ServiceInstance instance) =>
        (Name is null || NameIgnoresCase || instance.Name == Name) && (InstanceId is null || instance.Id == InstanceId) && (Node is null || instance.Spec.Node == Node) && (DataCenter is null || instance.Spec.DataCenter == DataCenter)
        && (AtWorst is not { } worst || instance.Status <= worst)
        && Tags.All(tag => instance.Spec.Tags.Contains(tag, StringComparer.Ordinal))
        && Meta.All(wanted => instance.Spec.Meta.TryGetValue(wanted.Key, out var value) && value == wanted.Value);
}

public abstract partial record ApiRequest
{
    /// <summary><paramref name="ExpectedIndex"/>: compare-and-set on the instance's modify index; 0 means "must not exist"; null means always.</summary>
    public sealed record RegisterService(ServiceSpec Spec, long? ExpectedIndex, RequestId? Id) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <summary>All instances of a name, or (with <paramref name="InstanceId"/>) one.</summary>
    public sealed record DeregisterService(string? Name, string? InstanceId, long? ExpectedIndex, RequestId? Id) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <summary>An instance is alive. With a name alone it must be clear which one is meant: the one whose id is the name, or the only one.</summary>
    /// <param name="Connections">How many clients it has; null: not told.</param>
    public sealed record ServiceHeartbeat(string? Name, string? InstanceId, long? Connections) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <summary>How a check is: as the service says (a TTL), or as the node has found that runs it.</summary>
    /// <param name="InstanceId">Null: the check's id must be clear by itself.</param>
    /// <param name="By">Null: the service.</param>
    public sealed record ReportCheck(string? InstanceId, string CheckId, CheckStatus Status, string Output, string? By, long DefinedIndex) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    public sealed record SetCheck(string InstanceId, CheckSpec Check) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <inheritdoc cref="ReportCheck"/>
    public sealed record RemoveCheck(string? InstanceId, string CheckId) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <summary>How instances are picked where a request does not say so itself.</summary>
    public sealed record SetPickStrategy(PickStrategy Strategy) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <summary>Registrations in one entry of the log: all of them. With <paramref name="Replaces"/> what is not among them is removed.</summary>
    public sealed record ImportServices(IReadOnlyList<ServiceSpec> Instances, bool Replaces, RequestId? Id) : ApiRequest
    {
        public override bool IsForLeader => true;
    }

    /// <summary>Answered with <see cref="ApiReply.Services"/>.</summary>
    public sealed record QueryServices(ServiceQuery Query, ReadConsistency Consistency) : ApiRequest
    {
        public override bool IsForLeader => Consistency != ReadConsistency.Stale;
    }

    /// <summary>One of the passing instances; answered with <see cref="ApiReply.Services"/> that holds it alone.</summary>
    /// <param name="Strategy">Null: the one that is set.</param>
    public sealed record PickService(ServiceQuery Query, PickStrategy? Strategy, ReadConsistency Consistency) : ApiRequest
    {
        public override bool IsForLeader => Consistency != ReadConsistency.Stale;
    }

    /// <summary>Answered when the service (null: any) has changed after this index on the node that is asked, at the latest after this
    /// long, or after two thirds of Timing.RequestTimeout; with <see cref="ApiReply.Done"/> that holds the index as it is then.</summary>
    public sealed record AwaitServices(string? Name, long AfterIndex, TimeSpan AtMost) : ApiRequest;
}

public abstract partial record ApiReply
{
    /// <param name="Index">The entry that last changed what was asked for: what a client waits on.</param>
    /// <param name="NowMs">The group's time.</param>
    /// <param name="WallMs">The wall clock at that time, as the last leader had it, in milliseconds since 1970. For people only.</param>
    public sealed record Services(IReadOnlyList<ServiceInstance> Instances, long Index, long AppliedIndex, PickStrategy Strategy, long NowMs, long WallMs) : ApiReply
    {
        /// <inheritdoc cref="Value.Age"/>
        public TimeSpan? Age { get; init; } = TimeSpan.Zero;
    }
}
