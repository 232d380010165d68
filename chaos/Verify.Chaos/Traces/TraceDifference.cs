using System.Globalization;
using System.Text;
using Verify.Sim.Scheduling;
using Verify.Sim.Tracing;

namespace Verify.Chaos.Traces;

/// <summary>Where two runs first go different ways: an event, a choice, or bytes.</summary>
/// <param name="Step">The last step that both had in common, plus one.</param>
/// <param name="Actor">Who did something else; empty when one run just ended.</param>
internal sealed record TraceDifference(long Step, string Actor, string Words)
{
    private const int LinesBefore = 6;
    private const int LinesAfter = 4;

    /// <summary>Null: they are the same run.</summary>
    public static TraceDifference? Of(RecordedTrace a, RecordedTrace b)
    {
        var step = FirstEvent(a, b);
        var choice = FirstChoice(a.Choices, b.Choices);
        var choiceStep = choice < 0 ? long.MaxValue : Math.Min(StepOf(a.Choices, choice), StepOf(b.Choices, choice));
        var sent = FirstBytes(a, b);
        var sentStep = sent < 0 ? long.MaxValue : Math.Min(StepOf(a.Bytes, sent), StepOf(b.Bytes, sent));
        var first = Math.Min(step, Math.Min(choiceStep, sentStep));
        if (first == long.MaxValue) return null;
        var text = new StringBuilder();
        var (actor, what) = choiceStep <= step && choiceStep <= sentStep ? Choice(a.Choices, b.Choices, choice)
            : sentStep < step ? Bytes(a, b, sent) : Event(a, b, first);
        text.AppendLine(what);
        text.AppendLine("Before, in both:");
        for (var at = Math.Max(1, first - LinesBefore); at < first; at++)
            if (a.EventOf(at) is { } common) text.Append("    ").AppendLine(TraceText.Line(common));
        After(text, "first", a, first);
        After(text, "second", b, first);
        return new(first, actor, text.ToString().TrimEnd());
    }

    private static long FirstEvent(RecordedTrace a, RecordedTrace b)
    {
        var most = Math.Max(a.Events.Count, b.Events.Count);
        for (var step = 1L; step <= most; step++)
            if (a.EventOf(step) != b.EventOf(step)) return step;
        return long.MaxValue;
    }

    private static int FirstChoice(IReadOnlyList<NamedChoice> a, IReadOnlyList<NamedChoice> b)
    {
        // A trace without choices (a live run, an old file) is compared by its events.
        if (a.Count == 0 || b.Count == 0) return -1;
        for (var i = 0; i < Math.Max(a.Count, b.Count); i++)
            if (i >= a.Count || i >= b.Count || a[i] with { Micros = 0 } != b[i] with { Micros = 0 }) return i;
        return -1;
    }

    private static int FirstBytes(RecordedTrace a, RecordedTrace b)
    {
        for (var i = 0; i < Math.Max(a.Bytes.Count, b.Bytes.Count); i++)
            if (i >= a.Bytes.Count || i >= b.Bytes.Count || a.Bytes[i] != b.Bytes[i]) return i;
        return -1;
    }

    private static long StepOf(IReadOnlyList<NamedChoice> choices, int at) => at < choices.Count ? choices[at].Step : long.MaxValue;

    private static long StepOf(IReadOnlyList<RecordedBytes> bytes, int at) => at < bytes.Count ? bytes[at].Step : long.MaxValue;

    private static (string Actor, string Words) Choice(IReadOnlyList<NamedChoice> a, IReadOnlyList<NamedChoice> b, int at)
    {
        var (one, other) = (at < a.Count ? a[at] : (NamedChoice?)null, at < b.Count ? b[at] : (NamedChoice?)null);
        var place = string.Create(CultureInfo.InvariantCulture, $"They first differ in choice {at}, step {(one ?? other)?.Step}: ");
        if (one is not { } x || other is not { } y) return ((one ?? other)?.Actor ?? "", $"{place}{(one ?? other)} was made in the {(one is null ? "second" : "first")} run only.");
        if (x.Taken.Length > 0 && y.Taken.Length > 0 && x.Name == y.Name) return (x.Taken, $"{place}of {x.Name.Replace("|", " and ", StringComparison.Ordinal)}, {x.Taken} went first in the first run and {y.Taken} in the second.");
        if (x.Name == y.Name && x.Kind == y.Kind && x.N == y.N)
            return (x.Actor, string.Create(CultureInfo.InvariantCulture, $"{place}{x.Actor} drew {x.Value} in the first run and {y.Value} in the second ({x.Kind} of {x.N} for '{x.Name}')."));
        return (x.Actor, $"{place}the first run asked for {x}, the second for {y}.");
    }

    private static (string Actor, string Words) Bytes(RecordedTrace a, RecordedTrace b, int at)
    {
        string Words(RecordedTrace of) => at < of.Bytes.Count ? string.Create(CultureInfo.InvariantCulture, $"{of.Bytes[at].Length} bytes, crc {of.Bytes[at].Crc:x8} ({of.Bytes[at].Name})") : "nothing";
        var name = at < a.Bytes.Count ? a.Bytes[at].Name : b.Bytes[at].Name;
        var actor = name.Split(' ')[0];
        return (actor, string.Create(CultureInfo.InvariantCulture,
            $"They first differ in what {actor} sent or wrote in step {(at < a.Bytes.Count ? a.Bytes[at].Step : b.Bytes[at].Step)}: {Words(a)} in the first run, {Words(b)} in the second; until then the same events in the same order."));
    }

    private static (string Actor, string Words) Event(RecordedTrace a, RecordedTrace b, long step)
    {
        var (one, other) = (a.EventOf(step), b.EventOf(step));
        if (one is not { } x || other is not { } y)
            return ("", string.Create(CultureInfo.InvariantCulture, $"The {(one is null ? "first" : "second")} run ends before step {step}; the other goes on with {TraceText.Line((one ?? other)!.Value)}."));
        var words = x.Actor != y.Actor ? $"it is the turn of {x.Actor} in the first run and of {y.Actor} in the second"
            : x.Name != y.Name ? $"{x.Actor} does something else: '{x.Name}' in the first run, '{y.Name}' in the second"
            : x.AtUs != y.AtUs ? $"'{x.Name}' of {x.Actor} comes at {Trace.TimeText(x.AtUs)} in the first run and at {Trace.TimeText(y.AtUs)} in the second"
            : string.Create(CultureInfo.InvariantCulture, $"'{x.Name}' of {x.Actor} has another cause: step {x.Cause} in the first run, {y.Cause} in the second");
        return (x.Actor, string.Create(CultureInfo.InvariantCulture, $"They first differ in step {step}: {words}."));
    }

    private static void After(StringBuilder text, string which, RecordedTrace trace, long step)
    {
        text.Append("From there, ").Append(which).AppendLine(":");
        if (trace.EventOf(step) is null) text.AppendLine("    (it has ended)");
        for (var at = step; at < step + LinesAfter; at++)
            if (trace.EventOf(at) is { } e) text.Append("    ").AppendLine(TraceText.Line(e));
    }
}
