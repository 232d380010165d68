namespace Verify.Checks.Recorded;

/// <summary>Jepsen's history.edn and the logs of Porcupine's KV tests: maps with :process, :type (:invoke, :ok, :fail, :info), :f and
/// :value, one behind the other or all in one vector. What :fail says did not happen; what :info says, or nobody, may have. A process
/// that is no number (:nemesis) is no client. A [key value] pair as of jepsen.independent is taken apart when every call has one.</summary>
internal static class EdnHistory
{
    private static readonly EdnValue Nothing = new EdnValue.Nil();

    public static IReadOnlyList<RecordedCall> Read(string text, string file)
    {
        var pairs = new CallPairs();
        long at = 0;
        foreach (var map in Maps(text, file))
        {
            Take(pairs, map, ++at, file);
        }

        return Keyed(pairs.All());
    }

    private static IEnumerable<EdnValue.Map> Maps(string text, string file)
    {
        var reader = new EdnReader(text, file);
        while (reader.Next() is { } value)
        {
            foreach (var item in value is EdnValue.Sequence(var items) ? items : [value])
            {
                yield return item as EdnValue.Map ?? throw new RunFileException(file, 1, $"the history holds '{item}', which is no map with :process, :type and :f");
            }
        }
    }

    private static void Take(CallPairs pairs, EdnValue.Map map, long at, string file)
    {
        if (map.Of("process") is not { } process)
        {
            throw new RunFileException(file, map.Line, "':process' is missing: every event needs :process, :type and :f");
        }

        if (process is not EdnValue.Integer)
        {
            return;
        }

        var (client, type, function) = (process.ToString(), Word(map, "type", file), Word(map, "f", file));
        if (type is "invoke")
        {
            if (pairs.OpenOf(client) is { } other)
            {
                throw new RunFileException(file, map.Line, $"process {client} calls although its call on line {other.Line} has no answer; after :info a client goes on under another number");
            }

            pairs.Begin(new(map.Line, client, function, map.Of("key"), map, map.Of("value") ?? Nothing, Nothing, CallEnd.Open, at, long.MaxValue));
            return;
        }

        if (pairs.OpenOf(client) is not { } open)
        {
            throw new RunFileException(file, map.Line, $"process {client} has no call that could end here: is the beginning of the history missing?");
        }

        if (!string.Equals(open.Function, function, StringComparison.Ordinal))
        {
            throw new RunFileException(file, map.Line, $"process {client} called :{open.Function} on line {open.Line}, and this ends a :{function}");
        }

        CallEnd? end = type switch
        {
            "ok" => CallEnd.Answered,
            "fail" => CallEnd.NotDone,
            "info" => null,
            _ => throw new RunFileException(file, map.Line, $"':{type}' is no :type; there are :invoke, :ok, :fail and :info"),
        };
        pairs.End(client, end is { } known
            ? open with { Answered = map.Of("value") ?? Nothing, End = known, ReturnedAt = at, Fields = new([.. open.Fields!.Entries, .. map.Entries], open.Line) }
            : open);
    }

    private static string Word(EdnValue.Map map, string name, string file) => map.Of(name) switch
    {
        EdnValue.Keyword(var word) => word,
        EdnValue.Text(var word) => word,
        null => throw new RunFileException(file, map.Line, $"':{name}' is missing: every event needs :process, :type and :f"),
        var other => throw new RunFileException(file, map.Line, $"':{name}' is {other}; expected is a keyword"),
    };

    /// <summary>A read that asks [key nil] gives jepsen.independent away: no register is asked with a value.</summary>
    private static IReadOnlyList<RecordedCall> Keyed(IReadOnlyList<RecordedCall> calls)
    {
        var isKeyed = calls.Count > 0 && calls.All(c => c.Key is null && c.Asked is EdnValue.Sequence { Items.Count: 2 })
            && calls.Any(c => c.Asked is EdnValue.Sequence({ } items) && (items[1] is EdnValue.Nil or EdnValue.Sequence));
        return !isKeyed ? calls : calls.Select(c => c with
        {
            Key = ((EdnValue.Sequence)c.Asked).Items[0],
            Asked = ((EdnValue.Sequence)c.Asked).Items[1],
            Answered = c.Answered is EdnValue.Sequence { Items.Count: 2 } pair ? pair.Items[1] : c.Answered,
        }).ToArray();
    }
}
