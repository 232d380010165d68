using System.Globalization;
using System.Text;
using Verify.Raft;
using Verify.Sim.Scheduling;

namespace Verify.Sim.RaftOnly;

/// <summary>The messages under way, oldest first, and who does not hear whom. It loses, repeats, holds back and reorders as
/// the options say; what crosses a cut is lost when it would arrive.</summary>
internal sealed class SwarmNetwork(RaftSwarmOptions options, IChoiceSource choices)
{
    private const int MessagesMax = 96;
    private readonly List<Flight> _flights = [];
    private readonly bool[] _cuts = new bool[options.Nodes * options.Nodes];
    private readonly int[] _lags = new int[options.Nodes];
    private readonly int[] _priorities = Shuffled(options, choices);

    public bool FaultsAreOff { get; set; }
    public int Count => _flights.Count;

    public void Send(int from, int to, in Envelope envelope, long now)
    {
        if (Happens(options.LossPerMille)) return;
        // Nobody can lose more than the network holds: the oldest goes when it is full.
        if (_flights.Count >= MessagesMax) _flights.RemoveAt(0);
        var due = Happens(options.DelayPerMille) ? now + 1 + choices.Next(ChoiceKind.Delay, options.DelayTicksMax) : now;
        _flights.Add(new Flight(from, to, due + _lags[to], envelope));
    }

    /// <summary>From now on this node hears everything so late.</summary>
    public void SetLag(int to, int ticks) => _lags[to] = ticks;

    /// <summary>Picks what arrives next: the oldest that is due, or any that is due. False when nothing is.</summary>
    public bool TryTake(long now, out Flight flight)
    {
        flight = default;
        if (_flights.Count == 0) return false;
        if (_priorities.Length > 0 && !FaultsAreOff) return TryTakeFirst(now, out flight);
        var at = Happens(options.ReorderPerMille) ? choices.Next(ChoiceKind.Actor, _flights.Count) : 0;
        while (at < _flights.Count && _flights[at].DueTick > now && !FaultsAreOff) at++;
        if (at == _flights.Count) return false;
        flight = _flights[at];
        if (!Happens(options.DuplicatePerMille)) _flights.RemoveAt(at);
        return true;
    }

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

    public void Cut(int from, int to) => _cuts[(from * options.Nodes) + to] = true;

    public void HealAll() => Array.Clear(_cuts);

    /// <summary>Who does not hear whom.</summary>
    public string Describe()
    {
        var text = new StringBuilder();
        for (var i = 0; i < _cuts.Length; i++)
            if (_cuts[i]) text.Append(CultureInfo.InvariantCulture, $" n{(i / options.Nodes) + 1}-x->n{(i % options.Nodes) + 1}");
        return text.Length == 0 ? "whole" : $"cut:{text}";
    }

    private bool Happens(int perMille) =>
        perMille > 0 && !FaultsAreOff && choices.Next(ChoiceKind.Fault, 1000) < perMille;

    internal readonly record struct Flight(int From, int To, long DueTick, Envelope Envelope);
}
