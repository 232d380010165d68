using System.Net;
using Verify.NodeHost.Security;
using Endpoint = Verify.Node.Seam.Endpoint;

namespace Verify.NodeHost.Configuration;

/// <summary>Where certificate, private key and authority are.</summary>
/// <param name="Authority">Null: the other end's certificate is not asked for (HTTPS without client certificates).</param>
internal sealed record TlsFiles(string Certificate, string PrivateKey, string? Authority)
{
    /// <summary>Null: peer links are not encrypted.</summary>
    public static TlsFiles? OfPeers(ConfigValues values)
    {
        var (certificate, key, authority) = (values.Text("RaftTLSCertFile", "", "path"), values.Text("RaftTLSKeyFile", "", "path"), values.Text("RaftTLSCAFile", "", "path"));
        var isOn = values.Bool("RaftTLS", certificate.Length + key.Length + authority.Length > 0);
        if (!isOn) return null;
        if (certificate.Length == 0) values.Problem("RaftTLSCertFile", "the file of this node's certificate, since RaftTLS is on");
        if (key.Length == 0) values.Problem("RaftTLSKeyFile", "the file of this node's private key, since RaftTLS is on");
        if (authority.Length == 0) values.Problem("RaftTLSCAFile", "the file of the group's authority, since RaftTLS is on: peers prove themselves both ways");
        return new(certificate, key, authority);
    }
}

/// <summary>HTTPS on the HTTP listener.</summary>
internal sealed record HttpsSettings(TlsFiles Files, bool NeedsClientCertificate)
{
    /// <summary>Null: plain HTTP.</summary>
    public static HttpsSettings? Of(ConfigValues values)
    {
        var isOn = values.Bool("UseSSL", false);
        var isMutual = values.Bool("UseMutualTLS", false);
        var (certificate, key, authority) = (values.Text("SSLCertFile", "", "path"), values.Text("SSLPrivateKeyFile", "", "path"), values.Text("SSLCAFile", "", "path"));
        if (!isOn)
        {
            if (isMutual) values.Problem("UseMutualTLS", "used together with UseSSL");
            return null;
        }

        if (certificate.Length == 0) values.Problem("SSLCertFile", "the file of the HTTP listener's certificate, since UseSSL is on");
        if (key.Length == 0) values.Problem("SSLPrivateKeyFile", "the file of its private key, since UseSSL is on");
        if (isMutual && authority.Length == 0) values.Problem("SSLCAFile", "the file of the authority that signs the clients' certificates, since UseMutualTLS is on");
        return new(new(certificate, key, authority.Length > 0 ? authority : null), isMutual);
    }
}

/// <summary>Who may ask over HTTP, and who may connect at all.</summary>
internal sealed record AccessSettings
{
    public required string Method { get; init; }
    public required string User { get; init; }
    public required string Password { get; init; }
    public required string ReadOnlyPassword { get; init; }
    public required IReadOnlyList<(Role Role, string Secret)> Tokens { get; init; }
    public required string UserHeader { get; init; }
    public required IReadOnlyList<string> PowerUsers { get; init; }
    public required IReadOnlyList<string> PowerGroups { get; init; }
    public required IReadOnlyList<string> ExemptPaths { get; init; }
    public required bool IsReadOnly { get; init; }

    /// <summary>Where nobody is asked who he is, other machines may join all the same.</summary>
    public required bool AdmitsUnknown { get; init; }
    public required AllowedNetworks PeerNetworks { get; init; }
    public required AllowedNetworks HttpNetworks { get; init; }

    /// <summary>The compiler's words for a record would show the secrets.</summary>
    public override string ToString() => $"authentication {(Method.Length == 0 ? "none" : Method)}";

    public static AccessSettings Of(ConfigValues values, List<string> warnings, Endpoint listen)
    {
        var method = values.Choice("AuthenticationMethod", "", "", "none", "basic", "multi", "proxy", "token");
        if (method == "none") method = "";
        var settings = new AccessSettings
        {
            Method = method,
            User = values.Text("HTTPAuthUser", ""),
            Password = values.Secret("HTTPAuthPassword"),
            ReadOnlyPassword = values.Secret("HTTPAuthReadOnlyPassword"),
            Tokens = TokensOf(values),
            UserHeader = values.Text("AuthUserHeader", "X-Forwarded-User"),
            PowerUsers = values.Texts("PowerAuthUsers", "*"),
            PowerGroups = values.Texts("PowerAuthGroups"),
            ExemptPaths = values.Texts("AuthExemptPaths"),
            IsReadOnly = values.Bool("ReadOnly", false),
            AdmitsUnknown = values.Bool("RaftJoinWithoutAuthentication", false),
            PeerNetworks = NetworksOf(values, "RaftAllowedNetworks"),
            HttpNetworks = NetworksOf(values, "HTTPAllowedNetworks"),
        };
        if (method is "basic" or "multi" && settings.User.Length == 0) values.Problem("HTTPAuthUser", $"the user of AuthenticationMethod {method}");
        if (method is "basic" or "multi" && settings.Password.Length == 0) values.Problem("HTTPAuthPassword", $"the password of AuthenticationMethod {method}");
        if (method == "multi" && settings.ReadOnlyPassword.Length == 0) warnings.Add("AuthenticationMethod multi: the user readonly may read everything with any password, as in orchestrator; set HTTPAuthReadOnlyPassword to change that");
        if (method == "token" && settings.Tokens.Count == 0) values.Problem("HTTPAuthTokens", "a list with at least one \"write:SECRET\" or \"readonly:SECRET\"");
        var isLocal = listen.Host == "localhost" || (IPAddress.TryParse(listen.Host, out var address) && IPAddress.IsLoopback(address));
        if (method == "proxy" && !isLocal && settings.HttpNetworks.IsEmpty) warnings.Add($"AuthenticationMethod proxy: whoever reaches {listen} directly can write any name into {settings.UserHeader}; listen on loopback, or name the proxies in HTTPAllowedNetworks");
        if (method.Length == 0 && !isLocal && !settings.IsReadOnly) warnings.Add($"AuthenticationMethod is empty: everybody who reaches {listen} can read and change everything");
        if (method.Length == 0 && !isLocal && settings.AdmitsUnknown) warnings.Add($"RaftJoinWithoutAuthentication: everybody who reaches {listen} can join the group, and gets its whole log and a vote");
        return settings;
    }

    private static List<(Role, string)> TokensOf(ConfigValues values)
    {
        const int lengthMin = 16;
        var tokens = new List<(Role, string)>();
        foreach (var text in values.Texts("HTTPAuthTokens", isSecret: true))
        {
            var colon = text.IndexOf(':', StringComparison.Ordinal);
            var role = colon < 0 ? "" : text[..colon];
            if (role is not ("write" or "readonly") || text.Length - colon - 1 < lengthMin) values.Problem("HTTPAuthTokens", $"a list of \"write:SECRET\" or \"readonly:SECRET\" with secrets of at least {lengthMin} characters");
            else tokens.Add((role == "write" ? Role.Write : Role.Read, text[(colon + 1)..]));
        }

        return tokens;
    }

    private static AllowedNetworks NetworksOf(ConfigValues values, string key)
    {
        var networks = new List<IPNetwork>();
        foreach (var text in values.Texts(key))
        {
            if (AllowedNetworks.TryParse(text, out var network)) networks.Add(network);
            else values.Problem(key, $"a list of networks like \"10.0.0.0/8\" or \"2001:db8::/32\"; '{text}' is none");
        }

        return new(networks);
    }
}
