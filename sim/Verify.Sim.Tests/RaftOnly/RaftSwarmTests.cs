using Verify.Sim.RaftOnly;

namespace Verify.Sim.Tests.RaftOnly;

public sealed class RaftSwarmTests
{
    [Test, Explicit("prints a figure"), Category("Figures")]
    public void Figures()
    {
        var seconds = double.Parse(Environment.GetEnvironmentVariable("SWARM_SECONDS") ?? "5", System.Globalization.CultureInfo.InvariantCulture);
        var found = RaftSwarm.Explore(1, long.MaxValue, TimeSpan.FromSeconds(seconds), threads: 1, TimeProvider.System);
        TestContext.Out.WriteLine(found);
        TestContext.Out.WriteLine($"elections {(double)found.Elections / found.Schedules:F2} commits {(double)found.Commits / found.Schedules:F2} reads {(double)found.ReadsGranted / found.Schedules:F2}");
        if (found.FirstFailingSeed is { } seed) TestContext.Out.WriteLine(RaftSwarm.Run(seed));
    }
}
