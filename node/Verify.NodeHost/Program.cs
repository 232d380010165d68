using System.Collections;
using Verify.Node;
using Verify.Node.Consensus;
using Verify.NodeHost;
using Verify.NodeHost.Commands;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Keys;
using Verify.NodeHost.Security;

var (line, problem) = CommandLine.Parse(args);
if (line is null)
{
    Console.Error.WriteLine($"verify-node: {problem}; see --help");
    return ExitCode.BadSettings;
}

if (line.Has("--help") || line.Has("-h"))
{
    Console.WriteLine(HelpText.Page);
    return ExitCode.Stopped;
}

if (line.Has("--version"))
{
    Console.WriteLine($"verify-node {typeof(NodeHostApp).Assembly.GetName().Version}");
    return ExitCode.Stopped;
}

var names = Environment.GetEnvironmentVariables().Keys.Cast<string>().ToArray();
var file = line.Value("--config") ?? Environment.GetEnvironmentVariable("VERIFY_CONFIG");
try
{
    switch (line.Command)
    {
        case "config check":
            return ConfigCheck.Run(file, line.Has("--json"), Environment.GetEnvironmentVariable, names, Console.Out);
        case "tls init":
            return FileCommands.TlsInit(line, Console.Out, Console.Error);
        case "keys init" or "keys rotate" or "keys list":
            return FileCommands.Keys(line, Console.Out, Console.Error);
    }

    if (file is null && !names.Any(n => n.StartsWith("VERIFY_RAFT", StringComparison.OrdinalIgnoreCase) || n.StartsWith("KONSUL_RAFT", StringComparison.Ordinal)))
    {
        Console.Error.WriteLine("verify-node: --config FILE is missing, and neither VERIFY_RAFT_… nor KONSUL_RAFT_… is in the environment; see --help");
        return ExitCode.BadSettings;
    }

    var config = HostConfig.Load(file, Environment.GetEnvironmentVariable, names);
    if (line.Has("--check"))
    {
        foreach (var warning in config.Warnings) Console.WriteLine($"warning: {warning}");
        var size = config.IsSingle ? "single node" : config.Node.Members.IsEmpty ? "joins a group" : $"{config.Node.Members.Length} members";
        Console.WriteLine($"{file ?? "environment"}: good ({size}, {config.Node.Clusters.Length} MySQL clusters)");
        return ExitCode.Stopped;
    }

    if (config.DataKeyFile is { } keyFile) config = config with { Node = config.Node with { Keys = DataKeyFile.Read(keyFile) } };
    if (line.Has("--upgrade-check")) return await UpgradeCheckCommand.RunAsync(config, line.Has("--json"), Console.Out);
    return await NodeHostApp.RunAsync(config, line.Value("--events"));
}
catch (ConfigException e)
{
    foreach (var wrong in e.Problems) Console.Error.WriteLine(wrong);
    return ExitCode.BadSettings;
}
catch (Exception e) when (e is DamagedLogException or UnusableDataException or CertificateException or DataKeyException or IOException)
{
    Console.Error.WriteLine($"verify-node cannot start: {e.Message}");
    return ExitCode.CannotStart;
}
