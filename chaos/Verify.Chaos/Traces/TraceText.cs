using System.Globalization;
using System.Text;
using Verify.Node.Telemetry;
using Verify.Sim;
using Verify.Sim.Tracing;

namespace Verify.Chaos.Traces;

/// <summary>A trace as lines for people: "12.345678 s  #4711  n3 &lt;- n1 data  (by #4690)".</summary>
internal static class TraceText
{
    public static IEnumerable<string> Lines(RecordedTrace trace)
    {
        var (choice, sent, said) = (0, 0, 0);
        foreach (var e in trace.Events)
        {
            yield return Line(e);
            for (; choice < trace.Choices.Count && trace.Choices[choice].Step <= e.Step; choice++)
            {
                var c = trace.Choices[choice];
                if (c.Taken.Length == 0) yield return $"    choice {c}: {c.Value.ToString(CultureInfo.InvariantCulture)}";
            }

            for (; sent < trace.Bytes.Count && trace.Bytes[sent].Step <= e.Step; sent++)
                yield return string.Create(CultureInfo.InvariantCulture, $"    {trace.Bytes[sent].Name}: {trace.Bytes[sent].Length} bytes, crc {trace.Bytes[sent].Crc:x8}");
            for (; said < trace.Sayings.Count && trace.Sayings[said].Step <= e.Step; said++) yield return $"    {Line(trace.Sayings[said])}";
        }
    }

    public static string Line(RecordedEvent e) =>
        string.Create(CultureInfo.InvariantCulture, $"{Trace.TimeText(e.AtUs)}  #{e.Step}  {e.Name}{(e.Cause > 0 ? $"  (by #{e.Cause})" : "")}");

    public static string Line(RecordedSaying said) =>
        $"{said.Host} says {said.Kind}: {string.Join(", ", said.Fields.Where(f => f.Key != "node").Select(f => $"{f.Key} {f.Value}"))}";
}

/// <summary>What a world looks like at one moment: who runs, and what each node last said of itself.</summary>
internal static class WorldState
{
    private const int LinesBefore = 15;

    public static string Of(SimWorld world)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Trace.TimeText(world.NowMicros)}, step {world.Step} is done\n");
        foreach (var host in world.Hosts)
        {
            text.Append(CultureInfo.InvariantCulture, $"  {host.Name,-14} {(host.HaltReason is { } why ? $"halted: {why}" : host.IsPaused ? "paused" : host.IsAlive ? "runs" : "down")}");
            var (role, applied, lease) = ((NodeEvent.RoleChanged?)null, (NodeEvent.Applied?)null, (NodeEvent.LeaderLease?)null);
            foreach (var at in world.Trace.NodeEvents)
            {
                if (at.Host != host.Name) continue;
                if (at.Event is NodeEvent.Started) (role, applied, lease) = (null, null, null);
                role = at.Event as NodeEvent.RoleChanged ?? role;
                applied = at.Event as NodeEvent.Applied ?? applied;
                lease = at.Event as NodeEvent.LeaderLease ?? lease;
            }

            if (role is not null) text.Append(CultureInfo.InvariantCulture, $", {role.Role} in term {role.Term}, leader {role.Leader ?? "unknown"}");
            if (lease is { Held: true }) text.Append(", holds the lease");
            if (applied is not null) text.Append(CultureInfo.InvariantCulture, $", applied {applied.Index} of term {applied.Term}");
            text.Append(CultureInfo.InvariantCulture, $", {host.Disk.UsedBytes} bytes on disk\n");
        }

        foreach (var cut in world.CutWindows)
            if (cut.EndedMicros is null) text.Append(CultureInfo.InvariantCulture, $"  cut: {cut.From} -> {cut.To} since {Trace.TimeText(cut.BeganMicros)}\n");
        return text.Append("the last events:\n").Append(world.Trace.Tail(LinesBefore)).ToString();
    }
}
