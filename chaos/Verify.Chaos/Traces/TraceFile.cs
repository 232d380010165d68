using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Verify.Chaos.Output;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Traces;

/// <summary>trace.ndjson, version 1. The first line is the header, an object. Then one array per line, the first element says what it is:
/// ["n", number, text] gives a text a number, before its first use;
/// ["e", step, atUs, actor, name, cause] an event; texts by number;
/// ["c", kind, n, value, actor, name, ordinal] a choice made during the event above it;
/// ["p", n, value, taken, actors, ordinal] a pick that decided the next event;
/// ["b", name, length, crc] bytes sent or written during the event above it;
/// ["s", atUs, step, host, kind, {fields}] what a node said; these come last but for
/// ["end", events, choices], which is missing when the file was cut off.</summary>
internal static class TraceFile
{
    public const string Name = "trace.ndjson";

    internal static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Converters = { new JsonStringEnumConverter() },
    };

    public static void Write(string file, RecordedTrace trace)
    {
        using var to = new StreamWriter(file);
        new Writing(to).Write(trace);
    }

    /// <summary>A trace file, or the one in a run's folder; null when there is none.</summary>
    public static string? Find(string path) =>
        File.Exists(path) ? path : Path.Combine(path, Name) is var inside && File.Exists(inside) ? inside : null;

    /// <exception cref="HarnessFolderException">No such file, another version, or a line that is none; names the line.</exception>
    public static RecordedTrace Read(string path)
    {
        var file = Find(path) ?? throw new HarnessFolderException($"{path} is no trace, and no folder that holds a {Name}");
        using var from = new StreamReader(file);
        var reading = new Reading(file);
        while (from.ReadLine() is { } line) reading.Take(line);
        return reading.Done();
    }

    private sealed class Writing(TextWriter to)
    {
        private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);

        public void Write(RecordedTrace trace)
        {
            to.WriteLine(JsonSerializer.Serialize(trace.Header, Json));
            var (choice, sent) = (0, 0);
            var (choices, bytes) = (trace.Choices, trace.Bytes);
            choice = ChoicesUpTo(choices, choice, step: 0);
            foreach (var e in trace.Events)
            {
                // Choices of the last event and the pick of this one have been written; what follows belongs to this one.
                Line($"[\"e\",{e.Step},{e.AtUs},{Number(e.Actor)},{Number(e.Name)},{e.Cause}]");
                choice = ChoicesUpTo(choices, choice, e.Step);
                for (; sent < bytes.Count && bytes[sent].Step <= e.Step; sent++) Line($"[\"b\",{Number(bytes[sent].Name)},{bytes[sent].Length},{bytes[sent].Crc}]");
            }

            foreach (var s in trace.Sayings) Line($"[\"s\",{s.AtUs},{s.Step},{Number(s.Host)},{Text(s.Kind)},{JsonSerializer.Serialize(s.Fields, Json)}]");
            Line($"[\"end\",{trace.Events.Count},{trace.Choices.Count}]");
        }

        private int ChoicesUpTo(IReadOnlyList<NamedChoice> choices, int at, long step)
        {
            for (; at < choices.Count; at++)
            {
                var c = choices[at];
                if (c.Taken.Length > 0 ? c.Step > step + 1 : c.Step > step) break;
                if (c.Taken.Length > 0) Line($"[\"p\",{c.N},{c.Value},{Number(c.Taken)},{Number(c.Name)},{c.Ordinal}]");
                else Line($"[\"c\",{Text(c.Kind.ToString())},{c.N},{c.Value},{Number(c.Actor)},{Number(c.Name)},{c.Ordinal}]");
            }

            return at;
        }

        private int Number(string text)
        {
            if (_numbers.TryGetValue(text, out var number)) return number;
            _numbers.Add(text, number = _numbers.Count);
            Line($"[\"n\",{number},{Text(text)}]");
            return number;
        }

        private static string Text(string text) => JsonSerializer.Serialize(text, Json);

        private void Line(FormattableString line) => to.WriteLine(line.ToString(CultureInfo.InvariantCulture));
    }

    private sealed class Reading(string file)
    {
        private readonly List<string> _texts = [];
        private readonly List<RecordedEvent> _events = [];
        private readonly List<NamedChoice> _choices = [];
        private readonly List<RecordedBytes> _bytes = [];
        private readonly List<RecordedSaying> _sayings = [];
        private TraceHeader? _header;
        private bool _hasEnd;
        private int _line;

        public void Take(string text)
        {
            _line++;
            try
            {
                if (_header is null) _header = HeaderOf(text);
                else Take(JsonDocument.Parse(text).RootElement);
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentOutOfRangeException or IndexOutOfRangeException or FormatException)
            {
                throw new HarnessFolderException($"{file}:{_line}: {e.Message}");
            }
        }

        public RecordedTrace Done()
        {
            if (_header is null) throw new HarnessFolderException($"{file}: it is empty");
            if (!_hasEnd) throw new HarnessFolderException($"{file}: it ends after line {_line} without its last line: the file was cut off");
            return new RecordedTrace { Header = _header, Events = _events, Choices = _choices, Bytes = _bytes, Sayings = _sayings };
        }

        private static TraceHeader HeaderOf(string text)
        {
            using var peek = JsonDocument.Parse(text);
            if (!peek.RootElement.TryGetProperty("format", out var format) || format.GetString() != TraceHeader.FormatName) throw new FormatException("this is no trace of verify-chaos");
            var version = peek.RootElement.GetProperty("version").GetInt32();
            if (version != TraceHeader.VersionNow) throw new FormatException($"this trace has version {version}; this program reads version {TraceHeader.VersionNow}");
            return JsonSerializer.Deserialize<TraceHeader>(text, Json) ?? throw new FormatException("the header is empty");
        }

        private void Take(JsonElement line)
        {
            switch (line[0].GetString())
            {
                case "n": _texts.Add(line[2].GetString()!); break;
                case "e": _events.Add(new(line[1].GetInt64(), line[2].GetInt64(), TextOf(line[3]), TextOf(line[4]), line[5].GetInt64())); break;
                case "c":
                    _choices.Add(new(Enum.Parse<ChoiceKind>(line[1].GetString()!), line[2].GetInt32(), line[3].GetInt32(), TextOf(line[4]), TextOf(line[5]), line[6].GetInt32())
                    {
                        Step = StepNow, Micros = MicrosNow,
                    });
                    break;
                case "p":
                    _choices.Add(new(ChoiceKind.Actor, line[1].GetInt32(), line[2].GetInt32(), ChoiceRecording.Picks, TextOf(line[4]), line[5].GetInt32())
                    {
                        Taken = TextOf(line[3]), Step = StepNow + 1, Micros = MicrosNow,
                    });
                    break;
                case "b": _bytes.Add(new(StepNow, MicrosNow, TextOf(line[1]), line[2].GetInt32(), line[3].GetUInt32())); break;
                case "s":
                    _sayings.Add(new(line[2].GetInt64(), line[1].GetInt64(), TextOf(line[3]), line[4].GetString()!,
                        new SortedDictionary<string, string>(line[5].Deserialize<Dictionary<string, string>>(Json)!, StringComparer.Ordinal)));
                    break;
                case "end": _hasEnd = true; break;
                default: throw new FormatException($"'{line[0]}' begins no line of a trace");
            }
        }

        private long StepNow => _events.Count == 0 ? 0 : _events[^1].Step;
        private long MicrosNow => _events.Count == 0 ? 0 : _events[^1].AtUs;

        private string TextOf(JsonElement number) => _texts[number.GetInt32()];
    }
}
