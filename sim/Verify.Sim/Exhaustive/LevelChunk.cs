namespace Verify.Sim.Exhaustive;

/// <summary>Some states of one level of the search (so many steps from the start), each a few numbers one after the other: its nodes, its
/// past, what it has spent of the bounds, the messages under way in ascending order. What is needed to go on from them is given back
/// when that is done; where each came from stays, for the way to a violation.</summary>
internal sealed class LevelChunk(int nodes)
{
    public const int StatesMax = 2048;
    private uint[] _data = new uint[StatesMax * (nodes + 12)];
    private int _used;

    /// <summary>Number of its first state within the level.</summary>
    public long First { get; set; }
    public int Count { get; private set; }
    public bool IsFull => Count == StatesMax;

    /// <summary>For each state the number of the one before within its level (upper half) and the action between them (lower half).</summary>
    public ulong[] Origins { get; private set; } = new ulong[StatesMax];

    /// <summary>Room for a state with so many messages; it counts with <see cref="Keep"/>.</summary>
    public Span<uint> Room(int words)
    {
        if (_used + words > _data.Length) Array.Resize(ref _data, Math.Max(_data.Length * 2, _used + words));
        return _data.AsSpan(_used, words);
    }

    public void Keep(int words, ulong origin)
    {
        Origins[Count++] = origin;
        _used += words;
    }

    /// <summary>Nothing more comes: no more room is held than is used.</summary>
    public void Close()
    {
        if (_data.Length > _used + (_used / 8)) Array.Resize(ref _data, _used);
        if (Count < StatesMax) Origins = Origins[..Count];
    }

    public ReadOnlySpan<uint> From(int offset) => _data.AsSpan(offset, _used - offset);

    /// <summary>Nobody goes on from here any more.</summary>
    public void LetGo() => _data = [];
}

/// <summary>How the numbers of one state follow each other.</summary>
internal readonly record struct StateShape(int Nodes)
{
    public int History => Nodes;
    public int Spent => Nodes + 1;
    public int MessageCount => Nodes + 2;

    /// <summary>Messages that were forgotten: behind those under way, and in no hash.</summary>
    public int ForgottenCount => Nodes + 3;
    public int Messages => Nodes + 4;

    public int WordsOf(ReadOnlySpan<uint> state) => Messages + (int)state[MessageCount] + (int)state[ForgottenCount];

    public ReadOnlySpan<uint> UnderWay(ReadOnlySpan<uint> state) => state.Slice(Messages, (int)state[MessageCount]);

    public ReadOnlySpan<uint> Forgotten(ReadOnlySpan<uint> state) => state[(Messages + (int)state[MessageCount])..];
}

/// <summary>What a state has spent of the bounds: four bits for each.</summary>
internal static class Spent
{
    public static uint One(ActionKind kind) => kind == ActionKind.Deliver ? 0 : 1u << Place(kind);

    public static int Of(uint spent, ActionKind kind) => (int)(spent >> Place(kind)) & 15;

    private static int Place(ActionKind kind) => 4 * ((int)kind - 1);
}
