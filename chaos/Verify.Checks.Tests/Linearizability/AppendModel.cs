using Verify.Checks.Linearizability;

namespace Verify.Checks.Tests.Linearizability;

internal enum AppendCallKind { Get, Put, Append }

internal readonly record struct AppendCall(AppendCallKind Kind, string Value);

/// <summary>A string with get, put and append, empty at first: the object of the corpus's KV files.</summary>
internal sealed class AppendModel : IModel<string, AppendCall>
{
    public string Initial => "";

    public bool TryStep(string state, AppendCall call, out string next)
    {
        next = call.Kind switch
        {
            AppendCallKind.Put => call.Value,
            AppendCallKind.Append => state + call.Value,
            _ => state,
        };
        return call.Kind != AppendCallKind.Get || string.Equals(state, call.Value, StringComparison.Ordinal);
    }

    public bool[] MayBeLeftOut(IReadOnlyList<AppendCall> calls, int from, int count) =>
        calls.Skip(from).Take(count).Select(c => c.Kind == AppendCallKind.Get).ToArray();
}
