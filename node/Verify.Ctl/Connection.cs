using System.Collections.Immutable;
using System.CommandLine;
using Verify.Client;

namespace Verify.Ctl;

/// <summary>The options that every command has: where the nodes are, who asks, whom to believe. Secrets come from the environment or
/// from files, never from the command line, which everybody on the machine can read.</summary>
internal sealed class Connection(Func<string, string?> environment)
{
    private const string EndpointsVariable = "VERIFY_CTL_ENDPOINTS";
    private const string PasswordVariable = "VERIFY_CTL_PASSWORD";
    private const string TokenVariable = "VERIFY_CTL_TOKEN";
    private const string DefaultEndpoint = "http://127.0.0.1:3000";

    private readonly Option<string[]> _endpoints = new("--endpoint", "-e")
    {
        Description = $"A node's HTTP address, host:port or URL; may be given several times, or several with commas. Otherwise {EndpointsVariable}, otherwise {DefaultEndpoint}.",
        Recursive = true,
        AllowMultipleArgumentsPerToken = false,
    };

    private readonly Option<bool> _json = new("--json") { Description = "Print JSON on standard output. Secrets are never in it.", Recursive = true };
    private readonly Option<double> _timeout = new("--timeout")
    {
        Description = "Seconds that the command may take, with all that is tried again.", Recursive = true, DefaultValueFactory = _ => 15,
    };

    private readonly Option<string?> _user = new("--user") { Description = $"User name; the password comes from {PasswordVariable} or --password-file.", Recursive = true };
    private readonly Option<string?> _passwordFile = new("--password-file") { Description = "A file that holds the password.", Recursive = true };
    private readonly Option<string?> _tokenFile = new("--token-file") { Description = $"A file that holds an access token; or {TokenVariable}.", Recursive = true };
    private readonly Option<string?> _ca = new("--ca") { Description = "PEM file with the authority that signs the nodes' certificates.", Recursive = true };
    private readonly Option<string?> _certificate = new("--cert") { Description = "PEM file with a certificate to show to the nodes.", Recursive = true };
    private readonly Option<string?> _key = new("--key") { Description = "PEM file with the key of --cert.", Recursive = true };

    public void AddTo(RootCommand root)
    {
        foreach (var option in new Option[] { _endpoints, _json, _timeout, _user, _passwordFile, _tokenFile, _ca, _certificate, _key }) root.Add(option);
    }

    public bool IsJson(ParseResult parse) => parse.GetValue(_json);

    public TimeSpan Timeout(ParseResult parse) => parse.GetValue(_timeout) is > 0 and <= 86_400 and var seconds
        ? TimeSpan.FromSeconds(seconds) : throw new UsageException("--timeout must be a number of seconds above 0");

    /// <exception cref="UsageException">An option cannot be used.</exception>
    public VerifyClient Open(ParseResult parse)
    {
        var timeout = Timeout(parse);
        return new(new()
        {
            Endpoints = EndpointsOf(parse.GetValue(_endpoints) ?? [], parse.GetValue(_ca) is null ? Uri.UriSchemeHttp : Uri.UriSchemeHttps),
            Credentials = CredentialsOf(parse),
            CaFile = parse.GetValue(_ca),
            CertificateFile = parse.GetValue(_certificate),
            KeyFile = parse.GetValue(_key),
            Deadline = timeout,
            AttemptTimeout = timeout < TimeSpan.FromSeconds(5) ? timeout : TimeSpan.FromSeconds(5),
        });
    }

    /// <summary>Without a scheme it is https where an authority is given, http otherwise.</summary>
    private ImmutableArray<Uri> EndpointsOf(string[] given, string scheme)
    {
        var texts = given.Length > 0 ? given : [environment(EndpointsVariable) is { Length: > 0 } from ? from : DefaultEndpoint];
        return [.. texts.SelectMany(t => t.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Select(t =>
            Uri.TryCreate(t.Contains("://", StringComparison.Ordinal) ? t : $"{scheme}://{t}", UriKind.Absolute, out var uri)
            && uri.Host.Length > 0 ? new Uri(uri.GetLeftPart(UriPartial.Authority) + "/") : throw new UsageException($"'{t}' is no address; write host:port or http(s)://host:port"))];
    }

    private Credentials CredentialsOf(ParseResult parse)
    {
        var token = parse.GetValue(_tokenFile) is { } tokenFile ? Secret(tokenFile) : environment(TokenVariable);
        var user = parse.GetValue(_user);
        if (user is not null && !string.IsNullOrEmpty(token)) throw new UsageException("give a user or a token, not both");
        if (!string.IsNullOrEmpty(token)) return Credentials.Token(token);
        if (user is null) return Credentials.Anonymous;
        var password = parse.GetValue(_passwordFile) is { } passwordFile ? Secret(passwordFile) : environment(PasswordVariable);
        return password is not null ? Credentials.Basic(user, password) : throw new UsageException($"--user needs a password: set {PasswordVariable} or give --password-file");
    }

    private static string Secret(string file) => File.ReadAllText(file).Trim();
}
