using System.Text.Json;
using Verify.NodeHost.Configuration;

namespace Verify.NodeHost.Commands;

/// <summary>verify-node config check: every key with its value, default, range and source; then what is wrong, and what may be.</summary>
internal static class ConfigCheck
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static int Run(string? file, bool json, Func<string, string?> environment, IEnumerable<string> names, TextWriter to)
    {
        IReadOnlyList<string> problems = [];
        IReadOnlyList<string> warnings = [];
        IReadOnlyList<ConfigLine> lines;
        try
        {
            var config = HostConfig.Load(file, environment, names);
            (lines, warnings) = (config.Lines, config.Warnings);
        }
        catch (ConfigException e)
        {
            (lines, problems) = (e.Lines, e.Problems);
        }

        if (json)
        {
            to.WriteLine(JsonSerializer.Serialize(new
            {
                ok = problems.Count == 0,
                problems,
                warnings,
                keys = lines.Select(l => new { key = l.Key, value = l.Value, @default = l.Default, allowed = l.Allowed, source = l.Source, environment = EnvironmentNames.Of(l.Key), meaning = l.Meaning }),
            }, Indented));
        }
        else
        {
            foreach (var line in lines) Write(line, to);
            foreach (var warning in warnings) to.WriteLine($"warning: {warning}");
            foreach (var problem in problems) to.WriteLine($"problem: {problem}");
            to.WriteLine(problems.Count == 0 ? $"{file ?? "environment"}: good, {warnings.Count} warnings" : $"{file ?? "environment"}: {problems.Count} problems");
        }

        return problems.Count == 0 ? ExitCode.Stopped : ExitCode.BadSettings;
    }

    private static void Write(ConfigLine line, TextWriter to)
    {
        to.WriteLine($"{line.Key} = {(line.Value.Length == 0 ? "\"\"" : line.Value)}   [{line.Source}]");
        to.WriteLine($"    {line.Meaning}");
        var otherwise = line.Default.Length == 0 ? "\"\"" : line.Default;
        to.WriteLine($"    {line.Allowed}; default {otherwise}; {EnvironmentNames.Of(line.Key)}");
    }
}
