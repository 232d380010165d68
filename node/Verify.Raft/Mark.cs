using System.Diagnostics;

namespace Verify.Raft;

/// <summary>Says that something worth testing has happened ("sometimes" assertions; TigerBeetle's coverage marks, Antithesis): over many seeds
/// every mark that is not rare must be reached, or the tests do not test what they seem to. The calls are compiled into the test
/// build only (-p:Mutants=true); a style test proves that a production assembly makes none. The names stand in the catalogue of verify-chaos.</summary>
public static class Mark
{
    /// <summary>This has happened in the run on this thread.</summary>
    [Conditional("VERIFY_MUTANTS")]
    public static void Reached(string name)
    {
#if VERIFY_MUTANTS
        ProbeRun.Current?.Reach(name);
#endif
    }

    /// <summary>As above, where it depends.</summary>
    [Conditional("VERIFY_MUTANTS")]
    public static void ReachedIf(bool happened, string name)
    {
#if VERIFY_MUTANTS
        if (happened) ProbeRun.Current?.Reach(name);
#endif
    }
}
