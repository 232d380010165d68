using Verify.Node.Loop;
using Verify.Node.State;
using Verify.Node.State.Ledger;
using Verify.Node.State.Policy;
using Verify.Node.Telemetry;

namespace Verify.Node.Tests.Recovery;

/// <summary>What the stories of the operators' settings have in common.</summary>
internal static class PolicyBed
{
    public static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    /// <summary>The primary, db1, has just died.</summary>
    public static HaBed Dead(RecoverySettings settings)
    {
        var bed = new HaBed(c => c with { Recovery = settings }).Started();
        bed.Servers[0].Die();
        return bed;
    }

    /// <summary>A recovery is called for and not begun, for this reason, which every leader says once.</summary>
    public static void Skipped(HaBed bed, string code, string words, int leaders = 1)
    {
        bed.RunUntil(() => bed.Leader!.Part.Skipped().Count == 1, Seconds(8), "a recovery that is called for and not begun");
        bed.RunFor(Seconds(3));
        var skipped = bed.Leader!.Part.Skipped().Single();
        Assert.That(skipped.Code, Is.EqualTo(code));
        Assert.That(skipped.Reason, Does.Contain(words));
        Assert.That(bed.Happened<NodeEvent.RecoverySkipped>().Select(s => s.Code), Is.EqualTo(Enumerable.Repeat(code, leaders)), "said once");
        Assert.That(bed.Servers.Any(s => s.TakesWrites), Is.False);
    }

    public static void Change(HaBed bed, PolicyCommand command)
    {
        bed.Leader!.Submit(new Command.Policy(command), result => Assert.That(result, Is.InstanceOf<CommandResult.Done>()));
        bed.RunFor(Seconds(0.1));
    }

    /// <summary>The recovery that is open, else the last one that was closed.</summary>
    public static RecoveryRecord? Last(HaBed bed)
    {
        var ledger = bed.Leader!.Ha.Cluster("main")!;
        return ledger.OpenRecovery ?? ledger.Closed.LastOrDefault();
    }
}
