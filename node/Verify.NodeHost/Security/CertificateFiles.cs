using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Verify.NodeHost.Configuration;

namespace Verify.NodeHost.Security;

/// <summary>What a handshake needs: the own certificate with its key, and the only authority whose certificates are believed.</summary>
internal sealed record Credentials(SslStreamCertificateContext Own, X509Certificate2 Certificate, X509Certificate2Collection Authority);

/// <summary>The files of certificate, key and authority. Each handshake looks whether they have changed (at most once a second) and takes
/// the new ones without a restart. Changed files that cannot be used leave the old ones in use, and that is said once.</summary>
internal sealed class CertificateFiles
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan EndsSoon = TimeSpan.FromDays(14);
    private readonly TlsFiles _files;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private Credentials _current;
    private string _stamp;
    private long _looked;

    /// <exception cref="CertificateException">A file is missing, unreadable, or does not fit to the others.</exception>
    public CertificateFiles(TlsFiles files, ILogger log, TimeProvider time)
    {
        (_files, _log, _time) = (files, log, time);
        _stamp = StampOf(files);
        _current = Load(files, time.GetUtcNow());
        _looked = time.GetTimestamp();
        Said();
    }

    public Credentials Current
    {
        get
        {
            lock (_gate)
            {
                if (_time.GetElapsedTime(_looked) >= LookEvery) Look();
                return _current;
            }
        }
    }

    /// <summary>The names that a certificate speaks for: subject alternative names, or the common name where there are none (RFC 6125 §6.4.4).</summary>
    public static IReadOnlyList<string> NamesOf(X509Certificate2 certificate)
    {
        var names = new SortedSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var extension in certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>())
        {
            foreach (var name in extension.EnumerateDnsNames()) names.Add(name);
            foreach (var address in extension.EnumerateIPAddresses()) names.Add(address.ToString());
        }

        if (names.Count == 0 && certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false) is { Length: > 0 } common) names.Add(common);
        return [.. names];
    }

    /// <summary>Trust in the private authority alone; no network is asked for revocation or missing links.</summary>
    public static X509ChainPolicy PolicyFor(X509Certificate2Collection authority, string usage)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(authority);
        policy.ApplicationPolicy.Add(new Oid(usage));
        return policy;
    }

    private static DateTimeOffset EndOf(X509Certificate2 certificate) => new(certificate.NotAfter.ToUniversalTime());

    private static string StampOf(TlsFiles files)
    {
        static string One(string? path) => path is null ? "" : new FileInfo(path) is { Exists: true } info ? $"{info.LastWriteTimeUtc.Ticks}/{info.Length}" : "missing";
        return $"{One(files.Certificate)} {One(files.PrivateKey)} {One(files.Authority)}";
    }

    /// <exception cref="CertificateException"/>
    private static Credentials Load(TlsFiles files, DateTimeOffset now)
    {
        RefuseOpenKey(files.PrivateKey);
        X509Certificate2 own;
        var authority = new X509Certificate2Collection();
        var chain = new X509Certificate2Collection();
        try
        {
            own = X509Certificate2.CreateFromPemFile(files.Certificate, files.PrivateKey);
            chain.ImportFromPemFile(files.Certificate);
            if (files.Authority is not null) authority.ImportFromPemFile(files.Authority);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new CertificateException($"{files.Certificate}, {files.PrivateKey}{(files.Authority is { } ca ? $", {ca}" : "")}: {e.Message}", e);
        }

        if (files.Authority is { } file && authority.Count == 0) throw new CertificateException($"{file}: no certificate in it (PEM is expected)");
        if (now > EndOf(own)) throw new CertificateException($"{files.Certificate}: ended on {own.NotAfter.ToUniversalTime():u}; a new one is needed");
        if (files.Authority is not null)
        {
            using var check = new X509Chain { ChainPolicy = PolicyFor(authority, Usage.Server) };
            check.ChainPolicy.ExtraStore.AddRange(chain);
            if (!check.Build(own))
            {
                throw new CertificateException($"{files.Certificate}: not good for {files.Authority}: {string.Join("; ", check.ChainStatus.Select(s => s.StatusInformation.Trim()))}");
            }
        }

        return new(SslStreamCertificateContext.Create(own, chain, offline: true), own, authority);
    }

    private static void RefuseOpenKey(string path)
    {
        if (OperatingSystem.IsWindows() || !File.Exists(path)) return;
        var mode = File.GetUnixFileMode(path);
        if ((mode & (UnixFileMode.OtherRead | UnixFileMode.OtherWrite)) != UnixFileMode.None)
        {
            throw new CertificateException($"{path}: everybody on this machine can read this private key; chmod 600 {path}");
        }
    }

    private void Look()
    {
        _looked = _time.GetTimestamp();
        var stamp = StampOf(_files);
        if (stamp == _stamp) return;
        _stamp = stamp;
        try
        {
            _current = Load(_files, _time.GetUtcNow());
            Said();
        }
        catch (CertificateException e)
        {
            SecurityLog.CertificateKept(_log, e.Message);
        }
    }

    private void Said()
    {
        var until = _current.Certificate.NotAfter.ToUniversalTime().ToString("u", System.Globalization.CultureInfo.InvariantCulture);
        SecurityLog.CertificateInUse(_log, _files.Certificate, string.Join(", ", NamesOf(_current.Certificate)), until);
        if (EndOf(_current.Certificate) - _time.GetUtcNow() < EndsSoon) SecurityLog.CertificateEnds(_log, _files.Certificate, until);
    }
}

/// <summary>Extended key usages (RFC 5280 §4.2.1.12).</summary>
internal static class Usage
{
    public const string Server = "1.3.6.1.5.5.7.3.1";
    public const string Client = "1.3.6.1.5.5.7.3.2";
}

/// <summary>Certificate files cannot be used; the message names the file and the remedy.</summary>
internal sealed class CertificateException(string message, Exception? inner = null) : Exception(message, inner);
