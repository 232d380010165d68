using System.Runtime.CompilerServices;
using Verify.Sim.Tracing;

namespace Verify.Sim.Scheduling;

/// <summary>What an event wakes.</summary>
internal interface IEventTarget
{
    void Happen(int argument);
}

/// <summary>The one queue of everything that will happen, by virtual time in microseconds. One thread, one event at a time,
/// each to its end. Events that are due together are a choice of the <see cref="IActorScheduler"/>.</summary>
internal sealed class SimScheduler(IActorScheduler strategy, Trace trace, long windowMicros, long stepsMax)
{
    private readonly EventHeap _heap = new();
    private readonly List<SimActor> _actors = [];
    private EventSlot[] _slots = new EventSlot[256];
    private int _slotsUsed;
    private int _freeSlot = -1;
    private SimActor[] _ready = new SimActor[8];
    private Candidate[] _candidates = new Candidate[8];
    private string[] _candidateNames = new string[8];
    private long _watchedStep = long.MaxValue;
    private Action? _watcher;
    private int _readyCount;
    private long _horizon = -1;
    private long _numbers;
    private int _thread = Environment.CurrentManagedThreadId;
    private Exception? _failure;

    private enum SlotKind : byte { Free, Action, Target, Timer }

    private struct EventSlot
    {
        public object? Target;
        public object? State;
        public long Due;
        public long Cause;
        public long Number;
        public int Actor;
        public int Life;
        public int Label;
        public int Argument;
        public SlotKind Kind;
    }

    /// <summary>Virtual microseconds since the world began.</summary>
    public long Now { get; private set; }

    /// <summary>Events that have happened.</summary>
    public long Steps { get; private set; }
    public Trace Trace { get; } = trace;

    /// <summary>Whose event is happening.</summary>
    public SimActor? Current { get; private set; }

    /// <summary>The name of the event that is happening, and of what the next choice is about (-1: of the event itself).</summary>
    public int CurrentLabel { get; private set; } = -1;
    public int ChoiceAbout { get; set; } = -1;

    /// <summary>What is asked for now was asked for by this step; 0: from outside.</summary>
    public long CauseNow => Current is null ? 0 : Steps;

    /// <summary>Names, notes or makes the choices of this world; null: nobody wants the names.</summary>
    public INamedChoices? Named { get; init; }
    public IReadOnlyList<SimActor> Actors => _actors;

    /// <summary>The first failure of this world. It stays, whoever swallowed the exception.</summary>
    public Exception? Failure => _failure;

    public SimActor AddActor(string name)
    {
        var actor = new SimActor(_actors.Count, name);
        _actors.Add(actor);
        if (_ready.Length < _actors.Count)
        {
            Array.Resize(ref _ready, _actors.Count * 2);
            Array.Resize(ref _candidates, _actors.Count * 2);
            Array.Resize(ref _candidateNames, _actors.Count * 2);
        }

        return actor;
    }

    /// <summary>Remembers the first failure; <see cref="SimWorld.Run"/> throws it.</summary>
    public void Fail(Exception failure) => _failure ??= failure;

    /// <summary>Calls this just before the event of that number happens.</summary>
    public void Watch(long step, Action watcher) => (_watchedStep, _watcher) = (step, watcher);

    /// <summary>The world belongs to the calling thread from here on.</summary>
    public void BindToThread() => _thread = Environment.CurrentManagedThreadId;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void CheckThread()
    {
        if (Environment.CurrentManagedThreadId != _thread) ThrowForeign();
    }

    public void Post(SimActor actor, int life, int label, long due, IEventTarget target, int argument) =>
        Add(actor, life, label, due, target, state: null, argument, SlotKind.Target);

    public void Post(SimActor actor, int life, int label, Action<object?> action, object? state) =>
        Add(actor, life, label, Now, action, state, 0, SlotKind.Action);

    public void Post(SimActor actor, int life, int label, long due, SimTimer timer, int version) =>
        Add(actor, life, label, due, timer, state: null, version, SlotKind.Timer);

    /// <summary>Ends the actor's life: nothing that waits for it will happen.</summary>
    public void EndLife(SimActor actor)
    {
        CheckThread();
        actor.Life++;
        while (actor.Waiting > 0) Free(actor.Dequeue());
        RemoveReady(actor);
    }

    public void Pause(SimActor actor)
    {
        CheckThread();
        actor.IsPaused = true;
        RemoveReady(actor);
    }

    public void Resume(SimActor actor)
    {
        CheckThread();
        if (!actor.IsPaused) return;
        actor.IsPaused = false;
        if (actor.Waiting > 0) AddReady(actor);
    }

    /// <summary>Lets every armed timer of the actor compute its due time again, after its clock's rate changed.</summary>
    public void RateChanged(SimActor actor)
    {
        var timers = new List<SimTimer>();
        for (var i = 0; i < _slotsUsed; i++)
        {
            ref var slot = ref _slots[i];
            if (slot.Kind == SlotKind.Timer && slot.Actor == actor.Id && slot.Life == actor.Life) timers.Add((SimTimer)slot.Target!);
        }

        foreach (var timer in timers) timer.RateChanged();
    }

    /// <summary>Armed timers and other events that wait for the actor, for the message about a deadlock.</summary>
    public (int Timers, int Others) PendingOf(SimActor actor)
    {
        var (timers, others) = (0, 0);
        for (var i = 0; i < _slotsUsed; i++)
        {
            ref var slot = ref _slots[i];
            if (slot.Kind == SlotKind.Free || slot.Actor != actor.Id || slot.Life != actor.Life) continue;
            if (slot.Kind != SlotKind.Timer) others++;
            else if (((SimTimer)slot.Target!).IsArmedBy(slot.Argument)) timers++;
        }

        return (timers, others);
    }

    /// <summary>Nothing is left that could happen.</summary>
    public bool IsIdle => _readyCount == 0 && _heap.Count == 0;

    /// <summary>Lets one event happen. False when there is none up to that time.</summary>
    public bool Step(long notAfter)
    {
        while (true)
        {
            if (_readyCount == 0 && !Promote(notAfter)) return false;
            var index = _readyCount == 1 ? 0 : Choose();
            var actor = _ready[index];
            var slotIndex = actor.Dequeue();
            if (actor.Waiting == 0) RemoveReadyAt(index);
            ref var slot = ref _slots[slotIndex];
            var (target, state, argument, label, due, kind, cause) = (slot.Target, slot.State, slot.Argument, slot.Label, slot.Due, slot.Kind, slot.Cause);
            Free(slotIndex);
            if (kind == SlotKind.Timer)
            {
                var timer = (SimTimer)target!;
                if (!timer.Fires(argument, due)) continue;
                cause = timer.Cause;
            }


            if (due > Now) Now = due;
            if (Steps + 1 == _watchedStep) _watcher!();
            if (++Steps > stepsMax) throw new StepLimitException(stepsMax, Trace.Tail(20));
            Trace.Event(Now, actor, label, cause);
            Current = actor;
            CurrentLabel = label;
            try
            {
                if (kind == SlotKind.Action) Unsafe.As<Action<object?>>(target!)(state);
                else Unsafe.As<IEventTarget>(target!).Happen(argument);
            }
            catch (Hosts.SimHaltedException)
            {
                // The host asked for its own end; whatever called Halt has been unwound, and its life is over already.
            }
            catch (Exception e)
            {
                Fail(new EventFailedException(actor.Name, Trace.Labels.TextOf(label), Now, e));
            }

            Current = null;
            return true;
        }
    }

    private void Add(SimActor actor, int life, int label, long due, object target, object? state, int argument, SlotKind kind)
    {
        CheckThread();
        if (life != actor.Life) return;
        var index = _freeSlot;
        if (index >= 0) _freeSlot = _slots[index].Argument;
        else
        {
            if (_slotsUsed == _slots.Length) Array.Resize(ref _slots, _slotsUsed * 2);
            index = _slotsUsed++;
        }

        ref var slot = ref _slots[index];
        slot.Target = target;
        slot.State = state;
        slot.Due = due;
        slot.Cause = CauseNow;
        slot.Number = ++_numbers;
        slot.Actor = actor.Id;
        slot.Life = life;
        slot.Label = label;
        slot.Argument = argument;
        slot.Kind = kind;
        if (due <= _horizon || due <= Now) MakeReady(actor, index);
        else _heap.Push(due, index);
    }

    /// <summary>Takes the next moment (and the window after it) out of the heap, in order. Events of the dead, and timers that
    /// were stopped or put off, are left out.</summary>
    private bool Promote(long notAfter)
    {
        while (_readyCount == 0)
        {
            if (_heap.Count == 0 || _heap.NextDue > notAfter) return false;
            _horizon = _heap.NextDue + windowMicros;
            while (_heap.Count > 0 && _heap.NextDue <= _horizon)
            {
                var index = _heap.Pop();
                ref var slot = ref _slots[index];
                var actor = _actors[slot.Actor];
                if (slot.Life != actor.Life)
                {
                    Free(index);
                    continue;
                }

                if (slot.Kind == SlotKind.Timer)
                {
                    var (timer, version, due) = ((SimTimer)slot.Target!, slot.Argument, slot.Due);
                    if (!timer.Fires(version, due))
                    {
                        Free(index);
                        continue;
                    }
                }

                MakeReady(actor, index);
            }
        }

        return true;
    }

    private int Choose()
    {
        for (var i = 0; i < _readyCount; i++)
        {
            ref var first = ref _slots[_ready[i].First];
            _candidates[i] = new Candidate(_ready[i].Id, Trace.Labels.NumberOf(first.Label), StateHash: 0, first.Number);
        }

        var picked = Named is null ? strategy.Pick(_candidates.AsSpan(0, _readyCount)) : PickByName();
        if ((uint)picked < (uint)_readyCount) return picked;
        throw new InvalidOperationException($"{strategy.GetType().Name} picked {picked} of {_readyCount} actors");
    }

    private int PickByName()
    {
        for (var i = 0; i < _readyCount; i++) _candidateNames[i] = _ready[i].Name;
        return Named!.Pick(new(Steps + 1, Now, "", "", Trace), _candidateNames.AsSpan(0, _readyCount), _candidates.AsSpan(0, _readyCount), strategy);
    }

    private void MakeReady(SimActor actor, int slot)
    {
        actor.Enqueue(slot);
        if (actor.Waiting == 1 && !actor.IsPaused) AddReady(actor);
    }

    private void AddReady(SimActor actor)
    {
        var at = _readyCount++;
        for (; at > 0 && _ready[at - 1].Id > actor.Id; at--) _ready[at] = _ready[at - 1];
        _ready[at] = actor;
    }

    private void RemoveReady(SimActor actor)
    {
        for (var i = 0; i < _readyCount; i++)
        {
            if (_ready[i] != actor) continue;
            RemoveReadyAt(i);
            return;
        }
    }

    private void RemoveReadyAt(int index)
    {
        _readyCount--;
        for (; index < _readyCount; index++) _ready[index] = _ready[index + 1];
    }

    private void Free(int index)
    {
        ref var slot = ref _slots[index];
        slot.Target = null;
        slot.State = null;
        slot.Kind = SlotKind.Free;
        slot.Argument = _freeSlot;
        _freeSlot = index;
    }

    private void ThrowForeign()
    {
        var failure = new ForeignThreadException(Current?.Name, _thread, Environment.CurrentManagedThreadId);
        Interlocked.CompareExchange(ref _failure, failure, null);
        throw failure;
    }
}
