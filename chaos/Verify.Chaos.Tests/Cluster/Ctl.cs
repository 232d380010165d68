using System.Diagnostics;
using Verify.Chaos.Live;
using Verify.Chaos.Live.Groups;

namespace Verify.Chaos.Tests.Cluster;

/// <summary>verify-ctl and verify-node's own commands, as processes, as people run them.</summary>
internal static class Ctl
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>verify-ctl with the addresses of all nodes that run; it must end with 0.</summary>
    public static async Task<string> RunAsync(LiveGroup group, params string[] arguments)
    {
        var (code, output, errors) = await TryAsync(group, arguments);
        Assert.That(code, Is.Zero, $"verify-ctl {string.Join(' ', arguments)}: {output}{errors}");
        return output;
    }

    public static Task<(int Code, string Output, string Errors)> TryAsync(LiveGroup group, params string[] arguments) =>
        TryAtAsync(group.Nodes.Where(n => n.IsRunning).Select(n => n.Http), Patience, arguments);

    public static Task<(int Code, string Output, string Errors)> TryAtAsync(IEnumerable<Uri> endpoints, TimeSpan timeout, params string[] arguments) =>
        ProcessAsync(Program("node/Verify.Ctl", "verify-ctl.dll"), [.. endpoints.SelectMany(e => new[] { "--endpoint", e.ToString() }), "--timeout", $"{timeout.TotalSeconds}", .. arguments]);

    /// <summary>verify-node's commands that make files; it must end with 0.</summary>
    public static async Task NodeAsync(params string[] arguments)
    {
        var (code, output, errors) = await ProcessAsync(LiveWorld.HostProgram(), arguments);
        Assert.That(code, Is.Zero, $"verify-node {string.Join(' ', arguments)}: {output}{errors}");
    }

    private static async Task<(int Code, string Output, string Errors)> ProcessAsync(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(LiveNode.Dotnet()) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.ArgumentList.Add(program);
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return (process.ExitCode, await output, await errors);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }

    /// <summary>The program beside verify-node, of the same build.</summary>
    private static string Program(string project, string file) => LiveWorld.HostProgram().Replace("node/Verify.NodeHost", project, StringComparison.Ordinal).Replace("verify-node.dll", file, StringComparison.Ordinal);
}
