using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Verify.Client.Http;

/// <summary>Which nodes are believed over TLS, and what the client shows of itself.</summary>
internal sealed class ServerTrust : IDisposable
{
    private readonly X509Certificate2Collection? _authorities;
    private readonly X509Certificate2? _own;

    /// <exception cref="ClientOptionsException">A file cannot be used.</exception>
    public ServerTrust(ClientOptions options)
    {
        if (options.CaFile is { } ca)
        {
            _authorities = [];
            Load(ca, () => _authorities.ImportFromPemFile(ca));
            if (_authorities.Count == 0) throw new ClientOptionsException($"{ca} holds no certificate");
        }

        if (options.CertificateFile is { } certificate)
        {
            X509Certificate2? own = null;
            Load(certificate, () => own = X509Certificate2.CreateFromPemFile(certificate, options.KeyFile));
            _own = own;
        }
    }

    public SocketsHttpHandler Handler()
    {
        var tls = new SslClientAuthenticationOptions();
        if (_own is not null) tls.ClientCertificates = [_own];
        if (_authorities is not null)
        {
            tls.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            tls.CertificateChainPolicy.CustomTrustStore.AddRange(_authorities);
        }

        return new()
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ConnectTimeout = TimeSpan.FromSeconds(2),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            SslOptions = tls,
        };
    }

    public void Dispose()
    {
        _own?.Dispose();
        foreach (var authority in _authorities ?? []) authority.Dispose();
    }

    private static void Load(string file, Action load)
    {
        try
        {
            load();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new ClientOptionsException($"{file} cannot be used: {e.Message}", e);
        }
    }
}
