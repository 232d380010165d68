using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Verify.MySql.Tests.Support;

internal static class TestCertificate
{
    /// <summary>Signed by itself, as servers make them at their first start.</summary>
    public static X509Certificate2 Create()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=scripted server", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
    }
}
