#if VERIFY_MUTANTS
namespace Verify.Raft;

/// <summary>Switches for planted bugs. Compiled only into the test build (-p:Mutants=true); a style test proves that
/// a production assembly does not contain this type. One bug is armed per process.</summary>
public static class Mutant
{
    private static volatile string? _armed;
    private static long _reached;
    private static long _hit;

    /// <summary>The id of the planted bug that is switched on, for example "M12"; null for none.</summary>
    public static string? Armed { get => _armed; set { _armed = value; _reached = 0; _hit = 0; } }

    /// <summary>How often the place of the armed bug was reached.</summary>
    public static long Reached => Interlocked.Read(ref _reached);

    /// <summary>How often the armed bug made the node do something else than it should.</summary>
    public static long Hits => Interlocked.Read(ref _hit);

    /// <summary>True when this bug is switched on. Counts that its place was reached.</summary>
    public static bool Is(string id)
    {
        if (_armed is null || !string.Equals(_armed, id, StringComparison.Ordinal)) return false;
        Interlocked.Increment(ref _reached);
        return true;
    }

    /// <summary>As with one argument, and counts a hit where <paramref name="deviates"/> says that the wrong way differs
    /// from the right one here.</summary>
    public static bool Is(string id, bool deviates)
    {
        if (!Is(id)) return false;
        if (deviates) Interlocked.Increment(ref _hit);
        return deviates;
    }
}
#endif
