using System.Globalization;
using Verify.Node.Seam;
using Verify.Scenarios;

namespace Verify.Chaos.Live.Proofs;

/// <summary>Every node is killed again and again, on a plan of its own, so that now one, now two, now all three are down.</summary>
internal sealed class KillStormProof : ScenarioProof
{
    public override string Name => "kill-storm";
    public override string Story => "kill -9 of every node again and again for 120 s (--quick: 15 s) under load, one, two or all three at once: linearizable, nothing lost, whole again.";

    protected override IReadOnlyList<Plan> Plans(ProofOptions options, Dice dice)
    {
        var length = TimeSpan.FromSeconds(options.Quick ? 15 : 120);
        var storms = options.RoundsOr(2, 1);
        return [.. Enumerable.Range(1, storms).Select(number => Storm(number, length, dice.Fork($"storm {number}")))];
    }

    private static Plan Storm(int number, TimeSpan length, Dice dice)
    {
        var steps = new List<Step>();
        foreach (var node in NodeNames)
        {
            for (var at = Seconds(dice, 1, 5); at < length - TimeSpan.FromSeconds(3);)
            {
                var back = at + Seconds(dice, 0.1, 2.5);
                steps.Add(new(at, back, new Fault.Kill(new Target.Named(node))));
                at = back + Seconds(dice, 1, 6);
            }
        }

        return new(string.Create(CultureInfo.InvariantCulture, $"storm {number}, {length.TotalSeconds:0} s"), $"{steps.Count} kills", length,
            [.. steps.OrderBy(s => s.At)], TimeSpan.FromSeconds(20));
    }

    private static TimeSpan Seconds(Dice dice, double from, double to) => TimeSpan.FromMilliseconds((from * 1000) + dice.Next((int)((to - from) * 1000)));
}

/// <summary>The disks of one follower, of the leader, of all three are full for a while, truly (ENOSPC of a file system of their own).</summary>
internal sealed class DiskFullProof : ScenarioProof
{
    public override string Name => "disk-full";
    public override string Story => "The disk of a follower, of the leader, of all nodes is filled under load and freed again: writes are refused, not lost, and the group recovers by itself; how many reads were answered while all were full is told. Needs root (mounts).";

    protected override IReadOnlyList<Plan> Plans(ProofOptions options, Dice dice)
    {
        var rounds = options.RoundsOr(3, 1);
        return [.. new (string Case, Func<IEnumerable<Target>> Who)[]
        {
            ("a follower's disk", () => [new Target.OneFollower()]),
            ("the leader's disk", () => [new Target.Leader()]),
            ("all three disks", () => NodeNames.Select(n => new Target.Named(n))),
        }.Select(c => Full(c.Case, c.Who, rounds, options))];
    }

    private static Plan Full(string what, Func<IEnumerable<Target>> who, int rounds, ProofOptions options)
    {
        var isAll = who().Count() == NodeNames.Length;
        var length = TimeSpan.FromSeconds((options.Quick, isAll) switch { (true, false) => 3, _ => 8 });
        var steps = new List<Step>();
        var begin = TimeSpan.FromSeconds(2);
        for (var round = 0; round < rounds; round++)
        {
            steps.AddRange(who().Select(target => new Step(begin, begin + length, new Fault.DiskFull(target))));
            begin += length + TimeSpan.FromSeconds(4);
        }

        return new(string.Create(CultureInfo.InvariantCulture, $"{what} full for {length.TotalSeconds:0} s"), $"{rounds} times", begin, [.. steps], TimeSpan.FromSeconds(20))
        {
            FillsDisks = true, FillsAllDisks = isAll,
        };
    }
}
