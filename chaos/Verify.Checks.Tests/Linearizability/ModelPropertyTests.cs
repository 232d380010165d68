using FsCheck;
using FsCheck.Fluent;
using Verify.Checks.Linearizability;

namespace Verify.Checks.Tests.Linearizability;

/// <summary>For each model: what a real object answered is valid; an answer that was changed is judged as by trying every order; the
/// failing part fails by itself, and honestly.</summary>
[TestFixture]
internal sealed class ModelPropertyTests
{
    private static readonly string[] Words = ["a", "b", "ab", "c"];

    [FsCheck.NUnit.Property(MaxTest = 500)]
    public Property A_register() => Holds(new RegisterModel(), Register);

    [FsCheck.NUnit.Property(MaxTest = 700)]
    public Property A_key_with_append_and_delete() => Holds(new KvModel(), Kv);

    [FsCheck.NUnit.Property(MaxTest = 700)]
    public Property A_lock_with_fencing_token() => Holds(new LockModel(), Lock);

    [FsCheck.NUnit.Property(MaxTest = 700)]
    public Property A_counter_that_counts_a_request_once() => Holds(new SessionCounterModel(), Counter);

    [Test]
    public void Both_verdicts_occur_among_the_changed_histories_of_every_model()
    {
        Assert.That(InvalidShare(new RegisterModel(), Register), Is.InRange(0.1, 0.9));
        Assert.That(InvalidShare(new KvModel(), Kv), Is.InRange(0.1, 0.9));
        Assert.That(InvalidShare(new LockModel(), Lock), Is.InRange(0.1, 0.9));
        Assert.That(InvalidShare(new SessionCounterModel(), Counter), Is.InRange(0.1, 0.97));
    }

    private delegate TCall Drawn<in TState, out TCall>(Random dice, TState state, bool isTrue);

    private static Property Holds<TState, TCall>(IModel<TState, TCall> model, Drawn<TState, TCall> draw)
        where TState : notnull =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
        {
            var honest = History(seed, model, draw, wrong: 0);
            var changed = History(seed, model, draw, wrong: 1 + (seed % 2));
            var result = Judge(model, changed);
            return (Judge(model, honest).Verdict == Verdict.Valid).Label("what the object answered is valid")
                .And((result.Verdict == (EveryOrder.HasLegalOne(model, changed) ? Verdict.Valid : Verdict.Invalid)).Label("the search agrees with every order"))
                .And((result.Verdict == Verdict.Valid || IsSmallest(model, result)).Label("the failing part fails, and none of it can be left out"))
                .And(LeavingOutIsHonest(model, honest, seed).Label("what may be left out leaves a legal history legal"));
        });

    private static double InvalidShare<TState, TCall>(IModel<TState, TCall> model, Drawn<TState, TCall> draw)
        where TState : notnull =>
        Enumerable.Range(0, 300).Count(seed => Judge(model, History(seed, model, draw, wrong: 1)).Verdict == Verdict.Invalid) / 300.0;

    private static LinearizationResult<TCall> Judge<TState, TCall>(IModel<TState, TCall> model, IReadOnlyList<TimedCall<TCall>> calls)
        where TState : notnull => new PartitionedSearch<TState, TCall>(model, new SearchLimits { Parallelism = 1 }).Judge([new("p", calls)]);

    private static bool IsSmallest<TState, TCall>(IModel<TState, TCall> model, LinearizationResult<TCall> result)
        where TState : notnull
    {
        var calls = result.Smallest.Select(c => c.Call).ToArray();
        return result.IsSmallestMinimal && !EveryOrder.HasLegalOne(model, result.Smallest)
            && Enumerable.Range(0, calls.Length).All(i => !model.MayBeLeftOut(calls, i, 1)[0] || EveryOrder.HasLegalOne(model, result.Smallest.Where((_, j) => j != i).ToArray()));
    }

    private static bool LeavingOutIsHonest<TState, TCall>(IModel<TState, TCall> model, List<TimedCall<TCall>> calls, int seed)
        where TState : notnull
    {
        var dice = new Random(seed);
        var all = calls.Select(c => c.Call).ToArray();
        return Enumerable.Range(0, 4).All(_ =>
        {
            var from = dice.Next(all.Length);
            var count = 1 + dice.Next(all.Length - from);
            var goes = model.MayBeLeftOut(all, from, count);
            return EveryOrder.HasLegalOne(model, calls.Where((_, i) => i < from || i >= from + count || !goes[i - from]).ToArray());
        });
    }

    /// <summary>Up to seven calls of three clients; each takes effect at one moment of its interval. Some are not answered, and half of
    /// those never take effect; of the answered, so many are changed.</summary>
    private static List<TimedCall<TCall>> History<TState, TCall>(int seed, IModel<TState, TCall> model, Drawn<TState, TCall> draw, int wrong)
        where TState : notnull
    {
        var dice = new Random(seed);
        var count = 3 + dice.Next(5);
        var freeAt = new long[3];
        var moments = new List<(long EffectUs, int Id, long CalledUs, long ReturnedUs)>();
        for (var id = 0; id < count; id++)
        {
            var called = freeAt[id % 3] + dice.Next(1, 8);
            var returned = freeAt[id % 3] = called + dice.Next(1, 12);
            moments.Add((called + dice.NextInt64(0, returned - called + 1), id, called, returned));
        }

        var state = model.Initial;
        var calls = new List<TimedCall<TCall>>();
        foreach (var (_, id, called, returned) in moments.Order())
        {
            var isWrong = wrong > 0 && dice.Next(count - id) < wrong;
            wrong -= isWrong ? 1 : 0;
            var call = draw(dice, state, !isWrong);
            var isOpen = !isWrong && dice.Next(6) == 0;
            if (!(isOpen && dice.Next(2) == 0) && model.TryStep(state, call, out var next))
            {
                state = next;
            }

            calls.Add(new(call, called, isOpen ? long.MaxValue : returned, isOpen, id));
        }

        return calls.OrderBy(c => c.CalledUs).ThenBy(c => c.Id).ToList();
    }

    private static RegisterCall Register(Random dice, int state, bool isTrue)
    {
        var other = state == 0 ? 1 : 0;
        return dice.Next(4) switch
        {
            0 => new(RegisterCallKind.Read, isTrue ? state : other),
            1 => new(RegisterCallKind.Write, dice.Next(1, 4)),
            2 => new(RegisterCallKind.Cas, dice.Next(1, 4), isTrue ? state : other),
            _ => new(RegisterCallKind.CasRefused, 0, isTrue ? state + 1 : state),
        };
    }

    private static KvCall Kv(Random dice, KvState state, bool isTrue)
    {
        var seen = isTrue ? state.Text : dice.Next(2) == 0 ? state.Text + "x" : null;
        return dice.Next(7) switch
        {
            0 or 1 => new(KvCallKind.Get, seen),
            2 => new(KvCallKind.Put, Words[dice.Next(4)]),
            3 or 4 => new(KvCallKind.Append, Words[dice.Next(4)]),
            5 => new(KvCallKind.Delete, null),
            _ => isTrue && dice.Next(2) == 0 ? new(KvCallKind.CasRefused, null, state.Text + "y") : new(KvCallKind.Cas, Words[dice.Next(4)], seen),
        };
    }

    private static LockCall Lock(Random dice, LockState state, bool isTrue)
    {
        var client = $"c{dice.Next(2)}";
        var last = Math.Max(0, state.LastToken);
        switch (dice.Next(4))
        {
            case 0 when isTrue && state.Holder is not null:
                return new(LockCallKind.AcquireRefused, client);
            case 0:
                return new(LockCallKind.Acquire, client, isTrue ? last + 1 + dice.Next(2) : last);
            case 1:
                var mine = string.Equals(state.Holder, client, StringComparison.Ordinal);
                return new(mine == isTrue ? LockCallKind.Release : LockCallKind.ReleaseRefused, client, state.Token ?? last);
            case 2:
                return new(LockCallKind.Expire, client);
            default:
                var token = dice.NextInt64(0, last + 1);
                return new((token >= state.UsedToken) == isTrue ? LockCallKind.Use : LockCallKind.UseRefused, client, token);
        }
    }

    private static CounterCall Counter(Random dice, CounterState state, bool isTrue)
    {
        var session = $"s{dice.Next(2)}";
        var last = state.LastOf(session);
        var (off, delta) = (isTrue ? 0 : 1, dice.Next(1, 4));
        return (dice.Next(4), last) switch
        {
            (0, _) => new(CounterCallKind.Read, "", 0, 0, state.Value + off),
            (1, { } known) => new(CounterCallKind.Add, session, known.Number, delta, known.Answer + off),
            (2, { } known) when isTrue => new(CounterCallKind.AddRefused, session, known.Number - 1, delta, null),
            _ => new(CounterCallKind.Add, session, (last?.Number ?? 0) + 1, delta, state.Value + delta + off),
        };
    }
}
