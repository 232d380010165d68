using System.Text;

namespace Verify.Sim.Tracing;

/// <summary>The names of events. A name survives refactoring and its hash is the same in every process; the number is only
/// for this run.</summary>
internal sealed class LabelTable
{
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly List<string> _texts = [];
    private ulong[] _hashes = new ulong[64];

    public int Intern(string text)
    {
        if (_numbers.TryGetValue(text, out var number)) return number;
        number = _texts.Count;
        _numbers.Add(text, number);
        _texts.Add(text);
        if (number == _hashes.Length) Array.Resize(ref _hashes, number * 2);
        _hashes[number] = HashOf(text);
        return number;
    }

    public string TextOf(int label) => _texts[label];
    public ulong HashOf(int label) => _hashes[label];

    /// <summary>A number of the name that does not depend on the run.</summary>
    public int NumberOf(int label) => (int)(_hashes[label] & 0x7FFF_FFFF);

    /// <summary>FNV-1a, 64 bits (Fowler, Noll, Vo).</summary>
    public static ulong HashOf(string text)
    {
        var hash = 0xCBF29CE484222325UL;
        foreach (var b in Encoding.UTF8.GetBytes(text)) hash = (hash ^ b) * 0x100000001B3UL;
        return hash;
    }
}
