namespace Verify.Checks;

/// <summary>How an operation ended for the client.</summary>
public enum OpOutcome
{
    /// <summary>It took effect, and the answer is true.</summary>
    Ok,

    /// <summary>It certainly did not take effect.</summary>
    Failed,

    /// <summary>Nobody told: it may have taken effect, may still, or never will.</summary>
    Unknown,
}

/// <summary>What clients do. Names are written to history.ndjson as they are, in camel case.</summary>
public enum OpKind { KvPut, KvGet, KvCas, KvDelete, SqlInsert }

/// <summary>One operation of one client, from its call to its answer. Times are microseconds of run time: virtual in simulation,
/// monotonic since the start of the run in the live world. The interval is closed: an operation that is called in the
/// very microsecond in which another returns is concurrent with it.</summary>
public sealed record Op
{
    public required long Id { get; init; }
    public required int Client { get; init; }

    /// <summary>The data centre the client sits in.</summary>
    public required string DataCenter { get; init; }
    public required OpKind Kind { get; init; }

    /// <summary>KV: the key. SQL: the row's id, unique in the run.</summary>
    public required string Key { get; init; }

    /// <summary>KvPut and KvCas: what is written. KvGet: what was read; null is "no such key". SqlInsert: the server that answered.</summary>
    public string? Value { get; init; }

    /// <summary>KvCas: the value that must be there; null is "no such key".</summary>
    public string? Expected { get; init; }
    public required OpOutcome Outcome { get; init; }
    public required long CalledUs { get; init; }

    /// <summary>long.MaxValue for an operation that never came back.</summary>
    public required long ReturnedUs { get; init; }

    /// <summary>Who answered (node or server), and the error where there was one.</summary>
    public string By { get; init; } = "";
    public string Error { get; init; } = "";

    /// <summary>KvCas that was refused (409): a completed observation "the value was not Expected".</summary>
    public bool CasRefused { get; init; }
}

/// <summary>What clients saw, in the order of their calls, and what was found on every server at the end.</summary>
public sealed record History(IReadOnlyList<Op> Ops)
{
    /// <summary>Rows (ids) found on each server after healing; empty when the scenario writes no SQL.</summary>
    public IReadOnlyDictionary<string, IReadOnlySet<string>> FinalRows { get; init; } = new Dictionary<string, IReadOnlySet<string>>(StringComparer.Ordinal);

    /// <summary>The primary that the settled cluster names; null when none.</summary>
    public string? FinalPrimary { get; init; }

    /// <summary>Servers that the settled cluster keeps out, by name, for transactions that nobody else has.</summary>
    public IReadOnlyList<string> SetAside { get; init; } = [];
}
