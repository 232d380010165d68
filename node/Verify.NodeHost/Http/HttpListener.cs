using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Security;
using Endpoint = Verify.Node.Seam.Endpoint;

namespace Verify.NodeHost.Http;

/// <summary>Kestrel's one listener: the networks that may connect, and HTTPS whose certificate is looked at for each connection.</summary>
internal static class HttpListener
{
    /// <summary>A request is worked on by the thread of the pool that was woken for its bytes, and its answer goes out from there: each hand-over to
    /// another worker is another wake-up, and these are most of what a throttle check costs. "Unsafe" for those who block in a handler: nobody does.</summary>
    public static void Configure(SocketTransportOptions sockets) => sockets.UnsafePreferInlineScheduling = true;

    /// <param name="wire">Answers throttle checks before HTTP is parsed; not behind TLS, where the protocol is agreed on first.</param>
    /// <param name="certificate">Asked for each connection: the listener is configured before the files are read.</param>
    public static void Configure(KestrelServerOptions kestrel, HostConfig config, Func<CertificateFiles> certificate, Func<RefusedSources> refused, CheckWire? wire = null)
    {
        kestrel.AddServerHeader = false;
        void With(ListenOptions listen)
        {
            if (!config.Access.HttpNetworks.IsEmpty) listen.Use(next => connection => LetInAsync(connection, next, config.Access.HttpNetworks, refused()));
            if (config.Https is { } https) listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(OptionsOf(certificate().Current, https.NeedsClientCertificate)) });
            else if (wire is not null) listen.Use(next => connection => wire.OnConnectionAsync(connection, next));
        }

        Listen(kestrel, config.Listen, With);
        if (config.FrenoListen is { } second) Listen(kestrel, second, With);
    }

    private static void Listen(KestrelServerOptions kestrel, Endpoint at, Action<ListenOptions> with)
    {
        if (IPAddress.TryParse(at.Host, out var address)) kestrel.Listen(address, at.Port, with);
        else if (at.Host == "localhost") kestrel.ListenLocalhost(at.Port, with);
        else
        {
            foreach (var one in Dns.GetHostAddresses(at.Host)) kestrel.Listen(one, at.Port, with);
        }
    }

    private static async Task LetInAsync(ConnectionContext connection, ConnectionDelegate next, AllowedNetworks networks, RefusedSources refused)
    {
        var from = (connection.RemoteEndPoint as IPEndPoint)?.Address;
        if (networks.Allows(from))
        {
            await next(connection);
            return;
        }

        refused.Note("http", "network", $"{from}", "it is in none of HTTPAllowedNetworks");
        connection.Abort(new ConnectionAbortedException("outside of the allowed networks"));
    }

    private static SslServerAuthenticationOptions OptionsOf(Credentials credentials, bool needsClient)
    {
        var options = new SslServerAuthenticationOptions
        {
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ServerCertificateContext = credentials.Own,
            ClientCertificateRequired = needsClient,
        };
        if (!needsClient) return options;
        options.RemoteCertificateValidationCallback = (_, certificate, _, _) =>
        {
            if (certificate is not X509Certificate2 presented) return false;
            using var chain = new X509Chain { ChainPolicy = CertificateFiles.PolicyFor(credentials.Authority, Usage.Client) };
            return chain.Build(presented);
        };
        return options;
    }
}
