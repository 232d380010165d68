using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Verify.Checks;
using Verify.Checks.Linearizability;
using Verify.Node.Api;
using Verify.Node.Seam;
using Verify.Node.State.Kv;
using Verify.Node.State.Locks;

namespace Verify.Chaos.Swarms;

/// <summary>Writes several keys at once, with and without comparing, deletes by prefix, and reads all keys at one moment.</summary>
internal sealed class KvBatchClient(KvAsker asker, KvHistory history, Dice dice)
{
    public const int Keys = 4;
    private static readonly ImmutableArray<string> Names = [.. Enumerable.Range(0, Keys).Select(NameOf)];

    /// <summary>What was read last: the value and the modify_index of each key.</summary>
    private (int Value, long Index)[]? _seen;

    public async Task WorkAsync(Func<bool> goes)
    {
        while (goes())
        {
            switch (dice.Next(10))
            {
                case < 3: await ReadAsync(); break;
                case < 6: await WriteAsync(compares: false); break;
                case < 9 when _seen is not null: await WriteAsync(compares: true); break;
                default: await DeletePrefixAsync(); break;
            }

            await asker.PauseAsync(1 + dice.Next(80));
        }
    }

    public async Task ReadAsync()
    {
        var at = Begin(out var called);
        var reply = await asker.AskAsync(new ApiRequest.KvGetMany(Names, dice.Chance(300) ? ReadConsistency.Lease : ReadConsistency.Consistent), isRead: true);
        if (reply is not ApiReply.Values values) return;
        var pairs = values.Pairs.ToDictionary(pair => pair.Key, StringComparer.Ordinal);
        _seen = [.. Names.Select(name => pairs.TryGetValue(name, out var pair) ? (int.Parse(Encoding.UTF8.GetString(pair.Value.Span), CultureInfo.InvariantCulture), pair.ModifyIndex) : (0, 0L))];
        End(at, called, new(StoreCallKind.Read, [], [.. _seen.Select((seen, key) => new StoreCell(key, seen.Value))]), isKnown: true);
    }

    private Task WriteAsync(bool compares)
    {
        var first = dice.Next(Keys);
        var cells = Enumerable.Range(0, 1 + dice.Next(3)).Select(i => new StoreCell((first + i) % Keys, dice.Chance(200) ? 0 : history.NextValue++)).ToImmutableArray();
        var seen = compares ? _seen : null;
        return DoAsync(
            seen is null ? [] : [.. cells.Select(cell => new StoreCell(cell.Key, seen[cell.Key].Value))], cells,
            [.. cells.Select(cell => OpOf(cell, seen?[cell.Key].Index))]);
    }

    private Task DeletePrefixAsync()
    {
        var half = dice.Next(2);
        return DoAsync([], [new((half * 2) + 0, 0), new((half * 2) + 1, 0)], [new KvOp.DeletePrefix($"g{half}/")]);
    }

    private async Task DoAsync(ImmutableArray<StoreCell> expected, ImmutableArray<StoreCell> cells, ImmutableArray<KvOp> ops)
    {
        var at = Begin(out var called);
        var call = new StoreCall(StoreCallKind.Write, expected, cells);
        switch (await asker.DoAsync(ops))
        {
            case ApiReply.Kv(KvOutcome.Done):
                End(at, called, call, isKnown: true);
                break;
            case ApiReply.Kv(KvOutcome.Failed):
                End(at, called, call with { Kind = StoreCallKind.WriteRefused, Cells = [] }, isKnown: true);
                _seen = null;
                break;
            case null:
                End(at, called, call, isKnown: false);
                _seen = null;
                break;
            default:
                break;
        }
    }

    private int Begin(out long called)
    {
        called = asker.NowUs;
        history.Calls.Add(null);
        return history.Calls.Count - 1;
    }

    private void End(int at, long called, StoreCall call, bool isKnown) =>
        history.Calls[at] = new(call, called, isKnown ? asker.NowUs : long.MaxValue, IsOptional: !isKnown, at);

    private static KvOp OpOf(StoreCell cell, long? expected) => cell.Value == 0
        ? new KvOp.Delete(NameOf(cell.Key), expected) : new KvOp.Put(NameOf(cell.Key), Encoding.UTF8.GetBytes(cell.Value.ToString(CultureInfo.InvariantCulture)), 0, expected, null);

    private static string NameOf(int key) => $"g{key / 2}/{key % 2}";
}

/// <summary>Sets keys with a lifetime, touches some, and looks whether they are there.</summary>
internal sealed class KvLifeClient(KvAsker asker, KvHistory history, Dice dice)
{
    public static readonly TimeSpan TtlMax = TimeSpan.FromSeconds(4);
    private readonly List<(string Key, long TtlMs)> _alive = [];
    private int _number;

    public async Task WorkAsync(Func<bool> goes)
    {
        while (goes())
        {
            if (_alive.Count < 3 || dice.Chance(150)) await SetAsync();
            else if (dice.Chance(250)) await TouchAsync(_alive[dice.Next(_alive.Count)]);
            else await LookAsync(_alive[dice.Next(_alive.Count)].Key, forget: true);
            await asker.PauseAsync(1 + dice.Next(150));
        }
    }

    /// <summary>When all lifetimes are long over.</summary>
    public async Task LookAtAllAsync()
    {
        foreach (var key in history.GoneBy.Keys.ToArray()) history.GoneBy[key] = asker.NowUs - 1;
        foreach (var key in history.GoneBy.Keys.ToArray()) await LookAsync(key, forget: false);
    }

    private async Task SetAsync()
    {
        var (key, ttl, called) = ($"t/{_number++}", 300 + dice.Next((int)TtlMax.TotalMilliseconds - 300), asker.NowUs);
        var reply = await asker.DoAsync(new KvOp.Put(key, default, 0, null, ttl));
        history.GoneBy[key] = long.MaxValue;
        if (reply is not ApiReply.Kv(KvOutcome.Done)) return;
        _alive.Add((key, ttl));
        Sure(key, called, ttl);
    }

    private async Task TouchAsync((string Key, long TtlMs) one)
    {
        var called = asker.NowUs;
        if (await asker.DoAsync(new KvOp.Touch(one.Key, null)) is ApiReply.Kv(KvOutcome.Done)) Sure(one.Key, called, one.TtlMs);
    }

    private async Task LookAsync(string key, bool forget)
    {
        var called = asker.NowUs;
        var reply = await asker.AskAsync(new ApiRequest.KvGet(key, ReadConsistency.Consistent), isRead: true);
        if (reply is ApiReply.Value or ApiReply.NotFound) history.Looks.Add(new(key, reply is ApiReply.Value, called, asker.NowUs));
        if (reply is ApiReply.NotFound && forget) _alive.RemoveAll(one => one.Key == key);
    }

    private void Sure(string key, long calledUs, long ttlMs) => history.Spans.Add(new(key, asker.NowUs, calledUs + (ttlMs * 1_000)));
}

/// <summary>Begins sessions, takes a lock for a while, renews or forgets to, gives it back or leaves it to its end.</summary>
internal sealed class KvLockClient(KvAsker asker, KvHistory history, Dice dice, string name)
{
    private const string Lock = "lock";
    private int _number;

    public async Task WorkAsync(Func<bool> goes)
    {
        while (goes())
        {
            await OneSessionAsync(goes);
            await asker.PauseAsync(1 + dice.Next(200));
        }
    }

    private async Task OneSessionAsync(Func<bool> goes)
    {
        var (id, ttl, called) = ($"{name}-{_number++}", 400 + dice.Next(2_000), asker.NowUs);
        var create = new SessionCommand.Create(id, "", "", ttl, dice.Chance(300) ? SessionBehaviour.Delete : SessionBehaviour.Release, dice.Chance(300) ? dice.Next(300) : 0);
        if (await asker.AskAsync(new ApiRequest.SessionDo(create), isRead: false) is not ApiReply.Done) return;
        var sureUntil = called + (ttl * 1_000L);
        for (var tries = dice.Next(12); tries >= 0 && goes() && asker.NowUs < sureUntil; tries--)
        {
            var asked = asker.NowUs;
            if (await asker.DoAsync(new KvOp.Acquire(Lock, default, 0, id)) is ApiReply.Kv(KvOutcome.Done(_, [{ Pairs: [var pair] }])))
            {
                await HoldAsync(id, pair.LockToken, asked, sureUntil, ttl);
                return;
            }

            await asker.PauseAsync(20 + dice.Next(100));
            called = asker.NowUs;
            if (await RenewAsync(id)) sureUntil = called + (ttl * 1_000L);
        }
    }

    /// <summary>Believes in the lock as long as its session surely lives.</summary>
    private async Task HoldAsync(string session, long token, long askedUs, long sureUntilUs, long ttl)
    {
        var from = asker.NowUs;
        for (var renewals = dice.Next(4); renewals > 0 && asker.NowUs < sureUntilUs; renewals--)
        {
            await asker.PauseAsync(dice.Next((int)ttl));
            var called = asker.NowUs;
            if (called < sureUntilUs && await RenewAsync(session)) sureUntilUs = Math.Max(sureUntilUs, called + (ttl * 1_000));
        }

        var leaves = dice.Next(3);
        if (leaves == 0) await asker.PauseAsync((int)ttl);
        history.Grants.Add(new(Lock, session, token, askedUs, from, Math.Min(sureUntilUs, asker.NowUs)));
        if (leaves == 1) await asker.DoAsync(new KvOp.Release(Lock, default, 0, session));
        if (leaves == 2) await asker.AskAsync(new ApiRequest.SessionDo(new SessionCommand.Destroy(session)), isRead: false);
    }

    private async Task<bool> RenewAsync(string id) => await asker.AskAsync(new ApiRequest.SessionDo(new SessionCommand.Renew(id)), isRead: true) is ApiReply.Done;
}
