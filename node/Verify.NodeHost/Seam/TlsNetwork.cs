using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Verify.Node.Seam;
using Verify.NodeHost.Security;

namespace Verify.NodeHost.Seam;

/// <summary>The network between nodes: TLS 1.3 (RFC 8446) over another network, both ends proved by certificates of the group's own
/// authority. Which node a certificate may speak for is decided by the node, from the names on the stream.</summary>
internal sealed class TlsNetwork(INetwork inner, CertificateFiles files, RefusedSources refused) : INetwork
{
    private const int HandshakesMax = 256;
    private const int ReadyMax = 64;
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(5);

    public async ValueTask<Stream> ConnectAsync(Endpoint to, CancellationToken cancel)
    {
        var plain = await inner.ConnectAsync(to, cancel);
        var stream = new CertifiedStream(plain);
        try
        {
            var credentials = files.Current;
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            deadline.CancelAfter(HandshakeTimeout);
            await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.Tls13,
                TargetHost = to.Host,
                ClientCertificateContext = credentials.Own,
                LocalCertificateSelectionCallback = null,
                AllowTlsResume = false,
                RemoteCertificateValidationCallback = (_, certificate, _, _) => IsOfTheGroup(certificate, credentials, Usage.Server),
            }, deadline.Token);
            stream.Named();
            return stream;
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            await stream.DisposeAsync();
            throw new IOException($"{to}: no TLS 1.3 between us: {e.Message}", e);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            await stream.DisposeAsync();
            throw new IOException($"{to}: no TLS handshake within {HandshakeTimeout.TotalSeconds:0} s", e);
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    public IListener Listen(Endpoint at) => new TlsListener(inner.Listen(at), files, refused);

    /// <summary>The certificate's host name is not compared with the dialled one: addresses may be those of a proxy between data centres.
    /// The node compares the names with the node id that the other end claims.</summary>
    private static bool IsOfTheGroup(X509Certificate? certificate, Credentials credentials, string usage)
    {
        if (certificate is not X509Certificate2 presented) return false;
        using var chain = new X509Chain { ChainPolicy = CertificateFiles.PolicyFor(credentials.Authority, usage) };
        return chain.Build(presented) && CertificateFiles.NamesOf(presented).Count > 0;
    }

    /// <summary>Handshakes run beside each other, so that a caller who says nothing holds up nobody.</summary>
    private sealed class TlsListener : IListener
    {
        private readonly IListener _inner;
        private readonly CertificateFiles _files;
        private readonly RefusedSources _refused;
        private readonly Channel<Stream> _ready = Channel.CreateBounded<Stream>(ReadyMax);
        private readonly CancellationTokenSource _closing = new();
        private int _handshakes;

        public TlsListener(IListener inner, CertificateFiles files, RefusedSources refused)
        {
            (_inner, _files, _refused) = (inner, files, refused);
            _ = AcceptAllAsync();
        }

        public async ValueTask<Stream?> AcceptAsync()
        {
            try
            {
                return await _ready.Reader.ReadAsync();
            }
            catch (ChannelClosedException)
            {
                return null;
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _inner.DisposeAsync();
            await _closing.CancelAsync();
            _ready.Writer.TryComplete();
            while (_ready.Reader.TryRead(out var stream)) await stream.DisposeAsync();
        }

        private async Task AcceptAllAsync()
        {
            while (true)
            {
                Stream? plain;
                try
                {
                    plain = await _inner.AcceptAsync();
                }
                catch (IOException e)
                {
                    _refused.Note("peer", "accept", "a caller", e.Message);
                    continue;
                }

                if (plain is null)
                {
                    _ready.Writer.TryComplete();
                    return;
                }

                if (Interlocked.Increment(ref _handshakes) <= HandshakesMax)
                {
                    _ = HandshakeAsync(plain);
                    continue;
                }

                Interlocked.Decrement(ref _handshakes);
                _refused.Note("peer", "busy", SourceOf(plain), $"{HandshakesMax} handshakes are under way");
                await plain.DisposeAsync();
            }
        }

        private async Task HandshakeAsync(Stream plain)
        {
            var stream = new CertifiedStream(plain);
            var source = SourceOf(plain);
            try
            {
                var credentials = _files.Current;
                var untrusted = "";
                using var deadline = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
                deadline.CancelAfter(HandshakeTimeout);
                try
                {
                    await stream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
                    {
                        EnabledSslProtocols = SslProtocols.Tls13,
                        ServerCertificateContext = credentials.Own,
                        ClientCertificateRequired = true,
                        AllowTlsResume = false,
                        RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                        {
                            if (IsOfTheGroup(certificate, credentials, Usage.Client)) return true;
                            untrusted = certificate is null ? "it shows no certificate" : $"its certificate ({certificate.Subject}) is not one of this group's, or has ended";
                            return false;
                        },
                    }, deadline.Token);
                    stream.Named();
                }
                catch (Exception e) when (e is AuthenticationException or IOException)
                {
                    Refuse(untrusted.Length > 0 ? untrusted : e.Message);
                    return;
                }

                await _ready.Writer.WriteAsync(stream, _closing.Token);
                stream = null;
            }
            catch (OperationCanceledException)
            {
                if (!_closing.IsCancellationRequested) Refuse($"no TLS handshake within {HandshakeTimeout.TotalSeconds:0} s");
            }
            catch (ChannelClosedException)
            {
                source = "";
            }
            finally
            {
                Interlocked.Decrement(ref _handshakes);
                if (stream is not null) await stream.DisposeAsync();
            }

            void Refuse(string why) => _refused.Note("peer", "tls", source, why);
        }

        private static string SourceOf(Stream stream) =>
            stream is NetworkStream { Socket.RemoteEndPoint: System.Net.IPEndPoint from } ? from.Address.ToString() : "a caller";
    }

    /// <summary>A TLS stream that knows the names in the other end's certificate.</summary>
    private sealed class CertifiedStream(Stream plain) : SslStream(plain, leaveInnerStreamOpen: false), ICertifiedStream
    {
        public IReadOnlyList<string> Names { get; private set; } = [];

        public void Named() => Names = RemoteCertificate is X509Certificate2 certificate ? CertificateFiles.NamesOf(certificate) : [];
    }
}
