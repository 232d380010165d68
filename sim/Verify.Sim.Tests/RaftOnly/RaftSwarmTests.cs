using Verify.Sim.RaftOnly;

namespace Verify.Sim.Tests.RaftOnly;

public sealed class RaftSwarmTests
{
    [Test, Explicit("prints a figure"), Category("Figures")]
    public void Figures()
    {
#if VERIFY_MUTANTS
        Verify.Raft.Mutant.Armed = Environment.GetEnvironmentVariable("SWARM_MUTANT");
#endif
        var seconds = double.Parse(Environment.GetEnvironmentVariable("SWARM_SECONDS") ?? "5", System.Globalization.CultureInfo.InvariantCulture);
        var found = RaftSwarm.Explore(ulong.Parse(Environment.GetEnvironmentVariable("SWARM_SEED") ?? "1", System.Globalization.CultureInfo.InvariantCulture), long.MaxValue, TimeSpan.FromSeconds(seconds), threads: 1, TimeProvider.System);
        TestContext.Out.WriteLine(found);
        TestContext.Out.WriteLine($"elections {(double)found.Elections / found.Schedules:F2} commits {(double)found.Commits / found.Schedules:F2} reads {(double)found.ReadsGranted / found.Schedules:F2}");
#if VERIFY_MUTANTS
        TestContext.Out.WriteLine($"reached {Verify.Raft.Mutant.Reached} hits {Verify.Raft.Mutant.Hits}");
#endif
        if (found.FirstFailingSeed is { } seed) TestContext.Out.WriteLine(RaftSwarm.Run(seed, TestContext.Out.WriteLine));
    }
}
