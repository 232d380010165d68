namespace Verify.Chaos.Running;

/// <summary>"7", "1..100" or "1..100,205,300..310": the seeds of a run, in the order given.</summary>
public static class SeedRange
{
    /// <exception cref="FormatException">Says what is wrong.</exception>
    public static IReadOnlyList<ulong> Parse(string text)
    {
        var seeds = new List<ulong>();
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var dots = part.IndexOf("..", StringComparison.Ordinal);
            var first = dots < 0 ? part : part[..dots];
            var last = dots < 0 ? part : part[(dots + 2)..];
            if (!ulong.TryParse(first, out var from) || !ulong.TryParse(last, out var to) || to < from || to - from > 10_000_000)
            {
                throw new FormatException($"'{part}' is no range of seeds; write 7, 1..100 or 1..100,205");
            }

            for (var seed = from; ; seed++)
            {
                seeds.Add(seed);
                if (seed == to) break;
            }
        }

        return seeds.Count > 0 ? seeds : throw new FormatException("no seeds are named; write 7, 1..100 or 1..100,205");
    }
}
