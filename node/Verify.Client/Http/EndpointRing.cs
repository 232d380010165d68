using System.Collections.Immutable;

namespace Verify.Client.Http;

/// <summary>Which node is asked next: the leader while one is known, otherwise the given addresses in turn.</summary>
internal sealed class EndpointRing(ImmutableArray<Uri> endpoints)
{
    private readonly Lock _turning = new();
    private Uri? _leader;
    private int _next;

    public int Count => endpoints.Length;

    public Uri? Leader
    {
        get
        {
            lock (_turning) return _leader;
        }
    }

    public Uri Next(Destination destination)
    {
        lock (_turning)
        {
            if (destination == Destination.Leader) return _leader ?? endpoints[_next % endpoints.Length];
            _next = (_next + 1) % endpoints.Length;
            return endpoints[_next];
        }
    }

    /// <summary>A node that was asked says who leads. From a node asked over TLS only an address with TLS is believed: a request with
    /// credentials must not be led into the open.</summary>
    /// <returns>False when the address is not taken.</returns>
    public bool Believe(Uri leader, Uri toldBy)
    {
        if (toldBy.Scheme == Uri.UriSchemeHttps && leader.Scheme != Uri.UriSchemeHttps) return false;
        lock (_turning) _leader = Base(leader);
        return true;
    }

    /// <summary>This node did not answer, or cannot help now: the next one.</summary>
    public void Avoid(Uri endpoint)
    {
        lock (_turning)
        {
            if (_leader == endpoint) _leader = null;
            if (endpoints[_next % endpoints.Length] == endpoint) _next = (_next + 1) % endpoints.Length;
        }
    }

    private static Uri Base(Uri uri) => new(uri.GetLeftPart(UriPartial.Authority) + "/");
}
