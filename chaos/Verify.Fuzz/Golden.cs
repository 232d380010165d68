using System.Text;

namespace Verify.Fuzz;

/// <summary>The golden bytes of the formats: lines "name hex", the same files that hold the codecs to their versions.</summary>
internal static class Golden
{
    /// <param name="prefix">Files whose name begins like this ("peer-").</param>
    public static List<byte[]> Read(string prefix)
    {
        var assembly = typeof(Golden).Assembly;
        var found = new List<byte[]>();
        foreach (var name in assembly.GetManifestResourceNames().Where(n => n.StartsWith($"golden/{prefix}", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!, Encoding.UTF8);
            while (reader.ReadLine() is { } line)
            {
                if (line.Length > 0 && line[0] != '#' && line.IndexOf(' ', StringComparison.Ordinal) is > 0 and var space) found.Add(Convert.FromHexString(line[(space + 1)..].Trim()));
            }
        }

        return found.Count > 0 ? found : throw new InvalidOperationException($"no golden bytes named {prefix}* are in this program");
    }
}
