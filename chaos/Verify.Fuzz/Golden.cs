using System.Text;

namespace Verify.Fuzz;

/// <summary>The golden bytes of the formats: lines "name hex", the same files that hold the codecs to their versions.</summary>
internal static class Golden
{
    /// <summary>The bytes of one name.</summary>
    public static byte[] Named(string prefix, string name) => Lines(prefix).Single(l => l.Name == name).Bytes;

    /// <param name="prefix">Files whose name begins like this ("peer-").</param>
    public static List<byte[]> Read(string prefix)
    {
        var found = Lines(prefix).Select(l => l.Bytes).ToList();
        return found.Count > 0 ? found : throw new InvalidOperationException($"no golden bytes named {prefix}* are in this program");
    }

    /// <summary>One command of each kind that can stand in the log.</summary>
    public static IEnumerable<byte[]> Commands() =>
        ((string[])["command-", "cluster-command-", "catalogue-command-", "throttle-command-", "operator-command-", "kv-"])
            .SelectMany(Lines).Where(l => !l.Name.StartsWith("state", StringComparison.Ordinal)).Select(l => l.Bytes);

    /// <summary>The golden lines of files whose name begins like this.</summary>
    public static IEnumerable<(string Name, byte[] Bytes)> Lines(string prefix)
    {
        var assembly = typeof(Golden).Assembly;
        foreach (var name in assembly.GetManifestResourceNames().Where(n => n.StartsWith($"golden/{prefix}", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!, Encoding.UTF8);
            while (reader.ReadLine() is { } line)
            {
                if (line.Length > 0 && line[0] != '#' && line.IndexOf(' ', StringComparison.Ordinal) is > 0 and var space) yield return (line[..space], Convert.FromHexString(line[(space + 1)..].Trim()));
            }
        }
    }
}
