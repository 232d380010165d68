namespace Verify.Client.Http;

/// <summary>Where a request has to go.</summary>
internal enum Destination
{
    /// <summary>The leader if it is known; every node knows the way to it.</summary>
    Leader,

    /// <summary>Any node, each in turn.</summary>
    Any,
}

/// <summary>One request, in a form that can be sent more than once.</summary>
/// <param name="IsRepeatable">Sending it twice has the effect of sending it once: a read, or a write with a session and number.</param>
internal sealed record NodeRequest(HttpMethod Method, string PathAndQuery, Destination Destination, bool IsRepeatable)
{
    public byte[]? Body { get; init; }
    public string ContentType { get; init; } = "application/json";
    public WriteId? Id { get; init; }

    /// <summary>When a write with an <see cref="Id"/> was first sent, by the client's clock; null: not yet.</summary>
    public long? SentAt { get; init; }

    /// <summary>Answers besides 2xx that are results and no failures.</summary>
    public bool TakesNotFound { get; init; }
    public bool TakesConflict { get; init; }

    /// <summary>Every status is an answer, unless the node asks for patience or names another address.</summary>
    public bool TakesEveryStatus { get; init; }
}

/// <summary>A client's session and its running number: a write that is sent again with the same pair is applied once (Raft thesis §6.3).</summary>
public readonly record struct WriteId(string Session, long Sequence);

/// <summary>What came of one attempt.</summary>
internal abstract record Attempt
{
    private Attempt() { }

    public sealed record Answered(int Status, string Text) : Attempt
    {
        public Uri? Location { get; init; }
        public TimeSpan? RetryAfter { get; init; }
    }

    /// <summary>No connection came about: the node has certainly not seen the request.</summary>
    public sealed record NotSent(string Why) : Attempt;

    /// <summary>The connection broke or the time ran out after the request may have arrived.</summary>
    public sealed record Broken(string Why) : Attempt;
}
