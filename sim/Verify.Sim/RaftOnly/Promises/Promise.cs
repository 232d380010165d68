namespace Verify.Sim.RaftOnly.Promises;

/// <summary>One promise of Raft, watched while a schedule runs. A violation is sticky: nothing that happens later, and no
/// exception that is swallowed, can undo it.</summary>
internal abstract class Promise
{
    public abstract string Name { get; }

    /// <summary>The first thing that was seen to be wrong.</summary>
    public string? Broken { get; private set; }

    protected void Break(string what) => Broken ??= what;
}
