using Verify.Checks.Linearizability;

namespace Verify.Checks.Tests.Linearizability;

/// <summary>Histories that are linearizable by construction: every call takes effect at one moment inside its interval.</summary>
internal static class RandomHistory
{
    /// <param name="values">How many different values are written; 0: every write has a new one.</param>
    /// <param name="unknownPerMille">How many calls nobody answers. Half of them take effect.</param>
    public static List<TimedCall<RegisterCall>> OfRegister(int seed, int calls, int clients, int values, int unknownPerMille = 0)
    {
        var dice = new Random(seed);
        var moments = new List<(long EffectUs, long CalledUs, long ReturnedUs, int Id)>();
        var freeAt = new long[clients];
        for (var id = 0; id < calls; id++)
        {
            var client = id % clients;
            var called = freeAt[client] + dice.Next(1, 50);
            var returned = called + dice.Next(10, 300);
            freeAt[client] = returned;
            moments.Add((called + dice.NextInt64(0, returned - called + 1), called, returned, id));
        }

        var state = RegisterModel.Absent;
        var history = new List<TimedCall<RegisterCall>>();
        foreach (var (_, called, returned, id) in moments.OrderBy(m => m.EffectUs).ThenBy(m => m.Id))
        {
            var value = values == 0 ? id + 1 : dice.Next(1, values + 1);
            var expected = dice.Next(2) == 0 ? state : dice.Next(1, Math.Max(2, values + 1));
            var isUnknown = dice.Next(1000) < unknownPerMille;
            var call = dice.Next(3) switch
            {
                0 => new RegisterCall(RegisterCallKind.Read, state),
                1 => new RegisterCall(RegisterCallKind.Write, value),
                _ when expected == state || isUnknown => new RegisterCall(RegisterCallKind.Cas, value, expected),
                _ => new RegisterCall(RegisterCallKind.CasRefused, RegisterModel.Absent, expected),
            };
            var takesEffect = !isUnknown || dice.Next(2) == 0;
            if (takesEffect && new RegisterModel().TryStep(state, call, out var next))
            {
                state = next;
            }

            history.Add(new(call, called, returned, isUnknown, id));
        }

        return history.OrderBy(c => c.CalledUs).ThenBy(c => c.Id).ToList();
    }
}
