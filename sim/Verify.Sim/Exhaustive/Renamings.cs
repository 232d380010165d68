namespace Verify.Sim.Exhaustive;

/// <summary>All ways to give the nodes other names; the first changes nothing. Without symmetry that is the only one.</summary>
internal sealed class Renamings
{
    private readonly byte[][] _to;
    private readonly byte[][] _from;

    public Renamings(int nodes, bool all)
    {
        var found = new List<byte[]>();
        Permute([.. Enumerable.Range(0, nodes).Select(i => (byte)i)], 0, found);
        _to = all ? [.. found] : [found[0]];
        _from = [.. _to.Select(Inverse)];
    }

    public int Count => _to.Length;

    /// <summary>The new number of a node.</summary>
    public int To(int renaming, int node) => _to[renaming][node];

    /// <summary>Whose new number that is.</summary>
    public int From(int renaming, int renamed) => _from[renaming][renamed];

    private static void Permute(byte[] order, int at, List<byte[]> found)
    {
        if (at == order.Length) found.Add([.. order]);
        for (var i = at; i < order.Length; i++)
        {
            (order[at], order[i]) = (order[i], order[at]);
            Permute(order, at + 1, found);
            (order[at], order[i]) = (order[i], order[at]);
        }
    }

    private static byte[] Inverse(byte[] order)
    {
        var inverse = new byte[order.Length];
        for (var i = 0; i < order.Length; i++) inverse[order[i]] = (byte)i;
        return inverse;
    }
}
