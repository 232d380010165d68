namespace Verify.Chaos.Live.Groups;

/// <summary>Takes each node of a group down and up again, one after the other, followers first and the leader last, while clients write;
/// on the way up a node may get another program.</summary>
internal static class RollingTurn
{
    private const int Writers = 4;
    private static readonly TimeSpan Calm = TimeSpan.FromMilliseconds(500);

    /// <param name="program">verify-node.dll from here on; null: the same as before.</param>
    /// <param name="rounds">How often the whole group is gone through.</param>
    /// <exception cref="Running.HarnessException">A node did not come back.</exception>
    public static async Task<LoadOutcome> PlayAsync(LiveGroup group, string? program, int rounds, Action<string> say, CancellationToken cancel)
    {
        await group.WholeAsync(cancel);
        using var client = group.Client();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var load = new AppendLoad(client, Writers);
        var writing = load.RunAsync(end.Token);
        try
        {
            await Task.Delay(Calm, cancel);
            for (var round = 1; round <= rounds; round++)
            {
                var leader = await group.WholeAsync(cancel);
                foreach (var node in group.Nodes.OrderBy(n => n == leader).ToList())
                {
                    var isLeader = await group.WholeAsync(cancel) == node;
                    var start = TimeProvider.System.GetTimestamp();
                    await LiveGroup.StopAsync(node);
                    if (program is not null) node.Program = program;
                    await LiveGroup.StartAsync(node);
                    await group.WholeAsync(cancel);
                    say($"{node.Name}{(isLeader ? ", which led," : "")} was down and is back after {TimeProvider.System.GetElapsedTime(start).TotalSeconds:0.0} s{(program is null ? "" : " with the new program")}");
                }
            }

            await Task.Delay(Calm, cancel);
        }
        finally
        {
            await end.CancelAsync();
            await writing;
        }

        return await load.JudgeAsync(cancel);
    }
}
