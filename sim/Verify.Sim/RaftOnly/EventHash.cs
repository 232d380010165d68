namespace Verify.Sim.RaftOnly;

/// <summary>One number for a sequence of events: FNV-1a over 64-bit words (offset basis and prime of the 64-bit variant).</summary>
internal struct EventHash
{
    private ulong _value;

    public readonly ulong Value => _value;

    public static EventHash Start() => new() { _value = 0xCBF29CE484222325UL };

    /// <summary>Goes on where another one was.</summary>
    public static EventHash From(ulong value) => new() { _value = value };

    public void Add(long word) => _value = (_value ^ (ulong)word) * 0x100000001B3UL;

    public void Add(int kind, int node, long word)
    {
        Add(((long)kind << 8) | (uint)node);
        Add(word);
    }
}
