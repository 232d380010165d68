using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Verify.Checks;

/// <summary>The fields of a <see cref="RunEvent"/> in the least memory: a run has thousands of events with two or three fields each. In the
/// order of their names.</summary>
[SuppressMessage("Naming", "CA1710", Justification = "Named after what it holds; that it is looked up by name is its interface's business.")]
public sealed class EventFields : IReadOnlyDictionary<string, string>
{
    private readonly KeyValuePair<string, string>[] _sorted;

    /// <param name="fields">In any order; of two of one name the last counts.</param>
    public EventFields(params ReadOnlySpan<(string Name, string Value)> fields)
    {
        var sorted = new KeyValuePair<string, string>[fields.Length];
        var count = 0;
        foreach (var (name, value) in fields)
        {
            var at = count;
            while (at > 0 && string.CompareOrdinal(sorted[at - 1].Key, name) > 0)
            {
                at--;
            }

            if (at > 0 && string.Equals(sorted[at - 1].Key, name, StringComparison.Ordinal))
            {
                sorted[at - 1] = new(name, value);
                continue;
            }

            Array.Copy(sorted, at, sorted, at + 1, count - at);
            sorted[at] = new(name, value);
            count++;
        }

        _sorted = count == sorted.Length ? sorted : sorted[..count];
    }

    /// <summary>For events without any.</summary>
    public static EventFields None { get; } = new();

    public int Count => _sorted.Length;
    public IEnumerable<string> Keys => _sorted.Select(f => f.Key);
    public IEnumerable<string> Values => _sorted.Select(f => f.Value);
    public string this[string key] => TryGetValue(key, out var value) ? value : throw new KeyNotFoundException($"no field '{key}'");

    public bool ContainsKey(string key) => TryGetValue(key, out _);

    public bool TryGetValue(string key, [MaybeNullWhen(false)] out string value)
    {
        foreach (var (name, text) in _sorted)
        {
            if (string.Equals(name, key, StringComparison.Ordinal))
            {
                value = text;
                return true;
            }
        }

        value = null;
        return false;
    }

    public IEnumerator<KeyValuePair<string, string>> GetEnumerator() => _sorted.AsEnumerable().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>The fields of <see cref="EventKinds.Applied"/>, of which there is one event per entry and node: three numbers, made text only
/// for whoever wants text.</summary>
[SuppressMessage("Naming", "CA1710", Justification = "Named after what it holds; that it is looked up by name is its interface's business.")]
public sealed class AppliedFields(long index, long term, ulong hash) : IReadOnlyDictionary<string, string>
{
    private static readonly string[] Names = ["hash", "index", "term"];

    public long Index => index;
    public int Count => Names.Length;
    public IEnumerable<string> Keys => Names;
    public IEnumerable<string> Values => Names.Select(n => this[n]);
    public string this[string key] => TryGetValue(key, out var value) ? value : throw new KeyNotFoundException($"no field '{key}'");

    /// <summary>It is the same entry: its term and its bytes.</summary>
    public bool IsSameEntry(AppliedFields other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return (term, hash) == (other.TermAndHash.Term, other.TermAndHash.Hash);
    }

    public bool ContainsKey(string key) => Names.Contains(key, StringComparer.Ordinal);

    public bool TryGetValue(string key, [MaybeNullWhen(false)] out string value)
    {
        value = key switch
        {
            "hash" => hash.ToString(CultureInfo.InvariantCulture),
            "index" => index.ToString(CultureInfo.InvariantCulture),
            "term" => term.ToString(CultureInfo.InvariantCulture),
            _ => null,
        };
        return value is not null;
    }

    /// <summary>A field that is a number anyway.</summary>
    public long? Number(string field) => field switch
    {
        "index" => index,
        "term" => term,
        _ => null,
    };

    public IEnumerator<KeyValuePair<string, string>> GetEnumerator() => Names.Select(n => KeyValuePair.Create(n, this[n])).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private (long Term, ulong Hash) TermAndHash => (term, hash);
}
