using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Verify.NodeHost.Configuration;

namespace Verify.NodeHost.Security;

/// <summary>Finds out who asks, by the methods of orchestrator (go/http/httpbase.go): nobody is asked, basic, multi, proxy, token.
/// Secrets are compared in a time that does not depend on them.</summary>
internal sealed class Credential(AccessSettings settings)
{
    private const string ReadOnlyUser = "readonly";

    /// <summary>The asker's role; null: not known.</summary>
    public Role? RoleOf(HttpRequest request) => settings.Method switch
    {
        "" => Role.Write,
        "basic" or "multi" => OfPassword(request),
        "proxy" => OfHeader(request),
        "token" => OfToken(request),
        _ => null,
    };

    /// <summary>What a client is told to come back with (RFC 9110 §11.6.1).</summary>
    public string Challenge => settings.Method is "token" ? "Bearer" : "Basic realm=\"verify\", charset=\"UTF-8\"";

    private Role? OfPassword(HttpRequest request)
    {
        const string scheme = "Basic ";
        var header = request.Headers.Authorization.ToString();
        if (!header.StartsWith(scheme, StringComparison.OrdinalIgnoreCase)) return null;
        var bytes = new byte[header.Length];
        if (!Convert.TryFromBase64String(header[scheme.Length..].Trim(), bytes, out var length)) return null;
        var text = Encoding.UTF8.GetString(bytes, 0, length);
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0) return null;
        var (user, password) = (text[..colon], text[(colon + 1)..]);
        if (AreSame(user, settings.User) & AreSame(password, settings.Password)) return Role.Write;
        if (settings.Method != "multi" || user != ReadOnlyUser) return null;
        return settings.ReadOnlyPassword.Length == 0 || AreSame(password, settings.ReadOnlyPassword) ? Role.Read : null;
    }

    /// <summary>The proxy in front has asked already. Without a name one may look, as in orchestrator, but not touch.</summary>
    private Role OfHeader(HttpRequest request)
    {
        var user = request.Headers[settings.UserHeader].ToString();
        if (user.Length == 0) return Role.Read;
        var isPower = settings.PowerUsers.Any(p => p == "*" || string.Equals(p, user, StringComparison.Ordinal)) || settings.PowerGroups.Any(g => MachineGroups.Has(g, user));
        return isPower ? Role.Write : Role.Read;
    }

    private Role? OfToken(HttpRequest request)
    {
        const string scheme = "Bearer ";
        var header = request.Headers.Authorization.ToString();
        var given = header.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) ? header[scheme.Length..].Trim()
            : request.Headers["X-Consul-Token"].ToString() is { Length: > 0 } consul ? consul
            : request.Cookies["access-token"] ?? "";
        Role? role = null;
        foreach (var (known, secret) in settings.Tokens)
        {
            if (AreSame(given, secret)) role = known;
        }

        return role;
    }

    /// <summary>The hashes are compared, so that not even the length is told by the time it takes.</summary>
    private static bool AreSame(string given, string secret) => CryptographicOperations.FixedTimeEquals(
        SHA256.HashData(Encoding.UTF8.GetBytes(given)), SHA256.HashData(Encoding.UTF8.GetBytes(secret)));
}

/// <summary>Groups of this machine's users (man 5 group).</summary>
internal static class MachineGroups
{
    private const string File = "/etc/group";

    public static bool Has(string group, string user)
    {
        if (!System.IO.File.Exists(File)) return false;
        foreach (var line in System.IO.File.ReadLines(File))
        {
            var fields = line.Split(':');
            if (fields.Length == 4 && fields[0] == group) return fields[3].Split(',').Contains(user, StringComparer.Ordinal);
        }

        return false;
    }
}
