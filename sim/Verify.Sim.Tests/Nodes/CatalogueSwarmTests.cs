using Verify.Node.Api;
using Verify.Node.Seam;
using Verify.Node.State.Catalogue;
using Verify.Sim.Hosts;
using static Verify.Sim.Tests.Worlds;

namespace Verify.Sim.Tests.Nodes;

/// <summary>The catalogue under leaders that die, nodes that are cut off and wall clocks that jump: an instance that is kept alive is never
/// missed before its time, one that falls silent goes everywhere, and all nodes have the same catalogue in the end.</summary>
[TestFixture]
public sealed class CatalogueSwarmTests
{
    private const int Seeds = 12;
    private const int Rounds = 6;
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    [Test]
    public void An_instance_never_ends_before_its_time_and_all_nodes_end_with_the_same_catalogue()
    {
        var (beats, absences, takeovers) = (0, 0, 0);
        for (var seed = 1UL; seed <= Seeds; seed++)
        {
            using var world = SimWorld.FromSeed(seed);
            var story = new Story(world, seed);
            world.Run(story.PlayAsync, Limit);
            Assert.That(story.Early, Is.Empty, $"seed {seed}");
            beats += story.Beats;
            absences += story.Absences;
            takeovers += story.Takeovers;
        }

        Assert.That((beats > Seeds * Rounds, absences > 0, takeovers > 0), Is.EqualTo((true, true, true)), $"{beats} heartbeats, {absences} absences seen, {takeovers} checks taken over: the faults must have done something");
    }

    [Test]
    public void The_same_seed_plays_the_same_story()
    {
        for (var seed = 1UL; seed <= 2; seed++)
        {
            var drawn = seed;
            var result = new RunTwice(seed, new SimOptions(), Limit, world => new Story(world, drawn).PlayAsync()).Check();
            Assert.That(result.Failure, Is.Null, result.Failure?.ToString());
        }
    }

    private sealed class Story(SimWorld world, ulong seed)
    {
        private readonly Dice _dice = new(seed);
        private NodeFleet _fleet = null!;
        private (TimeSpan SentAt, long Index)? _kept;
        private bool _isOver;

        public int Beats { get; private set; }
        public int Absences { get; private set; }
        public int Takeovers { get; private set; }
        public List<string> Early { get; } = [];

        public async Task PlayAsync()
        {
            _fleet = new(world, 3, config => config with { Catalogue = config.Catalogue with { OwnerGoneAfter = TimeSpan.FromSeconds(1) } });
            await _fleet.LeaderAsync();
            await RegisterAsync("checked", 0, new CheckSpec { Id = "port", Name = "port", Kind = CheckKind.Tcp, Target = "n2:10008", IntervalMs = 300, TimeoutMs = 200 });
            await RegisterAsync("kept", (long)Ttl.TotalMilliseconds);
            var (keeping, watching) = (KeepAsync(), WatchAsync());
            for (var round = 0; round < Rounds; round++) await FaultAsync();
            _isOver = true;
            await keeping;
            await watching;
            await ConvergeAsync();
        }

        private SimHost Any() => world.Hosts[_dice.Next(world.Hosts.Count)];

        private async Task RegisterAsync(string id, long ttlMs, params CheckSpec[] checks)
        {
            var sent = world.Now;
            var spec = new ServiceSpec { Id = id, Name = id, Address = "10.0.0.1", Port = 1, TtlMs = ttlMs, Node = "n1", DataCenter = "dc1", Checks = [.. checks] };
            while (true)
            {
                if (await AskAsync(Any(), new ApiRequest.RegisterService(spec, null, null)) is ApiReply.Done(var index))
                {
                    if (ttlMs > 0) _kept = (sent, index);
                    return;
                }

                await PauseAsync(100);
                sent = world.Now;
            }
        }

        /// <summary>Beats, mostly in time; registers again what was let go.</summary>
        private async Task KeepAsync()
        {
            while (!_isOver)
            {
                var sent = world.Now;
                switch (await AskAsync(Any(), new ApiRequest.ServiceHeartbeat("kept", null, null)))
                {
                    case ApiReply.Done(var index):
                        _kept = (sent, index);
                        Beats++;
                        break;
                    case ApiReply.NotFound:
                        _kept = null;
                        await RegisterAsync("kept", (long)Ttl.TotalMilliseconds);
                        break;
                }

                await PauseAsync(_dice.Chance(100) ? 4000 : 500);
            }
        }

        /// <summary>A node that has applied the last heartbeat that was acknowledged must have the instance until its time is up.</summary>
        private async Task WatchAsync()
        {
            while (!_isOver)
            {
                foreach (var host in world.Hosts)
                {
                    if (host.RunningNode() is not { } node || _kept is not var (sent, index)) continue;
                    var state = node.Core.State;
                    if (state.Catalogue.Get("checked") is { } service && service.Spec.Node != "n1") Takeovers++;
                    if (state.Applied.Index.Value < index || state.Catalogue.Get("kept") is not null) continue;
                    Absences++;
                    if (world.Now - sent < Ttl - Ms(1)) Early.Add($"{host.Name} let it go {(world.Now - sent).TotalMilliseconds:0} ms after a heartbeat that was acknowledged");
                }

                await PauseAsync(10);
            }
        }

        private async Task FaultAsync()
        {
            var host = _dice.Chance(500) ? _fleet.Leader ?? Any() : Any();
            switch (_dice.Next(4))
            {
                case 0:
                    world.Kill(host);
                    await PauseAsync(500 + _dice.Next(4000));
                    world.Restart(host);
                    break;
                case 1:
                    world.Isolate(host.Name);
                    await PauseAsync(500 + _dice.Next(4000));
                    world.HealAll();
                    break;
                case 2:
                    world.JumpClock(host, TimeSpan.FromHours(_dice.Next(48) - 24));
                    break;
                default:
                    world.Pause(host);
                    await PauseAsync(200 + _dice.Next(2000));
                    world.Resume(host);
                    break;
            }

            await PauseAsync(1500);
        }

        /// <summary>Nobody beats any more: the instance goes, and then all nodes are the same.</summary>
        private async Task ConvergeAsync()
        {
            var until = world.Now + TimeSpan.FromSeconds(30);
            while (world.Now < until)
            {
                var nodes = world.Hosts.Select(host => host.RunningNode()).ToArray();
                if (nodes.All(node => node?.Core.State.Catalogue.Get("kept") is null && node?.Core.State.Catalogue.Get("checked") is { Status: CheckStatus.Passing })
                    && nodes.Select(node => node?.StateHash).Distinct().Count() == 1) return;
                await PauseAsync(50);
            }

            Assert.Fail($"30 s after the last fault the nodes have not the same catalogue without the silent instance: {string.Join("; ", world.Hosts.Select(host => $"{host.Name}: {host.RunningNode()?.StateHash}, {host.RunningNode()?.Core.State.Catalogue.Get("kept")}, {host.RunningNode()?.Core.State.Catalogue.Get("checked")?.Checks[0]}"))}");
        }

        private Task PauseAsync(int ms) => Task.Delay(TimeSpan.FromMilliseconds(ms), world.WorldTime);

        private static async Task<ApiReply> AskAsync(SimHost host, ApiRequest request)
        {
            try
            {
                return await host.AskAsync(request);
            }
            catch (HostDownException e)
            {
                return new ApiReply.Unknown(e.Message);
            }
        }
    }
}
