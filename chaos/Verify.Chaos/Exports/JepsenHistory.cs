using System.Globalization;
using System.Text;
using Verify.Chaos.Explaining;
using Verify.Checks;

namespace Verify.Chaos.Exports;

/// <summary>The operations of a run as history.edn, the way Jepsen writes it: a map per line with :index, :type (:invoke, :ok, :fail, :info), :process,
/// :f, :value and :time in nanoseconds. A value is [key value], as jepsen.independent has it; knossos takes it per key. A process whose operation
/// ended with :info takes no further operation: its client goes on under a new number. Elle needs lists to which one appends; these are registers.</summary>
internal static class JepsenHistory
{
    public const string FileName = "history.edn";

    public static void Write(TextWriter to, RunAccount account)
    {
        var ops = account.Ops.OrderBy(o => o.CalledUs).ThenBy(o => o.Id).ToList();
        var clients = ops.Select(o => o.Client).DefaultIfEmpty(0).Max() + 1;
        var processes = new SortedDictionary<int, int>();
        var moments = new List<(long AtUs, int Order, Op Op, bool IsCall)>();
        foreach (var op in ops)
        {
            moments.Add((op.CalledUs, 0, op, true));
            moments.Add((op.ReturnedUs, 1, op, false));
        }

        var index = 0;
        foreach (var (atUs, _, op, isCall) in moments.OrderBy(m => m.AtUs).ThenBy(m => m.Order).ThenBy(m => m.Op.Id))
        {
            var process = processes.GetValueOrDefault(op.Client, op.Client);
            var type = isCall ? "invoke" : Type(op);
            if (type == "info") processes[op.Client] = process + clients;
            var at = atUs == long.MaxValue ? account.EndUs : atUs;
            to.Write(string.Create(CultureInfo.InvariantCulture,
                $"{{:index {index++}, :type :{type}, :process {process}, :f :{Function(op)}, :value [{Text(op.Key)} {Value(op, isCall)}], :time {at * 1000}{Error(op, type)}}}\n"));
        }
    }

    private static string Type(Op op) => op.Outcome switch
    {
        OpOutcome.Ok when op.CasRefused => "fail",
        OpOutcome.Ok => "ok",
        OpOutcome.Failed => "fail",
        // A read that nobody answered changed nothing.
        _ => op.Kind == OpKind.KvGet ? "fail" : "info",
    };

    private static string Function(Op op) => op.Kind switch
    {
        OpKind.KvGet => "read",
        OpKind.KvCas => "cas",
        OpKind.SqlInsert => "insert",
        _ => "write",
    };

    private static string Value(Op op, bool isCall) => op.Kind switch
    {
        OpKind.KvGet => isCall ? "nil" : Text(op.Value),
        OpKind.KvCas => $"[{Text(op.Expected)} {Text(op.Value)}]",
        OpKind.KvDelete => "nil",
        OpKind.SqlInsert => Text(op.Key),
        _ => Text(op.Value),
    };

    private static string Error(Op op, string type) => type is "invoke" or "ok" || op.Error.Length == 0 ? "" : $", :error {Text(op.Error)}";

    private static string Text(string? value)
    {
        if (value is null) return "nil";
        var text = new StringBuilder("\"");
        foreach (var c in value) text.Append(c switch { '"' => "\\\"", '\\' => "\\\\", '\n' => "\\n", '\r' => "\\r", '\t' => "\\t", _ => c.ToString() });
        return text.Append('"').ToString();
    }
}
