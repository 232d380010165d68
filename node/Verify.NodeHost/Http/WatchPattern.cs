namespace Verify.NodeHost.Http;

/// <summary>Which keys are watched: one, all that begin so, or (Konsul) a pattern in which * stands for anything within a segment and ** for anything.</summary>
internal sealed class WatchPattern
{
    private readonly string _text;
    private readonly int _star;

    public WatchPattern(string text, bool isPrefix)
    {
        _star = isPrefix ? -1 : text.IndexOf('*', StringComparison.Ordinal);
        _text = text;
        Prefix = _star < 0 ? text : text[.._star];
        IsPrefix = isPrefix || _star >= 0 || text.Length == 0;
    }

    /// <summary>What the node is asked for.</summary>
    public string Prefix { get; }
    public bool IsPrefix { get; }

    public bool Takes(string key) => _star >= 0 ? Matches(_text, key) : IsPrefix ? key.StartsWith(Prefix, StringComparison.Ordinal) : string.Equals(key, Prefix, StringComparison.Ordinal);

    /// <summary>Keys are short (at most 1024 bytes), and so are patterns.</summary>
    private static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> key)
    {
        if (pattern.IsEmpty) return key.IsEmpty;
        if (pattern[0] != '*') return !key.IsEmpty && key[0] == pattern[0] && Matches(pattern[1..], key[1..]);
        var isDeep = pattern.StartsWith("**", StringComparison.Ordinal);
        var rest = pattern[(isDeep ? 2 : 1)..];
        if (rest.IsEmpty) return isDeep || !key.Contains('/');
        for (var taken = 0; taken <= key.Length; taken++)
        {
            if (Matches(rest, key[taken..])) return true;
            if (taken < key.Length && !isDeep && key[taken] == '/') return false;
        }

        return false;
    }
}
