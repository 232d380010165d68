using System.Text.Json;
using Verify.Node.Consensus;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Seam;

namespace Verify.NodeHost.Commands;

/// <summary>verify-node --upgrade-check: what this program would do with the data directory. Changes nothing; the node must be stopped.</summary>
internal static class UpgradeCheckCommand
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <exception cref="IOException">No such directory, or a node works in it.</exception>
    public static async Task<int> RunAsync(HostConfig config, bool json, TextWriter to)
    {
        if (!Directory.Exists(config.DataDirectory)) throw new IOException($"{config.DataDirectory}: no such directory (RaftDataDir)");
        using var disk = new SystemDisk(config.DataDirectory);
        var report = await UpgradeCheck.RunAsync(disk, config.Node.Keys);
        if (json) await to.WriteLineAsync(JsonSerializer.Serialize(new { directory = config.DataDirectory, report.CanStart, report.FormatBefore, report.FormatAfter, report.KeysInUse, report.Files }, Indented));
        else Write(config.DataDirectory, report, to);
        return report.CanStart ? ExitCode.Stopped : ExitCode.Refused;
    }

    private static void Write(string directory, UpgradeReport report, TextWriter to)
    {
        foreach (var file in report.Files)
        {
            var sealedBy = file.SealedBy.Length > 0 ? $", sealed by {file.SealedBy}" : "";
            var fate = file.WillBeRewritten ? ", rewritten or removed at the start" : "";
            to.WriteLine($"{file.Name}: {file.Kind}, version {file.Version?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "?"}, {file.Bytes} bytes{sealedBy}{fate}{(file.Problem.Length > 0 ? $" - {file.Problem}" : "")}");
        }

        if (report.KeysInUse.Length > 0) to.WriteLine($"keys in use: {string.Join(", ", report.KeysInUse)}");
        if (report.FormatAfter > report.FormatBefore) to.WriteLine($"no way back: programs that read only up to format {report.FormatAfter - 1} cannot read this directory once this one has written to it; keep a copy of it first");
        to.WriteLine(report.CanStart ? $"{directory}: this program can start from it" : $"{directory}: this program cannot start from it");
    }
}
