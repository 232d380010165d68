namespace Verify.Node.Tests;

/// <summary>Golden bytes: a file of lines "name hex". What is on disk or on the wire in version 1 must stay what it is.</summary>
internal static class Golden
{
    public static IReadOnlyDictionary<string, byte[]> Read(string file) => File
        .ReadLines(Path.Combine(TestContext.CurrentContext.TestDirectory, "testdata", file))
        .Where(line => line.Length > 0 && line[0] != '#')
        .Select(line => line.Split(' ', 2))
        .ToDictionary(parts => parts[0], parts => Convert.FromHexString(parts[1].Trim()), StringComparer.Ordinal);

    /// <summary>The bytes of each name must be those of the file, and the file must have no others.</summary>
    public static void Check(string file, IReadOnlyList<(string Name, byte[] Bytes)> actual)
    {
        var lines = string.Join('\n', actual.Select(a => $"{a.Name} {Convert.ToHexStringLower(a.Bytes)}"));
        var golden = Read(file);
        Assert.Multiple(() =>
        {
            Assert.That(actual.Select(a => a.Name), Is.EquivalentTo(golden.Keys), $"all that is written now:\n{lines}");
            foreach (var (name, bytes) in actual)
                if (golden.TryGetValue(name, out var expected)) Assert.That(Convert.ToHexStringLower(bytes), Is.EqualTo(Convert.ToHexStringLower(expected)), name);
        });
    }
}
