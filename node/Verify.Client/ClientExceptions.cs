namespace Verify.Client;

/// <summary>Why a request has no result. Each kind asks for another action; the message says which.</summary>
public abstract class VerifyClientException : Exception
{
    private protected VerifyClientException(string message, Exception? inner = null) : base(message, inner) { }
}

/// <summary>No node could be reached, so nothing was done. Look at the addresses, the network and the nodes.</summary>
public sealed class NoNodeReachableException(string message) : VerifyClientException(message);

/// <summary>Nodes answer, but none leads, or the leader takes nothing now; nothing was done. It passes when a majority is up and has room.</summary>
public sealed class NoLeaderException(string message) : VerifyClientException(message);

/// <summary>A node said no, for good: nothing was done, and asking again would not help.</summary>
/// <param name="status">The status of the HTTP answer.</param>
public sealed class RefusedException(int status, string message) : VerifyClientException(message)
{
    public int Status { get; } = status;
}

/// <summary>It is not known whether the request took effect. With <see cref="Write"/>, <see cref="KvClient.ResolveAsync"/> sends the very
/// same write again, which is safe, until it is known; without, look at the group before trying again.</summary>
public sealed class OutcomeUnknownException(string message, UnknownWrite? write) : VerifyClientException(message)
{
    public UnknownWrite? Write { get; } = write;
}

/// <summary>The options cannot be used: a file that cannot be read, an address that is none.</summary>
public sealed class ClientOptionsException(string message, Exception? inner = null) : VerifyClientException(message, inner);
