using Verify.Checks.Linearizability;

namespace Verify.Checks.Tests.Linearizability;

/// <summary>Tries every order and every choice of the optional calls: slow, and too simple to be wrong.</summary>
internal static class EveryOrder
{
    public static bool HasLegalOne<TState, TCall>(IModel<TState, TCall> model, IReadOnlyList<TimedCall<TCall>> calls)
        where TState : notnull
    {
        bool From(int placed, TState state)
        {
            if (calls.Select((c, i) => c.IsOptional || (placed >> i & 1) != 0).All(isDone => isDone))
            {
                return true;
            }

            for (var i = 0; i < calls.Count; i++)
            {
                var isFree = (placed >> i & 1) == 0
                    && !calls.Where((c, j) => (placed >> j & 1) == 0 && !c.IsOptional && c.ReturnedUs < calls[i].CalledUs).Any();
                if (isFree && model.TryStep(state, calls[i].Call, out var next) && From(placed | 1 << i, next))
                {
                    return true;
                }
            }

            return false;
        }

        return From(0, model.Initial);
    }
}
