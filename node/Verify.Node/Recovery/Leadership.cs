using Verify.Node.Loop;
using Verify.Raft;

namespace Verify.Node.Recovery;

/// <summary>Whether this node leads right now. Raft counts its lease in ticks, so a process that was paused still believes in it until the
/// next tick has been counted; what waited in the inbox may run before that. Here the clock is asked as well.</summary>
internal sealed class Leadership(INodeServices services)
{
    private TimeSpan _tickedAt = services.Now;

    public bool IsHeld
    {
        get
        {
            var timing = services.Config.Timing;
            return services.IsLeader && services.Now - _tickedAt <= timing.Tick * timing.ElectionTicks / 2;
        }
    }

    public Term Term => services.Raft.Term;

    /// <summary>A tick was counted by Raft.</summary>
    public void Ticked() => _tickedAt = services.Now;

    /// <summary>This node leads, still in the term in which it began.</summary>
    public bool IsHeldIn(Term term) => IsHeld && Term == term;
}
