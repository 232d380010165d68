using Verify.Node;
using Verify.Node.Consensus;
using Verify.NodeHost;
using Verify.NodeHost.Configuration;

const string Help = """
    verify-node: a Raft-replicated control plane for MySQL fleets

    Usage:
      verify-node --config FILE [--events FILE]
      verify-node --config FILE --check

    Options:
      --config FILE   The settings (JSON; orchestrator's and freno's keys, see README).
      --events FILE   Append what the node says of itself, one JSON object a line (for verify-chaos and for post-mortems).
      --check         Read the settings, say what is wrong or unused, and exit.
      --version       Print the version.
      --help          This page.

    Exit codes: 0 stopped on request; 2 the command line or the settings are wrong; 3 the node cannot start
    (data directory, damaged log, address taken); 70 a broken promise halted it.

    Examples:
      verify-node --config /etc/verify/node.json
      verify-node --config node.json --check
    """;

string? configFile = null;
string? eventsFile = null;
var checkOnly = false;
for (var i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--help" or "-h":
            Console.WriteLine(Help);
            return 0;
        case "--version":
            Console.WriteLine($"verify-node {typeof(NodeHostApp).Assembly.GetName().Version}");
            return 0;
        case "--check":
            checkOnly = true;
            break;
        case "--config" when i + 1 < args.Length:
            configFile = args[++i];
            break;
        case "--events" when i + 1 < args.Length:
            eventsFile = args[++i];
            break;
        default:
            Console.Error.WriteLine($"verify-node: '{args[i]}' is not known or lacks its value; see --help");
            return 2;
    }
}

if (configFile is null)
{
    Console.Error.WriteLine("verify-node: --config FILE is missing; see --help");
    return 2;
}

try
{
    var config = HostConfig.Load(configFile, Environment.GetEnvironmentVariable);
    if (checkOnly)
    {
        foreach (var warning in config.Warnings) Console.WriteLine($"warning: {warning}");
        Console.WriteLine($"{configFile}: good ({(config.IsSingle ? "single node" : $"{config.Node.Members.Length} members")}, {config.Node.Clusters.Length} MySQL clusters)");
        return 0;
    }

    await NodeHostApp.RunAsync(config, eventsFile);
    return 0;
}
catch (ConfigException e)
{
    foreach (var problem in e.Problems) Console.Error.WriteLine(problem);
    return 2;
}
catch (Exception e) when (e is DamagedLogException or UnusableDataException)
{
    Console.Error.WriteLine($"verify-node cannot start: {e.Message}");
    return 3;
}
catch (IOException e)
{
    Console.Error.WriteLine($"verify-node cannot start: {e.Message}");
    return 3;
}
