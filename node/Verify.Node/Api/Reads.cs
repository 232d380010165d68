using Verify.Node.Api.Catalogue;
using Verify.Node.State.Fencing;
using Verify.Raft;

namespace Verify.Node.Api;

/// <summary>Every read of the key-value store: consistent (a round to a quorum), under the leader's lease, or stale with its age; on the
/// leader and on followers. Lives on the loop.</summary>
internal sealed class Reads
{
    private static readonly TimeSpan FreshnessInterval = TimeSpan.FromMilliseconds(100);
    private readonly ApiParts _parts;
    private readonly PendingReads _pending;
    private readonly FollowerReads _followed;
    private readonly Freshness _freshness = new();
    private readonly Exports _exports;
    private readonly CatalogueDesk _catalogue;
    private readonly LeaderForwarding _forwarding;

    public Reads(ApiParts parts, LeaderForwarding forwarding, Action<Question> watchDeadline, CatalogueDesk catalogue)
    {
        (_parts, _pending, _exports, _catalogue, _forwarding) = (parts, new(parts), new(parts), catalogue, forwarding);
        _followed = new(parts, forwarding, watchDeadline) { Indexed = Indexed };
    }

    private LogIndex Applied => _parts.State.Applied.Index;

    /// <summary>How fresh a read wants to be; null when the request is no read of the store.</summary>
    public static ReadConsistency? ConsistencyOf(ApiRequest request) => request switch
    {
        ApiRequest.KvGet get => get.Consistency,
        ApiRequest.KvList list => list.Consistency,
        ApiRequest.KvGetMany many => many.Consistency,
        ApiRequest.SessionRead read => read.Consistency,
        ApiRequest.ExportState { Cursor: null } export => export.Consistency,
        ApiRequest.ExportState => ReadConsistency.Stale,
        ApiRequest.QueryServices query => query.Consistency,
        ApiRequest.PickService pick => pick.Consistency,
        _ => null,
    };

    public void Ask(Question question, ReadConsistency consistency)
    {
        var underLease = consistency == ReadConsistency.Lease;
        if (consistency == ReadConsistency.Stale)
        {
            _parts.Metrics.ReadPassed("stale");
            Answer(question, AgeNow());
        }
        else if (_parts.Raft.Role == RaftRole.Leader) Lead(question, underLease);
#if VERIFY_MUTANTS
        else if (question.Request is LeaderRequest.Client(ApiRequest.QueryServices or ApiRequest.PickService) && Mutant.Is("M73", deviates: true)) Answer(question, AgeNow());
#endif
        else if (question.WasForwarded) question.Answer(new ApiReply.NoLeader(_parts.RetryAfter));
        else _followed.Ask(question, underLease);
    }

    /// <summary>As leader: for a read here, or for a follower that wants to know the index.</summary>
    public void Lead(Question question, bool underLease)
    {
        if (underLease && _parts.Raft.TryLeaseRead(out var index))
        {
            _parts.Metrics.ReadPassed("lease");
            Pass(question, index);
        }
        else _pending.AskQuorum(question);
    }

    public void Granted(ReadGrant grant)
    {
        if (_pending.Granted(grant) is not { } question) return;
        _parts.Metrics.ReadPassed("round");
        Pass(question, grant.Index);
    }

    /// <summary>A read changes nothing, so "no leader here" is the whole truth.</summary>
    public void Refused(ReadTicket ticket) => _pending.Refused(ticket)?.Answer(new ApiReply.NoLeader(_parts.RetryAfter));

    /// <summary>The state is as new as this entry now.</summary>
    public void AppliedUpTo(LogIndex index)
    {
        _freshness.Applied(index);
        while (_pending.TakeReady(index) is { } ready) Answer(ready, TimeSpan.Zero);
    }

    public void Tick(TimeSpan now)
    {
        if (_parts.Raft.Role == RaftRole.Leader) AgeNow();
        else if (_parts.Raft.Leader is not null && now - _followed.LastAsked >= FreshnessInterval) _followed.AskForFreshness();
        _exports.Tick(now);
    }

    private void Indexed(IReadOnlyList<Question> reads, LogIndex index, TimeSpan askedAt)
    {
        _freshness.Confirmed(askedAt, index, Applied);
        foreach (var read in reads)
        {
            _parts.Metrics.ReadPassed("leader's index");
            Pass(read, index);
        }
    }

    private void Pass(Question question, LogIndex index)
    {
        if (question.Request is LeaderRequest.ReadIndex) question.Give(new LeaderReply.ReadIndex(index));
        else if (index > Applied && _parts.IsDiskFull()) AnswerWithoutSpace(question, index);
        else if (_pending.IsReady(question, index, Applied)) Answer(question, TimeSpan.Zero);
    }

    /// <summary>A node whose disk is full applies nothing new (only what is durable is applied), so waiting would be in vain: who leads may know it.</summary>
    private void AnswerWithoutSpace(Question question, LogIndex needed)
    {
        var leader = _parts.Raft.Leader == _parts.Config.Self ? null : _parts.Raft.Leader;
        if (question is { WasForwarded: false, Request: LeaderRequest.Client(ApiRequest.KvGet { Consistency: ReadConsistency.Consistent }) }
            && leader is { } other && _forwarding.TrySend(other, question)) return;
        question.Answer(new ApiReply.Overloaded(
            $"the disk of {_parts.Config.Self} is full, so its state stands at entry {Applied} and the group's at {needed}; make space, ask {leader?.Name ?? "another node"}, or read stale", _parts.RetryAfter));
    }

    private TimeSpan? AgeNow()
    {
        var now = _parts.Pulse.Now;
        if (_parts.Raft.TryLeaseRead(out var index) && index <= Applied) _freshness.NewAt(now);
        return _freshness.Age(now);
    }

    private void Answer(Question question, TimeSpan? age)
    {
        if (question.Request is not LeaderRequest.Client(var request)) return;
        var kv = _parts.State.Kv;
        var isStale = ConsistencyOf(request) == ReadConsistency.Stale;
        question.Answer(request switch
        {
            ApiRequest.KvGet(var key, _) => kv.Get(key) is { } pair
                ? new ApiReply.Value(isStale ? Shown(pair) : pair, Applied.Value) { Age = age }
                : new ApiReply.NotFound(Applied.Value) { Age = age },
            ApiRequest.KvList(var prefix, _) => new ApiReply.Values(isStale ? [.. kv.List(prefix).Select(Shown)] : kv.List(prefix), Applied.Value) { Age = age },
            ApiRequest.KvGetMany(var keys, _) => new ApiReply.Values([.. keys.Distinct(StringComparer.Ordinal).Select(kv.Get).OfType<KvPair>().Select(p => isStale ? Shown(p) : p)], Applied.Value) { Age = age },
            ApiRequest.SessionRead(var id, _) => new ApiReply.SessionList(
                id is null ? _parts.State.Locks.All() : _parts.State.Locks.Get(id) is { } session ? [session] : [], _parts.State.Time.NowMs, Applied.Value) { Age = age },
            ApiRequest.ExportState(var cursor, _) => _exports.Page(cursor),
            _ => _catalogue.Read(request, age),
        });
    }

    /// <summary>A node that is cut off does not know what the others have agreed on since. What it does know is whose lease has run out:
    /// whoever goes by its word must not be sent to the old primary (tarantool/cartridge#2342).</summary>
    private KvPair Shown(KvPair pair) =>
        PublishedPrimaries.ClusterOf(pair.Key) is { } cluster && !_parts.Ha.IsLeaseHeld(cluster) ? PublishedPrimaries.WithoutPrimary(pair) : pair;
}
