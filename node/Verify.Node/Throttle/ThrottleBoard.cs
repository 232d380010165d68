using Verify.Node.Seam;

namespace Verify.Node.Throttle;

/// <summary>What the loop knows for checks, at one moment. Immutable.</summary>
/// <param name="LeadsUntil">Until then, on the node's clock, nobody else can lead; null: this node does not lead, or does not yet have
/// everything that was committed before it.</param>
/// <param name="Apps">By "app" and "app/store": how many of a million checks are refused.</param>
/// <param name="Stores">By name. Neither of the two dictionaries is changed once the picture is published.</param>
internal sealed record ThrottlePicture(TimeSpan? LeadsUntil, Dictionary<string, StoreVerdict> Stores, Dictionary<string, int> Apps)
{
    public static readonly ThrottlePicture Blank = new(null, [], []);
}

/// <summary>Where checks are answered, by any thread, beside the loop: tens of thousands a second must not queue behind the log.
/// <para>Why an answer from here is as good as one from the loop:</para>
/// <list type="number">
/// <item>The loop publishes a picture by one volatile write; a check takes the reference once and uses nothing else of the node. A picture is
/// never changed, so nobody sees half of one.</item>
/// <item>Every picture carries until when each part of it holds, on the node's monotonic clock, and the check reads that clock <em>after</em> it
/// took the reference. So a loop that stands still (a pause, a full inbox, a halted node) does not keep an old "go on" alive: a verdict
/// ends with its oldest sample, and leadership with the lease, by themselves.</item>
/// <item>Leadership: the lease's end is reckoned in Raft's own ticks, turned into the earliest moment at which so many ticks can be counted
/// (<see cref="Loop.Pulse.After"/>). It may end sooner only by a deed of this node (a transfer), and then the loop publishes before the
/// message leaves that lets another node lead. A check that took the picture before that has its place before the transfer.</item>
/// <item>Commands: an entry's effect is published before its proposer is answered. So whoever throttles an application and was told
/// "done" is obeyed by every check that is asked after that, here; and elsewhere nobody answers, except a later leader, which has applied
/// all that was acknowledged before it says anything (its own barrier).</item>
/// <item>Samples: their age counts from when the question was sent, on the clock of the node that answers. Nothing that came over the
/// network from another node gives a 200.</item>
/// </list></summary>
internal sealed class ThrottleBoard(Func<TimeSpan> clock, SharedDice dice, TimeSpan ageMax, TimeSpan lowPriorityDeniedFor)
{
    /// <summary>freno's: always throttled, for people who try out their clients.</summary>
    public const string AbusingApp = ThrottleNames.AbusingApp;

    /// <summary>freno's own name: its checks count for no statistics of others.</summary>
    public const string FrenoApp = "freno";
    private volatile ThrottlePicture _picture = ThrottlePicture.Blank;

    public ThrottlePicture Picture => _picture;

    /// <summary>On the loop.</summary>
    public void Publish(ThrottlePicture picture) => _picture = picture;

    /// <summary>This node leads for sure at this moment.</summary>
    public bool Leads => _picture.LeadsUntil is { } until && clock() < until;

    /// <summary>May this application write now? Any thread. freno's order of rules (pkg/throttle/check.go), before which stands: only a
    /// leader knows.</summary>
    public CheckAnswer Check(string app, string storeType, string store, CheckFlags flags)
    {
        var picture = _picture;
        var now = clock();
        if (app.Length == 0) return CheckAnswer.NoApp;
        if (picture.LeadsUntil is not { } leadsUntil || now >= leadsUntil) return CheckAnswer.NotLeader;
        var verdict = string.Equals(storeType, "mysql", StringComparison.Ordinal) ? picture.Stores.GetValueOrDefault(store) : null;
        if (flags.IsLowPriority && verdict?.Mark.IsWithin(lowPriorityDeniedFor, now) == true) return CheckAnswer.LowPriorityDenied;
        if (IsThrottled(picture, app, store)) return CheckAnswer.AppDenied;
        if (verdict is null) return flags.IfExists ? CheckAnswer.NotThere : CheckAnswer.NoSuchStore;
        if (verdict.Fixed is { } answer) return answer;
        if (now >= verdict.HoldsUntil) return verdict.Stale(ageMax);
        var threshold = flags.Threshold > 0 ? flags.Threshold : verdict.Threshold;
        if (verdict.Value <= threshold) return verdict.Ok(threshold);
        if (!flags.IsLowPriority && !flags.IsRead && app != FrenoApp) verdict.Mark.Set(now);
        return verdict.Lag(threshold);
    }

    /// <summary>How old the oldest sample behind an OK is at the most, at this moment.</summary>
    public TimeSpan AgeOf(string store) => _picture.Stores.TryGetValue(store, out var verdict) ? clock() - verdict.AskedAt : TimeSpan.Zero;

    private bool IsThrottled(ThrottlePicture picture, string app, string store)
    {
        if (app == AbusingApp) return true;
        if (picture.Apps.Count == 0) return false;
        return IsDrawn(picture, $"{app}/{store}") || IsDrawn(picture, app);
    }

    private bool IsDrawn(ThrottlePicture picture, string key) =>
        picture.Apps.TryGetValue(key, out var perMillion) && (perMillion >= 1_000_000 || dice.Next(1_000_000) < perMillion);
}
