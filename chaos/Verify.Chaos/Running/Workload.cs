using System.Collections.Immutable;
using Verify.Chaos.Worlds;
using Verify.Checks;
using Verify.Node.Seam;
using Verify.Scenarios;

namespace Verify.Chaos.Running;

/// <summary>The clients of a run: each does one operation after the other until the time is over, and writes down what it saw.</summary>
public sealed class Workload(IWorld world, WorkloadSpec spec, ImmutableArray<string> dataCenters, Dice dice)
{
    /// <summary>Every kind as often as its weight says.</summary>
    private readonly OpKind[] _draws = [.. spec.Mix.SelectMany(m => Enumerable.Repeat(Enum.Parse<OpKind>(m.Key, ignoreCase: true), m.Value))];
    private readonly OpLog _log = new();
    private long _nextOp;

    public OpLog Log => _log;

    /// <summary>Runs all clients until <paramref name="untilUs"/>.</summary>
    public Task RunAsync(long untilUs, CancellationToken cancel)
    {
        var clients = new Task[spec.Clients];
        for (var i = 0; i < clients.Length; i++)
        {
            var dataCenter = dataCenters[i % dataCenters.Length];
            clients[i] = ClientAsync(i, dataCenter, dice.Fork($"client {i}"), untilUs, cancel);
        }

        return Task.WhenAll(clients);
    }

    /// <summary>After healing: every key is read once through each data centre, so that a lost write shows.</summary>
    public async Task FinalReadsAsync()
    {
        var readers = dataCenters.Select((dc, i) => (Work: new KvWork(world.Kv(10_000 + i, dc), _log, NextOp, $"final-{dc}"), Dc: dc, Client: 10_000 + i)).ToArray();
        for (var key = 0; key < spec.Keys; key++)
        {
            foreach (var (work, dc, client) in readers) await work.DoAsync(OpKind.KvGet, $"k{key}", client, dc, world);
        }
    }

    private long NextOp() => Interlocked.Increment(ref _nextOp);

    private async Task ClientAsync(int client, string dataCenter, Dice mine, long untilUs, CancellationToken cancel)
    {
        var kv = new KvWork(world.Kv(client, dataCenter), _log, NextOp, $"c{client}-{mine.Next(1_000_000)}");
        await using var sql = world.Sql(client, dataCenter);
        while (world.Events.NowUs < untilUs && !cancel.IsCancellationRequested)
        {
            var kind = _draws[mine.Next(_draws.Length)];
            if (kind == OpKind.SqlInsert) await InsertAsync(client, dataCenter, sql);
            else await kv.DoAsync(kind, $"k{mine.Next(spec.Keys)}", client, dataCenter, world);
            await Task.Delay(TimeSpan.FromTicks((spec.Pause.Ticks / 2) + mine.Next((int)Math.Max(1, spec.Pause.Ticks))), world.Time, CancellationToken.None);
        }
    }

    private async Task InsertAsync(int client, string dataCenter, ISqlClient sql)
    {
        var id = NextOp();
        var key = $"w{id:D6}";
        var called = world.Events.NowUs;
        var pending = new Op
        {
            Id = id, Client = client, DataCenter = dataCenter, Kind = OpKind.SqlInsert, Key = key,
            Outcome = OpOutcome.Unknown, CalledUs = called, ReturnedUs = long.MaxValue,
        };
        _log.Begin(pending);
        var answer = await sql.InsertAsync(key);
        _log.End(pending with
        {
            Outcome = answer.Outcome, ReturnedUs = world.Events.NowUs, Value = answer.Server, By = answer.Server, Error = answer.Error,
        });
    }
}
