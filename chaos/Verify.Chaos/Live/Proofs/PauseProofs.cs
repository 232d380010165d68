using System.Globalization;
using Verify.Node.Seam;
using Verify.Scenarios;

namespace Verify.Chaos.Live.Proofs;

/// <summary>SIGSTOP of every node at once, as when a host of virtual machines sleeps. When they wake, deadlines have passed on all of them.</summary>
internal sealed class PauseAllProof : ScenarioProof
{
    public override string Name => "pause-all";
    public override string Story => "All three nodes are stopped (SIGSTOP) for 35 s (--quick: 5 s) under load, then go on: all processes live, one leader, nothing lost.";

    protected override IReadOnlyList<Plan> Plans(ProofOptions options, Dice dice)
    {
        var pause = TimeSpan.FromSeconds(options.Quick ? 5 : 35);
        var rounds = options.RoundsOr(3, 1);
        var begin = TimeSpan.FromSeconds(3);
        var between = TimeSpan.FromSeconds(options.Quick ? 4 : 10);
        var steps = new List<Step>();
        for (var round = 0; round < rounds; round++)
        {
            steps.AddRange(NodeNames.Select(n => new Step(begin, begin + pause, new Fault.Pause(new Target.Named(n)))));
            begin += pause + between;
        }

        return
        [
            new(string.Create(CultureInfo.InvariantCulture, $"all three stopped for {pause.TotalSeconds:0} s"), $"{rounds} times", begin, [.. steps], TimeSpan.FromSeconds(20)),
        ];
    }
}

/// <summary>A follower that was away comes back while the leader is well.</summary>
internal sealed class ReturnProof : ScenarioProof
{
    public override string Name => "return";
    public override string Story => "A follower is stopped (SIGSTOP), or cut off from both others, and comes back under load: leader and term stay as they are.";

    protected override IReadOnlyList<Plan> Plans(ProofOptions options, Dice dice)
    {
        var rounds = options.RoundsOr(10, 2);
        return [Away("stopped", who => new Fault.Pause(who), rounds, options), Away("cut off", Cut, rounds, options)];
    }

    private static Fault.Partition Cut(Target who) => new([[new Target.DataCenterOf(who)]]);

    private static Plan Away(string how, Func<Target, Fault> fault, int rounds, ProofOptions options)
    {
        var length = TimeSpan.FromSeconds(options.Quick ? 3 : 6);
        var steps = new List<Step>();
        var begin = TimeSpan.FromSeconds(2);
        for (var round = 0; round < rounds; round++)
        {
            steps.Add(new(begin, begin + length, fault(new Target.OneFollower())));
            begin += length + TimeSpan.FromSeconds(3);
        }

        return new(string.Create(CultureInfo.InvariantCulture, $"one follower {how} for {length.TotalSeconds:0} s"), $"{rounds} times", begin, [.. steps], TimeSpan.FromSeconds(20)) { KeepsLeader = true };
    }
}
