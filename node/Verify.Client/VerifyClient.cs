using Verify.Client.Http;

namespace Verify.Client;

/// <summary>A client of a group of verify-nodes. It may be used from many threads at once; one for a process is enough. It finds the leader
/// by itself, and sends again only what may be sent twice.</summary>
public sealed class VerifyClient : IDisposable
{
    private readonly NodeGroup _group;
    private readonly ClientOptions _options;

    /// <exception cref="ClientOptionsException">The options cannot be used.</exception>
    public VerifyClient(ClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Endpoints.IsDefaultOrEmpty) throw new ClientOptionsException("no endpoint is given: at least one node's address, as http://host:port");
        foreach (var endpoint in options.Endpoints)
        {
            if (!endpoint.IsAbsoluteUri || (endpoint.Scheme != Uri.UriSchemeHttp && endpoint.Scheme != Uri.UriSchemeHttps))
                throw new ClientOptionsException($"{endpoint} is no node's address; write http://host:port or https://host:port");
        }

        _options = options;
        _group = new(options);
        Kv = new(_group);
        Locks = new(_group);
        Cluster = new(_group);
        Throttle = new(_group);
        Services = new(_group);
        Admin = new(_group);
        Recoveries = new(_group);
    }

    public KvClient Kv { get; }
    public LockClient Locks { get; }
    public ClusterClient Cluster { get; }
    public ThrottleClient Throttle { get; }
    public ServiceClient Services { get; }
    public AdminClient Admin { get; }
    public RecoveryClient Recoveries { get; }

    /// <summary>Where requests for the leader go at the moment; null when it is not known.</summary>
    public Uri? Leader => _group.Leader;

    /// <summary>How the nodes are reached: http or https. Addresses of members come without it.</summary>
    public string Scheme => (_group.Leader ?? _options.Endpoints[0]).Scheme;

    public void Dispose() => _group.Dispose();
}
