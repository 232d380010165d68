using System.Text.Json;
using Verify.Chaos.Explaining;
using Verify.Checks;
using Verify.Checks.Timelines;
using Verify.Reports.SpaceTime;

namespace Verify.Chaos.Exports;

/// <summary>A run as a Chrome trace (JSON Object Format of the Trace Event Format), which ui.perfetto.dev opens: a process per node, server and
/// client, a thread per concern, slices for what lasts, instants for what happens, counters for term and applied index, and an arrow
/// ("s" to "f") per message. Times are virtual microseconds; of a Raft-only schedule a step is drawn as a millisecond.</summary>
internal static class PerfettoTrace
{
    public const string FileName = "perfetto.json";
    private const int ArrowsMax = 40_000, StepUs = 1000;
    private static readonly string[] Concerns = ["role", "lease", "guard", "recovery", "faults", "messages in", "messages out", "operations", "events"];

    public static void Write(Stream to, RunAccount account)
    {
        using var json = new Utf8JsonWriter(to);
        json.WriteStartObject();
        json.WriteString("displayTimeUnit", "ms");
        json.WriteStartObject("otherData");
        json.WriteString("title", account.Title);
        json.WriteString("verdict", account.Verdict.ToString());
        json.WriteEndObject();
        json.WriteStartArray("traceEvents");
        new Writing(json, account).All();
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private sealed class Writing(Utf8JsonWriter json, RunAccount account)
    {
        private readonly SortedDictionary<string, int> _processes = new(StringComparer.Ordinal);
        private readonly long _scale = account.Unit == AxisUnit.Steps ? StepUs : 1;

        public void All()
        {
            foreach (var party in account.Parties) Process(party.Name, party.Place, _processes.Count + 1);
            Process("faults", "", _processes.Count + 1);
            foreach (var client in account.Ops.Select(ChainBuilder.ClientTrack).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)) Process(client, "", _processes.Count + 1);
            var facts = account.Facts();
            foreach (var bar in StoryDrawing.Lasting(account, facts)) Slice(bar.Track, bar.Style switch { BarStyle.LeaderLease => "lease", BarStyle.WriteLease => "guard", _ => "role" }, bar.Label, bar.FromUs, bar.ToUs);
            foreach (var fault in FaultWindow.Of(facts)) Overlapping("faults", "fault", $"{fault.Fault} ({fault.Step})", fault.Span.FromUs, fault.Span.ToUs, fault.Step);
            foreach (var op in account.Ops)
                Overlapping(ChainBuilder.ClientTrack(op), "operation", KvContradiction.Words(op), op.CalledUs, op.ReturnedUs == long.MaxValue ? account.EndUs : op.ReturnedUs, $"{op.Outcome}{(op.By.Length > 0 ? $" by {op.By}" : "")}");
            foreach (var e in account.Events) Instant(e);
            Messages();
        }

        private void Messages()
        {
            var number = 0;
            foreach (var message in new CausalHistory(account).Messages)
            {
                if (!_processes.ContainsKey(message.From) || !_processes.ContainsKey(message.To)) continue;
                if (++number > ArrowsMax) break;
                Arrow(message.From, "messages out", message.Name, message.SentUs, "s", number, message.IsHeld);
                Arrow(message.To, "messages in", message.Name, message.AtUs, "f", number, message.IsHeld);
            }
        }

        private void Process(string name, string place, int number)
        {
            _processes[name] = number;
            Begin("process_name", "M", number, 0, 0);
            Arguments(("name", place.Length > 0 ? $"{name} ({place})" : name));
            for (var i = 0; i < Concerns.Length; i++)
            {
                Begin("thread_name", "M", number, i + 1, 0);
                Arguments(("name", Concerns[i]));
            }
        }

        private void Slice(string who, string concern, string name, long fromUs, long toUs)
        {
            if (!_processes.TryGetValue(who, out var process)) return;
            Begin(name, "X", process, ThreadOf(concern), fromUs);
            json.WriteNumber("dur", Math.Max(1, (toUs - fromUs) * _scale));
            json.WriteString("cat", concern);
            json.WriteEndObject();
        }

        /// <summary>What may overlap on one track: an asynchronous slice.</summary>
        private void Overlapping(string who, string category, string name, long fromUs, long toUs, string how)
        {
            _pairs++;
            foreach (var (phase, at) in new[] { ("b", fromUs), ("e", toUs) })
            {
                Begin(name, phase, _processes[who], ThreadOf(category == "fault" ? "faults" : "operations"), at);
                json.WriteString("cat", category);
                json.WriteNumber("id", _pairs);
                Arguments(("how", how));
            }
        }

        private int _pairs;

        private void Instant(RunEvent e)
        {
            if (!_processes.TryGetValue(e.Subject, out var process)) return;
            if (e.Kind == EventKinds.Applied)
            {
                Begin("applied index", "C", process, 0, e.AtUs);
                Counter("index", e.Number("index"));
                return;
            }

            if (e.Kind == EventKinds.RoleChanged)
            {
                Begin("term", "C", process, 0, e.AtUs);
                Counter("term", e.Number("term"));
            }

            Begin(EventWords.Of(e), "i", process, ThreadOf("events"), e.AtUs);
            json.WriteString("cat", e.Kind);
            json.WriteString("s", "t");
            Arguments([.. e.Fields.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => (f.Key, f.Value))]);
        }

        private void Arrow(string who, string concern, string name, long atUs, string phase, int number, bool isHeld)
        {
            Begin(name, "X", _processes[who], ThreadOf(concern), atUs);
            json.WriteNumber("dur", 1);
            json.WriteString("cat", isHeld ? "held" : "message");
            json.WriteEndObject();
            Begin(name, phase, _processes[who], ThreadOf(concern), atUs);
            json.WriteString("cat", isHeld ? "held" : "message");
            json.WriteNumber("id", number);
            if (phase == "f") json.WriteString("bp", "e");
            json.WriteEndObject();
        }

        private void Begin(string name, string phase, int process, int thread, long atUs)
        {
            json.WriteStartObject();
            json.WriteString("name", name);
            json.WriteString("ph", phase);
            json.WriteNumber("pid", process);
            json.WriteNumber("tid", thread);
            json.WriteNumber("ts", atUs * _scale);
        }

        private void Counter(string name, long value)
        {
            json.WriteStartObject("args");
            json.WriteNumber(name, value);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        private void Arguments(params ReadOnlySpan<(string Name, string Value)> arguments)
        {
            json.WriteStartObject("args");
            foreach (var (name, value) in arguments) json.WriteString(name, value);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        private static int ThreadOf(string concern) => Array.IndexOf(Concerns, concern) + 1;
    }
}
