using System.Collections.Immutable;
using System.Globalization;
using Verify.Checks;
using Verify.Checks.Linearizability;
using Verify.Node.Api;
using Verify.Node.Seam;
using Verify.Node.State.Catalogue;
using Verify.Sim.Hosts;

namespace Verify.Chaos.Swarms;

/// <summary>Registers instances with a number that is used once, with and without comparing, deregisters one or all, queries and picks. A service is one object
/// to the judge; its instances are what a <see cref="StoreModel"/> calls keys, and 0 is "not registered".</summary>
internal sealed class ServiceClient(KvAsker asker, CatalogueHistory history, Dice dice)
{
    public const int Instances = 3;
    private const string Value = "number";
    private static readonly ImmutableArray<string> Services = ["api", "web"];

    /// <summary>What was read last of a service: number and modify_index of each instance.</summary>
    private readonly SortedDictionary<string, (int Number, long Index)[]> _seen = new(StringComparer.Ordinal);

    public async Task WorkAsync(Func<bool> goes)
    {
        while (goes())
        {
            var service = Services[dice.Next(Services.Length)];
            await (dice.Next(10) switch
            {
                < 3 => ReadAsync(service),
                < 5 => PickAsync(service),
                < 8 => RegisterAsync(service),
                8 => DeregisterAsync(service),
                _ => DeregisterAllAsync(service),
            });
            await asker.PauseAsync(1 + dice.Next(80));
        }
    }

    public async Task ReadAllAsync()
    {
        foreach (var service in Services) await ReadAsync(service);
    }

    private async Task ReadAsync(string service)
    {
        var at = Begin(service, out var called);
        if (await asker.AskAsync(new ApiRequest.QueryServices(new() { Name = service }, Freshness()), isRead: true) is not ApiReply.Services found) return;
        var seen = new (int Number, long Index)[Instances];
        foreach (var instance in found.Instances) seen[PlaceOf(instance)] = (NumberOf(instance), instance.ModifyIndex);
        _seen[service] = seen;
        End(service, at, called, Read([.. seen.Select((one, place) => new StoreCell(place, one.Number))]), isKnown: true);
    }

    private async Task PickAsync(string service)
    {
        var at = Begin(service, out var called);
        var strategy = dice.Next(3) switch { 0 => PickStrategy.Random, 1 => PickStrategy.LeastConnections, _ => PickStrategy.RoundRobin };
        if (await asker.AskAsync(new ApiRequest.PickService(new() { Name = service }, strategy, Freshness()), isRead: true) is not ApiReply.Services picked) return;
        End(service, at, called, Read(picked.Instances is [var one] ? [new(PlaceOf(one), NumberOf(one))] : Nothing), isKnown: true);
    }

    private Task RegisterAsync(string service)
    {
        var (place, number) = (dice.Next(Instances), history.NextValue++);
        var expected = dice.Chance(500) && _seen.TryGetValue(service, out var seen) ? seen[place] : ((int Number, long Index)?)null;
        var spec = new ServiceSpec
        {
            Id = $"{service}-{place}", Name = service, Node = "n1", Port = 8080, Address = "10.0.0.1",
            Meta = ImmutableSortedDictionary<string, string>.Empty.Add(Value, number.ToString(CultureInfo.InvariantCulture)),
        };
        return WriteAsync(service, new ApiRequest.RegisterService(spec, expected?.Index, asker.NextId()), Cell(place, expected?.Number), [new(place, number)]);
    }

    private Task DeregisterAsync(string service)
    {
        var place = dice.Next(Instances);
        var expected = dice.Chance(500) && _seen.TryGetValue(service, out var seen) && seen[place].Index > 0 ? seen[place] : ((int Number, long Index)?)null;
        return WriteAsync(service, new ApiRequest.DeregisterService(null, $"{service}-{place}", expected?.Index, asker.NextId()), Cell(place, expected?.Number), [new(place, 0)]);
    }

    private Task DeregisterAllAsync(string service) =>
        WriteAsync(service, new ApiRequest.DeregisterService(service, null, null, asker.NextId()), [], Nothing);

    /// <param name="expected">What the compare-and-set compares with; empty: it compares nothing.</param>
    private async Task WriteAsync(string service, ApiRequest request, ImmutableArray<StoreCell> expected, ImmutableArray<StoreCell> cells)
    {
        var at = Begin(service, out var called);
        var write = new StoreCall(StoreCallKind.Write, expected, cells);
        var reply = await asker.AskAsync(request, isRead: false);
        if (reply is not ApiReply.Done) _seen.Remove(service);
        switch (reply)
        {
            case ApiReply.Done:
                End(service, at, called, write, isKnown: true);
                break;
            // An index may also have moved because another node runs the checks now; what is sure is whether there was an instance.
            case ApiReply.CasConflict(0):
                End(service, at, called, Read([.. cells.Select(static cell => cell with { Value = 0 })]), isKnown: true);
                break;
            case ApiReply.CasConflict when expected is [{ Value: 0 }]:
                End(service, at, called, new(StoreCallKind.WriteRefused, expected, []), isKnown: true);
                break;
            case ApiReply.NotFound:
                End(service, at, called, Read(cells), isKnown: true); // There was nothing to deregister.
                break;
            case null:
                End(service, at, called, write, isKnown: false);
                break;
            default:
                break;
        }
    }

    private int Begin(string service, out long called)
    {
        called = asker.NowUs;
        if (!history.Calls.TryGetValue(service, out var calls)) history.Calls[service] = calls = [];
        calls.Add(null);
        return calls.Count - 1;
    }

    private void End(string service, int at, long called, StoreCall call, bool isKnown) =>
        history.Calls[service][at] = new(call, called, isKnown ? asker.NowUs : long.MaxValue, IsOptional: !isKnown, at);

    private ReadConsistency Freshness() => dice.Chance(300) ? ReadConsistency.Lease : ReadConsistency.Consistent;

    private static ImmutableArray<StoreCell> Nothing => [.. Enumerable.Range(0, Instances).Select(place => new StoreCell(place, 0))];

    private static StoreCall Read(ImmutableArray<StoreCell> cells) => new(StoreCallKind.Read, [], cells);

    private static ImmutableArray<StoreCell> Cell(int place, int? number) => number is { } known ? [new(place, known)] : [];

    private static int PlaceOf(ServiceInstance instance) => instance.Id[^1] - '0';

    private static int NumberOf(ServiceInstance instance) => int.Parse(instance.Spec.Meta[Value], CultureInfo.InvariantCulture);
}

/// <summary>Registers instances with a lifetime under ids that are used once, renews some in time and forgets others, and looks at the passing ones, on any
/// node and as stale as that node likes.</summary>
internal sealed class ServiceLifeClient(KvAsker asker, ClusterWorld world, CatalogueHistory history, Dice dice, string name)
{
    private const string Check = "ttl";
    private const int AliveMax = 4;
    private readonly List<Life> _alive = [];
    private int _number;

    /// <param name="Beats">True: it is kept by heartbeats and removed without; false: by a TTL check, which turns critical without.</param>
    private sealed record Life(string Id, long TtlMs, bool Beats);

    public async Task WorkAsync(Func<bool> goes)
    {
        while (goes())
        {
            if (_alive.Count == 0 || (_alive.Count < AliveMax && dice.Chance(250))) await RegisterAsync(400 + dice.Next(3_000));
            else if (dice.Chance(450)) await RenewAsync(_alive[dice.Next(_alive.Count)]);
            else if (dice.Chance(80)) await DeregisterAsync(_alive[dice.Next(_alive.Count)]);
            else await LookAsync(world.Names[dice.Next(world.Names.Length)]);
            if (_alive.Count == AliveMax && dice.Chance(100)) _alive.RemoveAt(dice.Next(_alive.Count)); // Forgotten: it ends by itself.
            await asker.PauseAsync(1 + dice.Next(120));
        }
    }

    /// <summary>Registers one of each kind, renews it a few times, and says when both must be gone everywhere (microseconds).</summary>
    public async Task<long> RenewForTheLastTimeAsync(TimeSpan goneAfter)
    {
        _alive.Clear();
        foreach (var beats in (bool[])[true, false]) await RegisterAsync(1_500 + dice.Next(1_000), beats);
        for (var i = 0; i < 3; i++)
        {
            await asker.PauseAsync(500);
            foreach (var life in _alive) await RenewAsync(life);
            await LookEverywhereAsync();
        }

        foreach (var life in _alive) history.GoneBy[life.Id] = asker.NowUs + (long)(life.TtlMs * 1_030) + (long)goneAfter.TotalMicroseconds;
        return history.GoneBy.Count == 0 ? asker.NowUs : history.GoneBy.Values.Max();
    }

    public async Task LookEverywhereAsync()
    {
        if (await world.LeaderAsync() is not { } leader) return;
        foreach (var member in leader.Status.Membership.All) await LookAsync(member.Name);
    }

    private Task RegisterAsync(int ttlMs) => RegisterAsync(ttlMs, dice.Chance(500));

    private async Task RegisterAsync(int ttlMs, bool beats)
    {
        var life = new Life($"{name}-{_number++}", ttlMs, beats);
        var spec = new ServiceSpec
        {
            Id = life.Id, Name = name, Node = "n1", Port = 8080, TtlMs = beats ? ttlMs : 0,
            Checks = beats ? [] : [new() { Id = Check, Name = Check, Kind = CheckKind.Ttl, TtlMs = ttlMs, InitialStatus = CheckStatus.Passing, DeregisterAfterMs = dice.Chance(500) ? 500 : 0 }],
        };
        var called = asker.NowUs;
        if (await asker.AskAsync(new ApiRequest.RegisterService(spec, null, asker.NextId()), isRead: false) is not ApiReply.Done done) return;
        _alive.Add(life);
        Sure(life, done.ModifyIndex, called);
    }

    private async Task RenewAsync(Life life)
    {
        var called = asker.NowUs;
        ApiRequest renewal = life.Beats ? new ApiRequest.ServiceHeartbeat(null, life.Id, null) : new ApiRequest.ReportCheck(life.Id, Check, CheckStatus.Passing, "", null, 0);
        switch (await asker.AskAsync(renewal, isRead: true))
        {
            case ApiReply.Done done: Sure(life, done.ModifyIndex, called); break;
            case ApiReply.NotFound: _alive.Remove(life); break;
            default: break;
        }
    }

    private async Task DeregisterAsync(Life life)
    {
        // From now on it may be gone.
        var now = asker.NowUs;
        _alive.Remove(life);
        for (var i = 0; i < history.Renewals.Count; i++)
            if (history.Renewals[i].Instance == life.Id && history.Renewals[i].SureUntilUs > now) history.Renewals[i] = history.Renewals[i] with { SureUntilUs = now };
        if (await asker.AskAsync(new ApiRequest.DeregisterService(null, life.Id, null, asker.NextId()), isRead: false) is ApiReply.Done done) history.Ends.Add(new(life.Id, done.ModifyIndex));
    }

    private async Task LookAsync(string node)
    {
        var freshness = dice.Next(4) switch { 0 => ReadConsistency.Consistent, 1 => ReadConsistency.Lease, _ => ReadConsistency.Stale };
        var (host, called, watched) = (world.Sim.Host(node), asker.NowUs, _alive.Select(life => life.Id).Concat(history.Ends.Select(end => end.Instance)).Distinct(StringComparer.Ordinal).ToArray());
        if (host.RunningNode() is null) return;
        if (await world.AskAsync(host, new ApiRequest.QueryServices(new() { Name = name, AtWorst = CheckStatus.Passing }, freshness)) is not ApiReply.Services found) return;
        history.Operations++;
        foreach (var id in watched)
        {
            if (id.StartsWith($"{name}-", StringComparison.Ordinal))
                history.Looks.Add(new(node, id, found.Instances.Any(instance => instance.Id == id), found.AppliedIndex, called, asker.NowUs));
        }
    }

    private void Sure(Life life, long index, long calledUs) => history.Renewals.Add(new(life.Id, index, calledUs + (life.TtlMs * 1_000)));
}
