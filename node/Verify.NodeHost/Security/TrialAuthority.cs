using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Verify.NodeHost.Security;

/// <summary>A private authority and certificates of nodes, for trials and tests (verify-node tls init). ECDSA on P-256.</summary>
internal static class TrialAuthority
{
    public const string AuthorityFile = "ca.pem";
    public const string AuthorityKeyFile = "ca.key";

    /// <summary>Makes the authority where there is none yet, and a certificate for each name that has none. Nothing is overwritten.</summary>
    /// <param name="names">"name" or "name=host+10.0.0.1+…": the certificate speaks for all of them.</param>
    /// <returns>The files that were made.</returns>
    public static IReadOnlyList<string> Init(string directory, IEnumerable<string> names, TimeSpan validFor, DateTimeOffset now)
    {
        Directory.CreateDirectory(directory);
        var made = new List<string>();
        using var authority = OpenOrMake(directory, now, made);
        foreach (var entry in names)
        {
            var parts = entry.Split('=', 2);
            var stem = Path.Combine(directory, parts[0]);
            if (File.Exists(stem + ".pem")) continue;
            var speaksFor = parts.Length == 2 ? [parts[0], .. parts[1].Split('+', StringSplitOptions.RemoveEmptyEntries)] : new[] { parts[0] };
            var (certificate, key) = Issue(authority, speaksFor, now.AddMinutes(-5), now + validFor);
            WriteSecret(stem + ".key", key);
            File.WriteAllText(stem + ".pem", certificate);
            made.AddRange([stem + ".pem", stem + ".key"]);
        }

        return made;
    }

    /// <summary>A certificate and its key, both PEM.</summary>
    public static (string Certificate, string Key) Issue(X509Certificate2 authority, IReadOnlyList<string> names, DateTimeOffset from, DateTimeOffset until)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={names[0]}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(Usage.Server), new Oid(Usage.Client)], critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        var alternatives = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
        {
            if (IPAddress.TryParse(name, out var address)) alternatives.AddIpAddress(address);
            else alternatives.AddDnsName(name);
        }

        request.CertificateExtensions.Add(alternatives.Build());
        var end = new DateTimeOffset(authority.NotAfter.ToUniversalTime());
        var notAfter = until < end ? until : end;
        using var certificate = request.Create(authority, from, notAfter, RandomNumberGenerator.GetBytes(16));
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>An authority with its key, valid for ten years.</summary>
    public static X509Certificate2 Make(DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Verify trial authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        return request.CreateSelfSigned(now.AddDays(-2), now.AddYears(10));
    }

    private static X509Certificate2 OpenOrMake(string directory, DateTimeOffset now, List<string> made)
    {
        var (file, keyFile) = (Path.Combine(directory, AuthorityFile), Path.Combine(directory, AuthorityKeyFile));
        if (File.Exists(file)) return X509Certificate2.CreateFromPemFile(file, keyFile);
        var authority = Make(now);
        using var key = authority.GetECDsaPrivateKey()!;
        WriteSecret(keyFile, key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(file, authority.ExportCertificatePem());
        made.AddRange([file, keyFile]);
        return authority;
    }

    private static void WriteSecret(string path, string text) => SecretFile.Write(path, System.Text.Encoding.UTF8.GetBytes(text), replace: false);
}

/// <summary>Files that only their owner may read.</summary>
internal static class SecretFile
{
    /// <summary>Never readable by others, not even for a moment; a file that is replaced is replaced whole and durably.</summary>
    public static void Write(string path, ReadOnlySpan<byte> content, bool replace)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var target = replace ? path + ".new" : path;
        if (replace) File.Delete(target);
        using (var file = new FileStream(target, options))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }

        if (replace) File.Move(target, path, overwrite: true);
    }

    /// <summary>Why this file is not secret enough; null when it is.</summary>
    public static string? Objection(string path)
    {
        if (OperatingSystem.IsWindows()) return null;
        var mode = File.GetUnixFileMode(path);
        return (mode & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite)) == UnixFileMode.None
            ? null : $"{path}: others may use this file (mode {Convert.ToString((int)mode, 8)}); chmod 600 {path}";
    }
}
