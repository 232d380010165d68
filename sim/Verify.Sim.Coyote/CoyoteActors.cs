using Microsoft.Coyote.Runtime;
using Verify.Sim.Scheduling;

namespace Verify.Sim.Coyote;

/// <summary>Actor mode: every actor of the simulation has a controlled operation in Coyote's engine that waits for a permit. To pick, the enabled actors'
/// permits are held out and the caller pauses; Coyote schedules one of the operations, which takes its permit: that is the pick. So Coyote's
/// strategies work on actors, as they were made to, and its trace file holds the operations ("op(k)").</summary>
/// <remarks>One operation runs at a time, under Coyote's lock: the fields need none of their own. Without an engine attached (production, or a plain
/// test) there are no operations, and the first candidate goes.</remarks>
public sealed class CoyoteActors : IActorScheduler, IDisposable
{
    private const int Nobody = -1;
    private readonly SortedDictionary<int, Permit> _permits = [];
    private int _picked = Nobody;
    private bool _ended;

    private sealed class Permit
    {
        /// <summary>The place among the candidates; <see cref="Nobody"/>: not enabled.</summary>
        public int Offered { get; set; } = Nobody;
        public required ulong Operation { get; init; }
        public required Thread Thread { get; init; }
    }

    public int Pick(ReadOnlySpan<Candidate> enabled)
    {
        for (var i = 0; i < enabled.Length; i++)
        {
            if (PermitOf(enabled[i].Actor) is not { } permit) return 0;
            // Several candidates of one actor: the oldest is offered.
            if (permit.Offered == Nobody) permit.Offered = i;
        }

        _picked = Nobody;
        Operation.PauseUntil(() => _picked != Nobody);
        foreach (var permit in _permits.Values) permit.Offered = Nobody;
        return _picked;
    }

    /// <summary>Ends the operations: the engine counts one that still waits as a deadlock.</summary>
    public void Dispose()
    {
        _ended = true;
        foreach (var permit in _permits.Values)
        {
            Operation.PauseUntilCompleted(permit.Operation);
            permit.Thread.Join();
        }
    }

    private Permit? PermitOf(int actor)
    {
        if (_permits.TryGetValue(actor, out var permit)) return permit;
        if (Operation.CreateNext() is not { } operation) return null;
        var thread = new Thread(() => WaitForPermits(actor, operation)) { IsBackground = true, Name = $"coyote-actor-{actor}" };
        permit = new Permit { Operation = operation, Thread = thread };
        _permits.Add(actor, permit);
        thread.Start();
        return permit;
    }

    private void WaitForPermits(int actor, ulong operation)
    {
        Operation.Start(operation);
        while (!_ended)
        {
            Operation.PauseUntil(() => _ended || (_picked == Nobody && _permits[actor].Offered != Nobody));
            if (!_ended) _picked = _permits[actor].Offered;
        }

        Operation.Complete();
        Operation.ScheduleNext();
    }
}
