using System.Collections.Immutable;

namespace Verify.Client;

/// <summary>How a client reaches a group of nodes, and how long it may try.</summary>
public sealed record ClientOptions
{
    /// <summary>HTTP listeners of the nodes, "http(s)://host:port/"; one that answers is enough to find the others' leader.</summary>
    public required ImmutableArray<Uri> Endpoints { get; init; }

    /// <summary>How long one node may take to answer before the request is sent again, or given up where that is not safe. A little
    /// longer than the node's own request timeout (3 s), so that the node's word comes first.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>How long a whole request may take, with all that is sent again. A call may bring a shorter one by its token. A write
    /// is never sent again later than a minute after the first time.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The pause after a first failure; each further one takes twice as long, drawn from the upper half of the span.</summary>
    public TimeSpan PauseMin { get; init; } = TimeSpan.FromMilliseconds(20);
    public TimeSpan PauseMax { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Who asks.</summary>
    public Credentials Credentials { get; init; } = Credentials.Anonymous;

    /// <summary>A PEM file with the authorities that may sign the nodes' certificates; null: those of the system.</summary>
    public string? CaFile { get; init; }

    /// <summary>PEM files of the client's own certificate and key, where the nodes ask for one; null: none is shown.</summary>
    public string? CertificateFile { get; init; }
    public string? KeyFile { get; init; }
    public TimeProvider Time { get; init; } = TimeProvider.System;
}

/// <summary>Who a client says it is. The secret never shows in text.</summary>
public abstract record Credentials
{
    private Credentials() { }

    public static Credentials Anonymous { get; } = new Nobody();

    internal abstract string? Authorization { get; }

    /// <summary>RFC 7617.</summary>
    public static Credentials Basic(string user, string password) => new UserAndPassword(user, password);

    /// <summary>RFC 6750.</summary>
    public static Credentials Token(string token) => new Bearer(token);

    private sealed record Nobody : Credentials
    {
        internal override string? Authorization => null;

        public override string ToString() => "nobody";
    }

    private sealed record UserAndPassword(string User, string Password) : Credentials
    {
        internal override string Authorization => $"Basic {Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{User}:{Password}"))}";

        public override string ToString() => $"user {User}";
    }

    private sealed record Bearer(string Secret) : Credentials
    {
        internal override string Authorization => $"Bearer {Secret}";

        public override string ToString() => "a token";
    }
}
