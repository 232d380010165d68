using System.Globalization;
using System.Text;
using Verify.Raft;
using Verify.Sim.Scheduling;

namespace Verify.Sim.RaftOnly;

/// <summary>The messages under way, oldest first, and who does not hear whom. It loses, repeats, holds back and reorders as
/// the options say; what crosses a cut is lost when it would arrive.</summary>
/// <param name="actors">Who picks among the messages that are due, one per link; null: the oldest, or another one at the drawn rate.</param>
/// <param name="stateOf">What a strategy may know of a receiver; null: nothing.</param>
internal sealed partial class SwarmNetwork(RaftSwarmOptions options, IChoiceSource choices, IActorScheduler? actors, Func<int, ulong>? stateOf)
{
    private const int MessagesMax = 96;
    private readonly List<Flight> _flights = [];
    private readonly bool[] _cuts = new bool[options.Nodes * options.Nodes];
    private readonly int[] _lags = new int[options.Nodes];
    private readonly int[] _priorities = Shuffled(options, choices);
    private readonly Candidate[] _candidates = new Candidate[actors is null ? 0 : MessagesMax];
    private readonly int[] _places = new int[actors is null ? 0 : MessagesMax];
    private long _sent;

    public bool FaultsAreOff { get; set; }
    public int Count => _flights.Count;

    public void Send(int from, int to, in Envelope envelope, long now)
    {
        if (IsByLetter && !FaultsAreOff)
        {
            _letters.Add(new Letter(from, to, envelope, KeyOf(envelope), ++_sent) { IsExcused = IsCut(from, to) || _down[to] });
            return;
        }

        if (Happens(options.LossPerMille)) return;
        // Nobody can lose more than the network holds: the oldest goes when it is full.
        if (_flights.Count >= MessagesMax) _flights.RemoveAt(0);
        var due = Happens(options.DelayPerMille) ? now + 1 + choices.Next(ChoiceKind.Delay, options.DelayTicksMax) : now;
        _flights.Add(new Flight(from, to, due + _lags[to], envelope, ++_sent));
    }

    /// <summary>From now on this node hears everything so late.</summary>
    public void SetLag(int to, int ticks) => _lags[to] = ticks;

    /// <summary>Picks what arrives next: the oldest that is due, or any that is due. False when nothing is.</summary>
    public bool TryTake(long now, out Flight flight)
    {
        flight = default;
        if (_flights.Count == 0) return false;
        if (_priorities.Length > 0 && !FaultsAreOff) return TryTakeFirst(now, out flight);
        if (actors is not null && !FaultsAreOff) return TryTakePicked(now, out flight);
        var at = Happens(options.ReorderPerMille) ? choices.Next(ChoiceKind.Actor, _flights.Count) : 0;
        while (at < _flights.Count && _flights[at].DueTick > now && !FaultsAreOff) at++;
        if (at == _flights.Count) return false;
        flight = _flights[at];
        if (!Happens(options.DuplicatePerMille)) _flights.RemoveAt(at);
        return true;
    }

    /// <summary>The strategy picks among the oldest message of each link; when messages overtake each other, among all that are due.</summary>
    private bool TryTakePicked(long now, out Flight flight)
    {
        var overtakes = Happens(options.ReorderPerMille);
        var (count, links) = (0, 0UL);
        for (var i = 0; i < _flights.Count; i++)
        {
            var one = _flights[i];
            if (one.DueTick > now) continue;
            // Seven nodes have 49 links: they fit into a word.
            var link = 1UL << ((one.From * options.Nodes) + one.To);
            if ((links & link) != 0 && !overtakes) continue;
            links |= link;
            _places[count] = i;
            var label = (one.From << 8) | KindOf(one.Envelope.Body);
            _candidates[count++] = new Candidate(one.To, label, stateOf is null ? 0 : stateOf(one.To), one.Number);
        }

        flight = default;
        if (count == 0) return false;
        var at = _places[count == 1 ? 0 : actors!.Pick(_candidates.AsSpan(0, count))];
        flight = _flights[at];
        if (!Happens(options.DuplicatePerMille)) _flights.RemoveAt(at);
        return true;
    }

    /// <summary>A number per kind of message that does not change from build to build.</summary>
    internal static int KindOf(Message message) => message switch
    {
        Message.VoteRequest vote => vote.IsPreVote ? 1 : 2,
        Message.VoteReply vote => vote.IsPreVote ? 3 : vote.Granted ? 4 : 5,
        Message.Append append => append.Entries.IsEmpty ? 6 : 7,
        Message.AppendReply reply => reply.Accepted ? 8 : 9,
        Message.SnapshotChunk => 10,
        Message.SnapshotReply => 11,
        Message.TimeoutNow => 12,
        _ => 0,
    };

    /// <summary>What is due on the link that goes before all others that have something. Now and then a link falls to the end.</summary>
    private bool TryTakeFirst(long now, out Flight flight)
    {
        if (choices.Next(ChoiceKind.Actor, Math.Max(2, options.Steps / options.PriorityChanges)) == 0)
            _priorities[choices.Next(ChoiceKind.Actor, _priorities.Length)] = -choices.Next(ChoiceKind.Actor, options.Steps);
        var best = -1;
        for (var i = 0; i < _flights.Count; i++)
            if (_flights[i].DueTick <= now && (best < 0 || PriorityOf(_flights[i]) > PriorityOf(_flights[best]))) best = i;
        flight = best < 0 ? default : _flights[best];
        if (best >= 0 && !Happens(options.DuplicatePerMille)) _flights.RemoveAt(best);
        return best >= 0;
    }

    private int PriorityOf(in Flight flight) => _priorities[(flight.From * options.Nodes) + flight.To];

    private static int[] Shuffled(RaftSwarmOptions options, IChoiceSource choices)
    {
        if (options.Strategy != SwarmStrategy.Priorities) return [];
        var priorities = new int[options.Nodes * options.Nodes];
        for (var i = 0; i < priorities.Length; i++) priorities[i] = 1 + choices.Next(ChoiceKind.Actor, priorities.Length);
        return priorities;
    }

    public bool IsCut(int from, int to) => _cuts[(from * options.Nodes) + to];

    public void Cut(int from, int to)
    {
        _cuts[(from * options.Nodes) + to] = true;
        foreach (var letter in _letters)
            if (letter.From == from && letter.To == to) letter.IsExcused = true;
    }

    public void HealAll() => Array.Clear(_cuts);

    /// <summary>Who does not hear whom.</summary>
    public string Describe()
    {
        var text = new StringBuilder();
        for (var i = 0; i < _cuts.Length; i++)
            if (_cuts[i]) text.Append(CultureInfo.InvariantCulture, $" n{(i / options.Nodes) + 1}-x->n{(i % options.Nodes) + 1}");
        return text.Length == 0 ? "whole" : $"cut:{text}";
    }

    /// <summary>Messages that were lost, doubled, held back or overtaken.</summary>
    public int Faults { get; private set; }

    private bool Happens(int perMille)
    {
        if (perMille <= 0 || FaultsAreOff || choices.Next(ChoiceKind.Fault, 1000) >= perMille) return false;
        Faults++;
        return true;
    }

    internal readonly record struct Flight(int From, int To, long DueTick, Envelope Envelope, long Number);
}
