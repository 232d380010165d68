using System.Text.RegularExpressions;
using Verify.Checks;
using Verify.Checks.Timelines;

namespace Verify.Chaos.Explaining;

/// <summary>A message as the trace shows it. A held one arrived in a cut and was kept back.</summary>
internal readonly record struct TracedMessage(long SentStep, long SentUs, string From, long Step, long AtUs, string To, string Name, bool IsHeld);

/// <summary>Happens-before over the events of a trace (Lamport 1978), as vector clocks (Fidge 1988, Mattern 1989): an event comes after what its
/// own process did before, and after the event that caused it. The harness and the network are no processes: they play many parts, and
/// one part does not know what another saw; there only the cause counts. Bytes that arrive in a cut are not heard until
/// they are sent again after it.</summary>
internal sealed partial class CausalHistory
{
    private readonly IReadOnlyList<CausalStep> _steps;
    private readonly SortedDictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, List<int>> _ofActor = new(StringComparer.Ordinal);
    private readonly List<TracedMessage> _messages = [];
    private readonly int[] _clocks;
    private readonly int _width;

    public CausalHistory(RunAccount account)
    {
        _steps = account.Steps;
        foreach (var party in account.Parties) _numbers.TryAdd(party.Name, _numbers.Count);
        _width = _numbers.Count;
        _clocks = new int[_steps.Count * _width];
        var cuts = FaultWindow.Of(account.Facts()).Where(f => f.IsCut).ToArray();
        Build(cuts);
    }

    public IReadOnlyList<TracedMessage> Messages => _messages;
    public bool IsEmpty => _steps.Count == 0;

    /// <summary>The place in the trace of what this event of the run is about: the last thing that happened to its subject by then; -1: none.</summary>
    public int PlaceOf(string actor, long atUs)
    {
        if (!_ofActor.TryGetValue(actor, out var own)) return -1;
        var (low, high) = (0, own.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_steps[own[middle]].AtUs <= atUs) low = middle + 1;
            else high = middle;
        }

        return low == 0 ? -1 : own[low - 1];
    }

    /// <summary>The place of a step by its number; -1: not in the trace.</summary>
    public int PlaceOfStep(long step)
    {
        var (low, high) = (0, _steps.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_steps[middle].Step < step) low = middle + 1;
            else high = middle;
        }

        return low < _steps.Count && _steps[low].Step == step ? low : -1;
    }

    public CausalStep At(int place) => _steps[place];

    /// <summary>The latest event of this party that the event at the place can know of; -1: none.</summary>
    public int Knows(int place, string party) =>
        place < 0 || !_numbers.TryGetValue(party, out var number) ? -1 : _clocks[(place * _width) + number] - 1;

    public bool HappensBefore(int earlier, int later) =>
        earlier >= 0 && later >= 0 && (earlier == later || Knows(later, _steps[earlier].Actor) >= earlier);

    /// <summary>The first message from the earlier event's actor to the later one's that was sent after the one and arrived before the other.</summary>
    public TracedMessage? FirstNews(int earlier, int later)
    {
        var (from, to) = (_steps[earlier], _steps[later]);
        foreach (var message in _messages)
        {
            if (!message.IsHeld && message.SentStep >= from.Step && message.Step <= to.Step && message.From == from.Actor && message.To == to.Actor) return message;
        }

        return null;
    }

    private void Build(FaultWindow[] cuts)
    {
        var last = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var held = new SortedDictionary<(string From, string To), List<TracedMessage>>();
        for (var i = 0; i < _steps.Count; i++)
        {
            var step = _steps[i];
            var isParty = _numbers.TryGetValue(step.Actor, out var number);
            if (isParty && last.TryGetValue(step.Actor, out var before)) Merge(i, before);
            var cause = step.Cause > 0 ? PlaceOfStep(step.Cause) : -1;
            if (Hears(i, cause, cuts, held) && cause >= 0) Merge(i, cause);
            if (isParty) _clocks[(i * _width) + number] = i + 1;
            last[step.Actor] = i;
            if (!_ofActor.TryGetValue(step.Actor, out var own)) _ofActor[step.Actor] = own = [];
            own.Add(i);
        }
    }

    /// <summary>Notes the message that this event is the arrival of; false when it is kept back.</summary>
    private bool Hears(int place, int cause, FaultWindow[] cuts, SortedDictionary<(string From, string To), List<TracedMessage>> held)
    {
        var step = _steps[place];
        var name = ArrivalName().Match(step.Name);
        if (!name.Success)
        {
            if (cause >= 0 && _steps[cause].Actor != step.Actor)
                _messages.Add(new(_steps[cause].Step, _steps[cause].AtUs, _steps[cause].Actor, step.Step, step.AtUs, step.Actor, step.Name, IsHeld: false));
            return true;
        }

        var (to, from, kind) = (name.Groups["to"].Value, name.Groups["from"].Value, name.Groups["kind"].Value);
        if (kind is "window" or "reset") return kind == "reset";
        var wires = (from, to);
        if (kind == "retransmit")
        {
            if (!held.Remove(wires, out var waiting)) return true;
            foreach (var message in waiting)
            {
                Merge(place, PlaceOfStep(message.SentStep));
                _messages.Add(message with { Step = step.Step, AtUs = step.AtUs, IsHeld = false });
            }

            return true;
        }

        if (cause < 0) return true;
        var isHeld = kind == "data" && Array.Exists(cuts, c => c.Span.Contains(step.AtUs) && c.Cuts(from, to));
        var arrived = new TracedMessage(_steps[cause].Step, _steps[cause].AtUs, _steps[cause].Actor, step.Step, step.AtUs, to, step.Name, isHeld);
        _messages.Add(arrived);
        if (!isHeld) return true;
        if (!held.TryGetValue(wires, out var list)) held[wires] = list = [];
        list.Add(arrived);
        return false;
    }

    private void Merge(int into, int from)
    {
        if (from < 0) return;
        var (a, b) = (into * _width, from * _width);
        for (var i = 0; i < _width; i++) _clocks[a + i] = Math.Max(_clocks[a + i], _clocks[b + i]);
    }

    [GeneratedRegex(@"^(?<to>\S+) <- (?<from>\S+) (?<kind>\S+)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex ArrivalName();
}
