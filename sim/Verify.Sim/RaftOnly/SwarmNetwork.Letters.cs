using System.Collections.Immutable;
using Verify.Raft;

namespace Verify.Sim.RaftOnly;

/// <summary>How one fault of a message is undone in a schedule by letters: a deed goes, or comes, or both.</summary>
/// <param name="Remove">The number of the deed that goes; -1 for none.</param>
/// <param name="InsertAt">Before which deed the other comes.</param>
/// <param name="Insert">Null: none comes.</param>
public sealed record SwarmRepair(int Remove, int InsertAt, SwarmDeed? Insert);

/// <summary>Which message arrives is said by what is in it, so that it still arrives when other deeds were left out of the schedule. Nothing
/// is lost, doubled or late by chance: what the schedule does not hand over does not arrive. Counted as faults are a message that arrives
/// once more, one that arrives behind a later one of its link, and each run of messages that a link skips although nothing cut it.</summary>
internal sealed partial class SwarmNetwork
{
    private readonly List<Letter> _letters = [];
    private readonly List<SwarmRepair> _repairs = [];
    private readonly bool[] _down = new bool[options.Nodes];

    /// <summary>Messages wait until the schedule hands them over.</summary>
    public bool IsByLetter { get; init; }

    /// <summary>A node is down: what is for it is lost, and that is the crash's fault.</summary>
    public void SetDown(int node, bool isDown)
    {
        _down[node] = isDown;
        if (!isDown) return;
        foreach (var letter in _letters)
            if (letter.To == node) letter.IsExcused = true;
    }

    /// <summary>What identifies a message: the lowest byte says of which kind it is, the rest what is in it.</summary>
    public static ulong KeyOf(in Envelope envelope)
    {
        var hash = EventHash.Start();
        hash.Add(envelope.Term.Value);
        switch (envelope.Body)
        {
            case Message.Append a: Add(ref hash, a.Previous, a.Entries.Length, a.Commit.Value, a.ReadRound); break;
            case Message.AppendReply r: Add(ref hash, r.Hint, r.Accepted ? 1 : 0, r.Refused.Value, r.ReadRound); break;
            case Message.VoteRequest v: Add(ref hash, v.LastEntry, v.IsPreVote ? 1 : 0, v.IsTransfer ? 1 : 0, 0); break;
            case Message.SnapshotChunk c: Add(ref hash, c.Id.Last, c.Offset, c.Bytes.Length, c.ReadRound); break;
            case Message.SnapshotReply r: Add(ref hash, r.Id.Last, r.Received, 0, r.ReadRound); break;
            default: break; // Votes and "stand for election": kind and term say all.
        }

        return (hash.Value << 8) | (uint)KindOf(envelope.Body);
    }

    private static void Add(ref EventHash hash, EntryId id, long one, long two, long three)
    {
        hash.Add(id.Term.Value);
        hash.Add(id.Index.Value);
        hash.Add(one);
        hash.Add(two);
        hash.Add(three);
    }

    /// <summary>Hands over the message that the deed names; one of the same kind when that was never sent. False when there is none.</summary>
    /// <param name="deed">The deed's number in the schedule.</param>
    public bool TryHand(int from, int to, ulong key, int deed, out Flight flight)
    {
        flight = default;
        Letter? found = null;
        foreach (var letter in _letters)
        {
            if (letter.From != from || letter.To != to || (letter.Key & 0xFF) != (key & 0xFF)) continue;
            if (found is null || Fitness(letter, key) > Fitness(found, key)) found = letter;
        }

        if (found is null || (found.Key != key && found.IsHanded)) return false;
        flight = new Flight(from, to, 0, found.Envelope, found.Number);
        found.HandedBy.Add(deed);
        return true;
    }

    private static int Fitness(Letter letter, ulong key) => (letter.Key == key ? 2 : 0) + (letter.IsHanded ? 0 : 1);

    /// <summary>At the end: counts the faults, and says how each is undone.</summary>
    /// <param name="deeds">What was played.</param>
    public IReadOnlyList<SwarmRepair> Repairs(ImmutableArray<SwarmDeed> deeds)
    {
        foreach (var link in _letters.GroupBy(l => (l.From, l.To)).Select(g => g.ToArray())) Judge(link, deeds);
        return _repairs;
    }

    private void Judge(Letter[] link, ImmutableArray<SwarmDeed> deeds)
    {
        var nextHanded = int.MaxValue; // The first deed that handed over a later message of this link.
        var isSkipping = false;
        for (var i = link.Length - 1; i >= 0; i--)
        {
            var letter = link[i];
            var isLost = !letter.IsHanded && !letter.IsExcused && nextHanded != int.MaxValue;
            if (isLost)
            {
                if (!isSkipping) Faults++;
                _repairs.Add(new(-1, nextHanded, new(SwarmWord.Hand) { From = letter.From, Node = letter.To, Letter = letter.Key }));
            }

            isSkipping = isLost || (isSkipping && !letter.IsHanded);
            if (!letter.IsHanded) continue;
            var first = letter.HandedBy[0];
            if (first > nextHanded)
            {
                Faults++;
                _repairs.Add(new(first, nextHanded, deeds[first]));
            }

            foreach (var again in letter.HandedBy.Skip(1))
            {
                Faults++;
                _repairs.Add(new(again, again, null));
            }

            nextHanded = Math.Min(nextHanded, first);
        }
    }

    private sealed record Letter(int From, int To, Envelope Envelope, ulong Key, long Number)
    {
        public List<int> HandedBy { get; } = [];
        public bool IsHanded => HandedBy.Count > 0;

        /// <summary>A cut or a crash may have lost it.</summary>
        public bool IsExcused { get; set; }
    }
}
