using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Verify.Scenarios;

/// <summary>Writes a scenario as YAML in one fixed form, so that two scenarios can be compared line by line. What
/// <see cref="ScenarioReader"/> reads from it is the same scenario.</summary>
public static partial class ScenarioWriter
{
    public static string Write(Scenario scenario)
    {
        var text = new StringBuilder();
        text.Append("name: ").Append(Quoted(scenario.Name)).Append('\n');
        text.Append("story: ").Append(Quoted(scenario.Story)).Append('\n');
        text.Append("fleet:\n  nodes: ").Append(Places(scenario.Fleet.Nodes)).Append('\n');
        if (scenario.Fleet.Servers.Count > 0)
        {
            text.Append("  mysql: ").Append(Places(scenario.Fleet.Servers)).Append('\n');
        }

        if (scenario.Fleet.Primary is { } primary)
        {
            text.Append("  primary: ").Append(Quoted(primary)).Append('\n');
        }

        if (scenario.Fleet.Below.Count > 0)
        {
            text.Append("  below: { ").AppendJoin(", ", scenario.Fleet.Below.Select(b => $"{Quoted(b.Key)}: {Quoted(b.Value)}")).Append(" }\n");
        }

        if (scenario.Fleet.Flavor != "mysql") text.Append("  flavor: ").Append(Quoted(scenario.Fleet.Flavor)).Append('\n');
        if (scenario.Fleet.SharesProbing) text.Append("  probing: shared\n");
        if (scenario.Fleet.ReplacesUnwritable) text.Append("  unwritable: replaced\n");
        if (scenario.Fleet.ReplacesStalled) text.Append("  stalledDisk: replaced\n");
        text.Append("  durability: ").Append(Quoted(scenario.Fleet.Durability)).Append('\n');
        text.Append("workload: ").Append(Workload(scenario.Workload)).Append('\n');
        text.Append("warmUp: ").Append(DurationText.Of(scenario.WarmUp)).Append('\n');
        text.Append("settle: ").Append(DurationText.Of(scenario.Settle)).Append('\n');
        text.Append(scenario.Steps.IsEmpty ? "steps: []\n" : "steps:\n");
        foreach (var step in scenario.Steps)
        {
            text.Append("  - at: ").Append(DurationText.Of(step.At)).Append('\n');
            text.Append(step.Until is { } until ? $"    until: {DurationText.Of(until)}\n" : "");
            text.Append("    ").Append(step.Fault.Word).Append(": ").Append(FaultText(step.Fault)).Append('\n');
        }

        text.Append("expect:\n");
        foreach (var expectation in scenario.Expect)
        {
            text.Append("  - ").Append(ExpectationText(expectation)).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>The fault's value as it stands behind its word; also for reports.</summary>
    public static string FaultText(Fault fault) => fault switch
    {
        Fault.Partition partition => $"[{string.Join(", ", partition.Groups.Select(g => $"[{string.Join(", ", g.Select(Text))}]"))}]",
        Fault.OneWay oneWay => $"{{ from: {Text(oneWay.From)}, to: {Text(oneWay.To)} }}",
        Fault.Kill kill => Text(kill.Target),
        Fault.Pause pause => Text(pause.Target),
        Fault.DiskFull full => Text(full.Target),
        Fault.ClockSkew skew =>
            $"{{ target: {Text(skew.Target)}, offset: {DurationText.Of(skew.Offset)}, drift: {skew.Drift.ToString("R", CultureInfo.InvariantCulture)} }}",
        Fault.Slow slow =>
            $"{{ from: {Text(slow.From)}, to: {Text(slow.To)}, delay: {DurationText.Of(slow.Delay)}, jitter: {DurationText.Of(slow.Jitter)} }}",
        Fault.Ring ring => Listed(ring.Places),
        Fault.Bridge bridge => Text(bridge.Place),
        Fault.Swizzle swizzle => Listed(swizzle.Places),
        Fault.Lossy lossy => Way(lossy.From, lossy.To, $"perMille: {lossy.PerMille}"),
        Fault.Garble garble => Way(garble.From, garble.To, $"perMille: {garble.PerMille}"),
        Fault.Repeat repeat => Way(repeat.From, repeat.To, $"perMille: {repeat.PerMille}"),
        Fault.Reconnect again => Way(again.From, again.To, $"every: {DurationText.Of(again.Every)}"),
        Fault.SlowDisk slow => $"{{ target: {Text(slow.Target)}, factor: {slow.Factor} }}",
        Fault.FailWrites fail => Text(fail.Target),
        Fault.FailSyncs fail => Text(fail.Target),
        Fault.BitRot rot => Text(rot.Target),
        Fault.TornSector torn => Text(torn.Target),
        Fault.Misdirect misdirect => Text(misdirect.Target),
        Fault.LostDisk lost => Text(lost.Target),
        Fault.ClockStep step => $"{{ target: {Text(step.Target)}, by: {DurationText.Of(step.By)} }}",
        Fault.ClockStrobe strobe => $"{{ target: {Text(strobe.Target)}, by: {DurationText.Of(strobe.By)}, every: {DurationText.Of(strobe.Every)} }}",
        Fault.RestartStorm storm => $"{{ target: {Text(storm.Target)}, every: {DurationText.Of(storm.Every)} }}",
        Fault.CutLink cut => $"{{ from: {Text(cut.From)}, to: {Text(cut.To)} }}",
        Fault.StopSqlThread stop => Text(stop.Target),
        Fault.StallDisk stall => Text(stall.Target),
        Fault.Lag lag => $"{{ target: {Text(lag.Target)}, by: {DurationText.Of(lag.By)} }}",
        Fault.Errant errant => Text(errant.Target),
        Fault.DieAt dieAt => dieAt.Moment.ToString(),
        Fault.Takeover takeover => $"{{ {(takeover.To is { } to ? $"to: {Text(to)}, " : "")}forced: {(takeover.IsForced ? "true" : "false")} }}",
        Fault.RollingRestart rolling => $"{{ down: {DurationText.Of(rolling.Down)}, every: {DurationText.Of(rolling.Every)} }}",
        _ => throw new ArgumentOutOfRangeException(nameof(fault), fault, "not a fault"),
    };

    /// <summary>One entry of "expect"; also for reports.</summary>
    public static string ExpectationText(Expectation expectation) => expectation switch
    {
        Expectation.Linearizable => $"{expectation.Word}: kv",
        Expectation.SinglePrimary single => $"{expectation.Word}: {{ window: {DurationText.Of(single.Window)} }}",
        Expectation.FencedWithin within => $"{expectation.Word}: {DurationText.Of(within.Bound)}",
        Expectation.ConvergesWithin within => $"{expectation.Word}: {DurationText.Of(within.Bound)}",
        Expectation.ElectionWithin within => $"{expectation.Word}: {DurationText.Of(within.Bound)}",
        Expectation.WriteP99Within within => $"{expectation.Word}: {DurationText.Of(within.Bound)}",
        Expectation.UnhealthyWithin within => $"{expectation.Word}: {DurationText.Of(within.Bound)}",
        Expectation.PrimaryNamedWithin within => $"{expectation.Word}: {DurationText.Of(within.Bound)}",
        Expectation.ThrottleWithin within => $"{expectation.Word}: {DurationText.Of(within.Bound)}",
        Expectation.RtoWithin within => $"{expectation.Word}: {DurationText.Of(within.Bound)}",
        Expectation.SingleLeader or Expectation.SameLog or Expectation.NoLostWrites => expectation.Word,
        _ => throw new ArgumentOutOfRangeException(nameof(expectation), expectation, "not an expectation"),
    };

    private static string Listed(ImmutableArray<Target> targets) => $"[{string.Join(", ", targets.Select(Text))}]";

    private static string Way(Target from, Target to, string rest) => $"{{ from: {Text(from)}, to: {Text(to)}, {rest} }}";

    private static string Text(Target target) => Quoted(TargetText.Of(target));

    private static string Places(ImmutableSortedDictionary<string, ImmutableArray<string>> places) =>
        $"{{ {string.Join(", ", places.Select(p => $"{Quoted(p.Key)}: [{string.Join(", ", p.Value.Select(Quoted))}]"))} }}";

    private static string Workload(WorkloadSpec work) =>
        $"{{ clients: {work.Clients}, for: {DurationText.Of(work.For)}, keys: {work.Keys}, pause: {DurationText.Of(work.Pause)}, "
        + $"mix: {{ {string.Join(", ", work.Mix.Select(m => $"{m.Key}: {m.Value}"))} }} }}";

    /// <summary>Plain where that is safe everywhere in YAML, otherwise in double quotes.</summary>
    private static string Quoted(string text)
    {
        if (Plain().IsMatch(text))
        {
            return text;
        }

        var quoted = new StringBuilder("\"");
        foreach (var c in text)
        {
            quoted.Append(c switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\t' => "\\t",
                _ when char.IsControl(c) || c is '\u2028' or '\u2029' or '\uFEFF' or '\uFFFE' or '\uFFFF' => $"\\u{(int)c:X4}",
                _ => c.ToString(),
            });
        }

        return quoted.Append('"').ToString();
    }

    [GeneratedRegex(
        @"^(?!(true|false|null|yes|no|on|off|y|n)\z)[A-Za-z][A-Za-z0-9_.-]*( [A-Za-z0-9_.-]+)*\z",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant | RegexOptions.IgnoreCase, 1000)]
    private static partial Regex Plain();
}
