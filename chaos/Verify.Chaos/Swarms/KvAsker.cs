using System.Collections.Immutable;
using Verify.Node.Api;
using Verify.Node.Seam;
using Verify.Node.State.Kv;
using Verify.Sim.Hosts;

namespace Verify.Chaos.Swarms;

/// <summary>Asks one node after the other until the outcome is known; a write goes out again under the same session and number only.</summary>
internal sealed class KvAsker(ClusterWorld world, Dice dice, string name, StoryHistory history)
{
    private const int TriesMax = 6;
    private static readonly TimeSpan Deadline = TimeSpan.FromMilliseconds(3500);
    private long _sequence;
    private int _host;

    public long NowUs => world.Sim.NowMicros;
    public string Name => name;

    public Task PauseAsync(int ms) => Task.Delay(TimeSpan.FromMilliseconds(ms), world.Time, CancellationToken.None);

    /// <summary>Null: nobody told, so it may have happened. <see cref="ApiReply.NoLeader"/>: it certainly has not.</summary>
    public Task<ApiReply?> DoAsync(params ImmutableArray<KvOp> ops) => AskAsync(new ApiRequest.KvDo(ops, NextId()), isRead: false);

    /// <summary>For one write of this session.</summary>
    public RequestId NextId() => new(name, ++_sequence);

    /// <param name="isRead">Asking again is always safe.</param>
    public async Task<ApiReply?> AskAsync(ApiRequest request, bool isRead)
    {
        history.Operations++;
        var wasUnknown = false;
        for (var tries = 1; ; tries++)
        {
            var (reply, isUnknown) = await TryAsync(world.Sim.Host(world.Names[_host % world.Names.Length]), request);
            if (reply is not null) return reply;
            wasUnknown |= isUnknown;
            _host = dice.Next(world.Names.Length);
            if (tries >= TriesMax) return wasUnknown && !isRead ? null : new ApiReply.NoLeader(TimeSpan.Zero);
            await PauseAsync(40 * tries);
        }
    }

    private async Task<(ApiReply? Reply, bool IsUnknown)> TryAsync(SimHost host, ApiRequest request)
    {
        if (host.RunningNode() is null) return (null, false);
        try
        {
            return await host.AskAsync(request).WaitAsync(Deadline, world.Time, CancellationToken.None) switch
            {
                ApiReply.NoLeader or ApiReply.Overloaded or ApiReply.Refused => (null, false),
                ApiReply.Unknown => (null, true),
                var reply => (reply, false),
            };
        }
        catch (Exception e) when (e is HostDownException or TimeoutException)
        {
            return (null, true);
        }
    }
}
