using System.Collections.Immutable;

namespace Verify.Node.State.Catalogue;

/// <summary>How an instance or a check is. The order is from good to bad: the worst check is what the instance is.</summary>
public enum CheckStatus : byte
{
    Passing = 1,
    Warning = 2,
    Critical = 3,
}

/// <summary>Who finds out how a check is.</summary>
public enum CheckKind : byte
{
    /// <summary>The service itself, which must say so again within the check's time.</summary>
    Ttl = 1,

    /// <summary>A request over HTTP: 2xx passes, 429 warns, all else is critical (Consul's rule).</summary>
    Http = 2,

    /// <summary>A connection that comes about.</summary>
    Tcp = 3,

    /// <summary>A MySQL or MariaDB server that takes the node's login and answers a query.</summary>
    MySql = 4,

    /// <summary>An operator has taken the instance out: always critical, until it is removed.</summary>
    Maintenance = 5,
}

/// <summary>Which of several instances a client is given.</summary>
public enum PickStrategy : byte
{
    RoundRobin = 1,
    Random = 2,

    /// <summary>The instance with the fewest connections, as it last reported them itself, plus those that the asked node has handed out
    /// since. No node sees the connections of others, so it can mean no more than this.</summary>
    LeastConnections = 3,
}

/// <summary>What a check is told to do. Times in milliseconds.</summary>
public sealed record CheckSpec
{
    /// <summary>1 to 255 bytes, once in its instance.</summary>
    public required string Id { get; init; }
    public required string Name { get; init; }
    public required CheckKind Kind { get; init; }

    /// <summary>http://host:port/path, or host:port; empty for a TTL.</summary>
    public string Target { get; init; } = "";

    /// <summary>Of the request over HTTP; GET when empty.</summary>
    public string Method { get; init; } = "";
    public ImmutableSortedDictionary<string, string> Headers { get; init; } = ImmutableSortedDictionary<string, string>.Empty;
    public long IntervalMs { get; init; } = 10_000;
    public long TimeoutMs { get; init; } = 10_000;

    /// <summary>Of a TTL check: critical when it was not updated for so long, by the group's time.</summary>
    public long TtlMs { get; init; }

    /// <summary>The instance is removed when this check has been critical for so long, by the group's time; 0: never.</summary>
    public long DeregisterAfterMs { get; init; }

    /// <summary>So many results one after the other change the status to passing, or to critical.</summary>
    public int SuccessBeforePassing { get; init; } = 1;
    public int FailuresBeforeCritical { get; init; } = 1;

    /// <summary>Until the first result.</summary>
    public CheckStatus InitialStatus { get; init; } = CheckStatus.Critical;
    public string Notes { get; init; } = "";

    /// <summary>A node must run it; the others are told of it.</summary>
    public bool IsActive => Kind is CheckKind.Http or CheckKind.Tcp or CheckKind.MySql;

    internal bool IsSameAs(CheckSpec other) => this with { Headers = other.Headers } == other && Maps.AreSame(Headers, other.Headers);
}

/// <summary>A check and how it is.</summary>
public sealed record ServiceCheck(CheckSpec Spec, CheckStatus Status, string Output)
{
    /// <summary>When an untouched TTL becomes critical, by the group's time; 0: it does not.</summary>
    public long DueAtMs { get; init; }

    /// <summary>Since when it is critical, by the group's time; null while it is not.</summary>
    public long? CriticalSinceMs { get; init; }

    /// <summary>The entry that defined it as it is: a result of an older definition does not count.</summary>
    public long DefinedIndex { get; init; }

    /// <summary>The entry that last changed its status.</summary>
    public long ModifyIndex { get; init; }

    /// <summary>When its being critical ends the registration; null: never.</summary>
    public long? DeregisterAtMs => Spec.DeregisterAfterMs > 0 && CriticalSinceMs is { } since ? since + Spec.DeregisterAfterMs : null;
}

/// <summary>What is registered. Ids are unique in the group: all nodes together are what one agent is in Consul.</summary>
public sealed record ServiceSpec
{
    public required string Id { get; init; }
    public required string Name { get; init; }
    public string Address { get; init; } = "";
    public int Port { get; init; }
    public ImmutableArray<string> Tags { get; init; } = [];
    public ImmutableSortedDictionary<string, string> Meta { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Without a heartbeat for so long, by the group's time, the instance is removed (Konsul's rule); 0: it stays.</summary>
    public long TtlMs { get; init; }
    public int WeightPassing { get; init; } = 1;
    public int WeightWarning { get; init; } = 1;
    public ImmutableArray<CheckSpec> Checks { get; init; } = [];

    /// <summary>Where it was registered; it stays so when a node elsewhere takes its checks over.</summary>
    public string DataCenter { get; init; } = "";

    /// <summary>The node that took the registration and runs its checks.</summary>
    public required string Node { get; init; }

    internal bool IsSameAs(ServiceSpec other) =>
        this with { Tags = other.Tags, Meta = other.Meta, Checks = other.Checks } == other
        && Tags.SequenceEqual(other.Tags, StringComparer.Ordinal) && Maps.AreSame(Meta, other.Meta)
        && Checks.Length == other.Checks.Length && Checks.Zip(other.Checks).All(static pair => pair.First.IsSameAs(pair.Second));
}

/// <summary>One instance of a service, as the whole group knows it.</summary>
public sealed record ServiceInstance(ServiceSpec Spec, ImmutableArray<ServiceCheck> Checks, long CreateIndex, long ModifyIndex)
{
    /// <summary>When it is removed for want of a heartbeat, by the group's time; 0: never.</summary>
    public long ExpiresAtMs { get; init; }

    /// <summary>How many clients it has, as it said itself with its last heartbeat; null: it never did.</summary>
    public long? Connections { get; init; }
    public string Id => Spec.Id;
    public string Name => Spec.Name;

    /// <summary>That of the worst check; passing without checks.</summary>
    public CheckStatus Status => Checks.Length == 0 ? CheckStatus.Passing : Checks.Max(static check => check.Status);

    /// <summary>When something of it next ends by itself; null: nothing does.</summary>
    internal long? DeadlineMs
    {
        get
        {
            var first = ExpiresAtMs > 0 ? ExpiresAtMs : long.MaxValue;
            foreach (var check in Checks)
            {
                if (check.DueAtMs > 0) first = Math.Min(first, check.DueAtMs);
                if (check.DeregisterAtMs is { } end) first = Math.Min(first, end);
            }

            return first == long.MaxValue ? null : first;
        }
    }
}

internal static class Maps
{
    public static bool AreSame(ImmutableSortedDictionary<string, string> one, ImmutableSortedDictionary<string, string> other) =>
        ReferenceEquals(one, other) || one.SequenceEqual(other);
}
