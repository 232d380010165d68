namespace Verify.Sim.Network;

/// <summary>Byte arrays for what is on its way, used again and again. One world, one thread: no locks.</summary>
internal sealed class SegmentPool
{
    private const int SmallestBytes = 256;
    private const int ClassCount = 9;
    private const int KeptPerClass = 256;
    private readonly Stack<byte[]>[] _classes = new Stack<byte[]>[ClassCount];

    public SegmentPool()
    {
        for (var i = 0; i < ClassCount; i++) _classes[i] = new Stack<byte[]>();
    }

    public byte[] Rent(int bytes)
    {
        var index = ClassOf(bytes);
        if (index >= ClassCount) return new byte[bytes];
        return _classes[index].TryPop(out var array) ? array : new byte[SmallestBytes << index];
    }

    public void Return(byte[] array)
    {
        var index = ClassOf(array.Length);
        if (index < ClassCount && array.Length == SmallestBytes << index && _classes[index].Count < KeptPerClass) _classes[index].Push(array);
    }

    private static int ClassOf(int bytes)
    {
        var index = 0;
        while (index < ClassCount && SmallestBytes << index < bytes) index++;
        return index;
    }
}
