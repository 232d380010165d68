namespace Verify.Sim.Fleet;

/// <summary>What the driver must now do for the model. A closed list; the order counts.</summary>
internal abstract record ServerEffect
{
    private ServerEffect() { }

    /// <summary>Send the answer to the session's statement.</summary>
    public sealed record Answer(long Session, ServerAnswer What) : ServerEffect;

    /// <summary>Close the session's connection without a further word.</summary>
    public sealed record Close(long Session) : ServerEffect;

    /// <summary>Tell the model after this long that the session's wait is over.</summary>
    public sealed record TimeOutAfter(long Session, long Wait, TimeSpan Limit) : ServerEffect;

    /// <summary>Let this event of the dead-man switch go on after this long.</summary>
    public sealed record WatchAfter(DeadManEvent Event, TimeSpan Sleep) : ServerEffect;

    /// <summary>There is more for replicas to fetch.</summary>
    public sealed record BinlogGrew : ServerEffect;

    /// <summary>Run or end the thread that fetches.</summary>
    public sealed record SwitchIoThread(bool Runs) : ServerEffect;

    /// <summary>The applier may have something to do, or must stop.</summary>
    public sealed record ApplierMoved : ServerEffect;
}
