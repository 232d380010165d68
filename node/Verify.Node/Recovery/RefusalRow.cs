namespace Verify.Node.Recovery;

/// <summary>Connections that one server's host refused, one attempt after the other with nothing else between them.</summary>
internal sealed class RefusalRow
{
    private TimeSpan? _before;
    private TimeSpan? _last;

    public void Refused(TimeSpan askedAt) => (_before, _last) = (_last, askedAt);

    /// <summary>It answered, or said nothing: whatever was refused before counts no more.</summary>
    public void Broken() => (_before, _last) = (null, null);

    /// <summary>The last two attempts were refused, and both were begun at this time or later. One is not enough: a server that is being shut
    /// down stops listening a moment before it ends its sessions.</summary>
    public bool HasTwoSince(TimeSpan since) => _before >= since;
}
