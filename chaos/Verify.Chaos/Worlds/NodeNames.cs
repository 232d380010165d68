namespace Verify.Chaos.Worlds;

/// <summary>Nodes and servers have an identity with a port ("n1:10008", "db1:3306"); scenarios, events and reports use the bare name.</summary>
public static class NodeNames
{
    public const int PeerPort = 10008;
    public const int ServerPort = 3306;

    public static string PeerIdentity(string node) => $"{node}:{PeerPort}";
    public static string ServerIdentity(string server) => $"{server}:{ServerPort}";

    /// <summary>Shortens the fields that hold an identity, leaves the others as they are.</summary>
    public static string Short(string field, string value) =>
        field is "node" or "leader" or "instance" or "guardian" ? Short(value) : value;

    public static string Short(string identity) => identity.LastIndexOf(':') is > 0 and var colon ? identity[..colon] : identity;
}
