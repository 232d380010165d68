namespace Verify.Checks.Linearizability;

public enum KvCallKind { Get, Put, Append, Delete, Cas, CasRefused }

/// <summary>A call on one key and its answer. Null is "no such key".</summary>
/// <param name="Value">Get: what was read. Put and Cas: what is written. Append: what is put behind.</param>
/// <param name="Expected">Cas: what had to be there. CasRefused: what was certainly not there.</param>
public readonly record struct KvCall(KvCallKind Kind, string? Value, string? Expected = null);

/// <summary>What one key holds. <see cref="IsUnseen"/>: something that no call of the history ever saw; what exactly does not matter.</summary>
public readonly record struct KvState(string? Text, bool IsUnseen = false);

/// <summary>One key of a KV store with put, get, append, delete and compare-and-set; an append to nothing writes.</summary>
/// <remarks>Made for a history, states that no answer begins with are one state: appends only lengthen a text, so what is no beginning
/// of an answer cannot become one before the next put. Without that, k appends at once make k! texts.</remarks>
public sealed class KvModel : IModel<KvState, KvCall>
{
    private readonly string[]? _seen; // sorted; null: not made for a history

    public KvModel()
    {
    }

    private KvModel(string[] seen) => _seen = seen;

    public KvState Initial => default;

    public IModel<KvState, KvCall> For(IReadOnlyList<KvCall> calls) => new KvModel([.. Seen(calls).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)]);

    public bool TryStep(KvState state, KvCall call, out KvState next)
    {
        next = call.Kind switch
        {
            KvCallKind.Put or KvCallKind.Cas => Known(call.Value),
            KvCallKind.Append => state.IsUnseen ? state : Known(state.Text + call.Value),
            KvCallKind.Delete => default,
            _ => state,
        };
        return call.Kind switch
        {
            KvCallKind.Get => Holds(state, call.Value),
            KvCallKind.Cas => Holds(state, call.Expected),
            KvCallKind.CasRefused => !Holds(state, call.Expected),
            _ => true,
        };
    }

    /// <summary>What only looks may go. A put may go when no answer that is left begins with it, an append when none contains it; neither
    /// while a refused compare-and-set is left, which may have been refused for its sake. A delete stays: its trace is an absence.</summary>
    public bool[] MayBeLeftOut(IReadOnlyList<KvCall> calls, int from, int count)
    {
        bool IsInside(int i) => i >= from && i < from + count;
        var staying = calls.Where((_, i) => !IsInside(i)).ToArray();
        // A compare-and-set of the chunk may have to stay, so what it expected counts as seen all the same.
        var seen = Seen(staying.Where(c => c.Kind == KvCallKind.Get).Concat(calls.Where(c => c.Kind == KvCallKind.Cas))).Distinct(StringComparer.Ordinal).ToArray();
        var isRefusalLeft = staying.Any(c => c.Kind == KvCallKind.CasRefused);
        return Enumerable.Range(from, count).Select(i => calls[i].Kind switch
        {
            KvCallKind.Get or KvCallKind.CasRefused => true,
            KvCallKind.Put or KvCallKind.Cas => !isRefusalLeft && calls[i].Value is { } put && !Array.Exists(seen, s => s.StartsWith(put, StringComparison.Ordinal)),
            KvCallKind.Append => !isRefusalLeft && !Array.Exists(seen, s => s.Contains(calls[i].Value!, StringComparison.Ordinal)),
            _ => false,
        }).ToArray();
    }

    private static IEnumerable<string> Seen(IEnumerable<KvCall> calls) =>
        calls.Select(c => c.Kind switch { KvCallKind.Get => c.Value, KvCallKind.Cas or KvCallKind.CasRefused => c.Expected, _ => null }).OfType<string>();

    private static bool Holds(KvState state, string? text) => !state.IsUnseen && string.Equals(state.Text, text, StringComparison.Ordinal);

    private KvState Known(string? text)
    {
        if (text is null || _seen is null)
        {
            return new(text);
        }

        var at = Array.BinarySearch(_seen, text, StringComparer.Ordinal);
        at = at < 0 ? ~at : at; // the first answer that is not before it: if any begins with it, this one does
        return at < _seen.Length && _seen[at].StartsWith(text, StringComparison.Ordinal) ? new(text) : new(null, IsUnseen: true);
    }
}
