using System.Collections.Immutable;
using System.Diagnostics;
using Verify.Node.Api;
using Verify.Node.Codec;
using Verify.Node.State.Catalogue;
using Verify.Node.State.Cluster;
using Verify.Node.State.Fencing;
using Verify.Node.State.Fleet;
using Verify.Node.State.Kv;
using Verify.Node.State.Ledger;
using Verify.Node.State.Locks;
using Verify.Node.State.Throttle;
using Verify.Node.State.Time;
using Verify.Raft;

namespace Verify.Node.State;

/// <summary>The root of everything that is the same on every node: a function of the log, entry by entry. No clock, no dice, no
/// input but the command and its place in the log.</summary>
public sealed class ReplicatedState(int sessionsMax, int recoveriesKeptMax = 100)
{
    private LockStore? _locks;
    private IExpires[]? _expiring;

    public KvStore Kv { get; private set; } = new();
    public LockStore Locks => _locks ??= new(Kv);
    public Sessions Sessions { get; private set; } = new(sessionsMax);
    public HaState Ha { get; private set; } = new(recoveriesKeptMax);
    public ClusterState Cluster { get; private set; } = new();
    public ReplicatedTime Time { get; private set; } = new();
    public Policy.PolicyState Policy { get; private set; } = new();
    public CatalogueState Catalogue { get; private set; } = new();
    public Access.AccessState Access { get; private set; } = new();
    public ThrottleState Throttle { get; private set; } = new();
    public FleetState Fleet { get; private set; } = new();
    public FencingState Fencing { get; private set; } = new();

    /// <summary>The last entry that was applied, barriers included.</summary>
    public EntryId Applied { get; private set; }

    /// <summary>Takes the next entry. Null for an entry that is no command.</summary>
    /// <exception cref="InvariantBrokenException">Entries must come in order.</exception>
    public CommandResult? Apply(EntryId id, Command? command)
    {
        Invariant.Holds(id.Index == Applied.Index.Next && id.Term >= Applied.Term, $"entries are applied in order ({Applied}, then {id})");
        Applied = id;
        if (command?.StampOf is { } stamp) Pass(stamp, id.Index.Value);
        var result = Apply(id, command, Time.NowMs);

        // Whoever else writes these keys, by whatever command, has written nothing at the end of the same entry.
        if (Fencing.IsPublishing && (MayChangePrimaries(command) || Kv.HasTouched(PublishedPrimaries.Prefix))) PublishedPrimaries.Update(Kv, Ha, id.Index.Value);
        Kv.Publish(id.Index.Value);
        return result;
    }

    /// <summary>A renewal, which comes several times a second, does not.</summary>
    private static bool MayChangePrimaries(Command? command) => command is Command.Fleet or Command.Fencing(FencingCommand.BeginPublishing)
        || (command is Command.Ha(var inner) && inner is not HaCommand.RenewLease);

    private CommandResult? Apply(EntryId id, Command? command, long nowMs)
    {
        return command switch
        {
            null => null,
            Command.Ha(var inner) => Ha.Apply(inner, new(id.Index.Value, id.Term.Value)),
            Command.KvPut put => Once(put.Id, id.Index.Value, () => Kv.Put(put, id.Index.Value)),
            Command.KvDelete delete => Once(delete.Id, id.Index.Value, () => Kv.Delete(delete, id.Index.Value)),
            Command.KvBatch batch => Once(batch.Id, id.Index.Value, () => Kv.Write(batch.Writes, id.Index.Value)),
            Command.Cluster(var inner) => Cluster.Apply(inner, new(id.Index.Value, id.Term.Value)),
            Command.Access(var inner) => Access.Apply(inner, id.Index.Value),
            Command.Catalogue catalogue => Once(catalogue.Id, id.Index.Value, () => Catalogue.Apply(catalogue.Inner, Time.NowMs, id.Index.Value)),
            Command.KvDo(var ops, var request, _) => Once(request, id.Index.Value, () => new CommandResult.Kv(
                new KvTransaction(Kv, Locks, id.Index.Value, nowMs).Do(ops, withAnswers: request is null || ops.Length == 1))),
            Command.Session(var inner, _) => Locks.Apply(inner, id.Index.Value, nowMs),
            Command.TimePasses => new CommandResult.Done(id.Index.Value),
            Command.Fencing(var inner) => Fencing.Apply(inner, new(id.Index.Value, id.Term.Value)),
            Command.Policy(var inner) => Policy.Apply(inner, new(id.Index.Value, id.Term.Value)),
            Command.KeepSessions(var terms) => Sessions.Keep(terms, id.Index.Value),
            Command.Throttle(var inner, _) => Throttle.Apply(inner, Time.NowMs, id.Index.Value),
            Command.Fleet(var inner) => Apply(inner, new(id.Index.Value, id.Term.Value)),
            _ => throw new UnreachableException(),
        };
    }

    /// <summary>All parts, in the order in which they stand in a snapshot. A part that is not in this list is lost at a restart.</summary>
    private ImmutableArray<IStateSection> Sections => [Kv, Sessions, Ha, Cluster, Throttle, Time, Fleet, Locks, Catalogue, Policy, Access, Fencing, Sessions.Ages];

    /// <summary>The parts that the release before this one writes too. Any other is written only when it holds something, so that a
    /// group that does not use it can still be read by its neighbour.</summary>
    private static bool IsOfFormat1(SectionKind kind) => kind <= SectionKind.Cluster;

    /// <summary>It holds what programs that speak only version 2 of the protocol between nodes can read neither from the log nor from a snapshot.</summary>
    internal bool NeedsVersion3 => Sections.Any(static section =>
        IsOfFormat1(section.Kind) ? section.Version > 1 : section.Freeze().Records > 0);

    private IEnumerable<FrozenSection> FrozenSections => Sections.Select(static section => section.Freeze()).Where(static frozen => IsOfFormat1(frozen.Kind) || frozen.Records > 0);

    /// <summary>When the next thing in here ends by itself, by the group's time; null while nothing does.</summary>
    internal long? NextDeadlineMs
    {
        get
        {
            var first = First(leftOut: null);
#if VERIFY_MUTANTS
            var others = First(leftOut: Catalogue);
            if (Raft.Mutant.Is("M72", deviates: first != others)) return others;
#endif
            return first;
        }
    }

    /// <summary>The sections with deadlines, sought once for each set of sections: a leader asks them with every tick.</summary>
    private IExpires[] Expiring => _expiring ??= [.. Sections.OfType<IExpires>()];

    private long? First(IExpires? leftOut)
    {
        long? first = null;
        foreach (var part in Expiring)
            if (part != leftOut && part.NextDeadlineMs is { } deadline && !(first <= deadline)) first = deadline;
        return first;
    }

    private void Pass(TimeStamp stamp, long index)
    {
        Time.Advance(stamp);
        Sessions.Ages.TimeIs(Time.NowMs);
        foreach (var part in Expiring)
            if (part.NextDeadlineMs <= Time.NowMs) part.Expire(Time.NowMs, index);
    }

    /// <summary>One number for everything in here: equal on two nodes that applied the same entries.</summary>
    public ulong StateHash()
    {
        var bytes = new WireWriter();
        bytes.Number(Applied.Term.Value);
        bytes.Number(Applied.Index.Value);
        var hash = Fnv1A.Of(bytes.Written.Span);
        foreach (var section in FrozenSections)
        {
            bytes.Clear();
            bytes.Byte((byte)section.Kind);
            foreach (var _ in section.WriteEach(bytes))
            {
                hash = Fnv1A.Of(bytes.Written.Span, hash);
                bytes.Clear();
            }
        }

        return hash;
    }

    /// <summary>The state as it is now, to be written while it goes on. On the loop; takes microseconds, however much there is.</summary>
    internal StateImage Freeze() => new(Applied, [.. FrozenSections]);

    /// <summary>Takes over everything from a state that was restored from a snapshot, which is not to be used after that.</summary>
    internal void Become(ReplicatedState restored)
    {
        Invariant.Holds(restored.Applied.Index >= Applied.Index, $"an installed snapshot is not older than the state (at {Applied}, snapshot {restored.Applied})");
        (Kv, Sessions, Ha, Cluster) = (restored.Kv, restored.Sessions, restored.Ha, restored.Cluster);
        Policy = restored.Policy;
        (Catalogue, Access) = (restored.Catalogue, restored.Access);
        (Time, Throttle, _locks, Applied) = (restored.Time, restored.Throttle, restored.Locks, restored.Applied);
        restored.Fleet.Follows(Fleet);
        Fleet = restored.Fleet;
        Fencing = restored.Fencing;
        _expiring = null;
    }

    internal IStateSection? SectionOf(SectionKind kind)
    {
        foreach (var section in Sections)
            if (section.Kind == kind) return section;
        return null;
    }

    /// <summary>For the reader of a snapshot.</summary>
    internal void StandAt(EntryId last)
    {
        Applied = last;
        Kv.Changes.BeginAt(last.Index.Value);
    }

    /// <summary>A cluster that is no longer looked after has no agreed primary and no token: when it is taken up again, it begins anew.</summary>
    private CommandResult Apply(FleetCommand command, ApplyContext context)
    {
        var released = command switch
        {
            FleetCommand.ForgetCluster(var cluster) => cluster,
            FleetCommand.Manage(var cluster, IsManaged: false) => cluster,
            _ => null,
        };
        if (released is not null && Ha.OpenRecovery(released) is { } open) return new CommandResult.Rejected($"recovery {open.Id} of {released} is open");
        var result = Fleet.Apply(command, context, Ha.Primary);
        if (released is not null && result is CommandResult.Done) Ha.Release(released);
        return result;
    }

    private CommandResult Once(RequestId? id, long index, Func<CommandResult> apply)
    {
        if (id is not { } request) return apply();
        if ((Sessions.AnsweredBefore(request) ?? Sessions.MakeRoom(request.Session, Time.NowMs)) is { } answer) return answer;
        var result = apply();
        Sessions.Remember(request, result, index);
        return result;
    }
}
