using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.Seam;
using Verify.Node.Topology;

namespace Verify.Node.Tests.Recovery;

/// <summary>Random faults on the bed: cuts between data centres, leaders that change, nodes that apply late or lose sight of a server,
/// replicas that lose their source, servers that die and return, clocks that drift. Two servers never take writes at once, and after
/// all is healed one does and the others follow it.</summary>
public sealed class RecoverySwarm
{
    private static readonly string[] DataCenters = ["east", "north", "west"];

    [Test]
    public void Two_servers_never_take_writes_at_once_and_after_healing_one_does([Range(1, 40)] int seed) => Play(seed, Durability.None);

    /// <summary>Here a primary that is gone need not be waited for.</summary>
    [Test]
    public void The_same_holds_under_a_durable_policy([Range(41, 90)] int seed) => Play(seed, Durability.SemiSync);

    private static void Play(int seed, Durability durability)
    {
        var dice = new Dice((ulong)seed);
        var bed = new HaBed(
            c => c with
            {
                Timing = c.Timing with { ProbeTimeout = TimeSpan.FromMilliseconds(100 + dice.Fork("probe").Next(900)) },
                Clusters = [c.Clusters[0] with { Durability = durability }],
            },
            dc => 0.99 + (dice.Fork(dc).Next(21) / 1000.0)).Started(DataCenters[dice.Next(3)]);
        var story = new List<string>();
        for (var i = 0; i < 25; i++)
        {
            story.Add($"{bed.Now.TotalMilliseconds:0} {Hurt(bed, dice)}");
            bed.RunFor(TimeSpan.FromMilliseconds(50 + dice.Next(1500)));
            FindLeader(bed, dice);
            Assert.That(bed.TwoWriters, Is.Null, () => $"seed {seed}{Environment.NewLine}{string.Join(Environment.NewLine, story)}{Environment.NewLine}{bed.Story()}");
        }

        bed.Heal();
        foreach (var node in bed.Nodes) (node.IsBlindFor, node.ApplyLag) = (null, TimeSpan.Zero);
        foreach (var server in bed.Servers.Where(s => s.Health == ServerHealth.Dead)) server.Return(isReadOnly: true);
        foreach (var server in bed.Servers) server.FindSource();
        bed.RunFor(TimeSpan.FromSeconds(0.1));
        FindLeader(bed, dice);
        bed.RunUntil(() => IsWhole(bed), TimeSpan.FromSeconds(90), $"seed {seed}: one open primary that all others follow{Environment.NewLine}{string.Join(Environment.NewLine, story)}");
        Assert.That(bed.TwoWriters, Is.Null);
    }

    private static string Hurt(HaBed bed, Dice dice)
    {
        var place = DataCenters[dice.Next(3)];
        var server = bed.Servers[dice.Next(3)];
        if (dice.Chance(120)) return Ask(bed, dice);
        switch (dice.Next(12))
        {
            case 0 or 1:
                bed.CutOff(place);
                return $"{place} is cut off";
            case 2:
                var next = DataCenters[(Array.IndexOf(DataCenters, place) + 1) % 3];
                bed.Cut(place, next);
                return $"{place} and {next} lose each other";
            case 3 or 4:
                bed.Heal();
                return "all links are healed";
            case 5:
                server.Die();
                return $"{server.Key} dies";
            case 6 or 7:
                foreach (var dead in bed.Servers.Where(s => s.Health == ServerHealth.Dead)) dead.Return(isReadOnly: true);
                return "dead servers return";
            case 8:
                bed.Node(place).ApplyLag = TimeSpan.FromMilliseconds(dice.Next(3000));
                return $"{place} applies {bed.Node(place).ApplyLag.TotalMilliseconds} ms late";
            case 9:
                server.LoseSource();
                return $"{server.Key} loses its source";
            case 10 when bed.Leader is { } leader:
                FindLeader(bed, dice, except: leader);
                return $"{bed.Leader?.Config.DataCenter} leads";
            default:
                // Never the server of its own data centre: a guardian that cannot reach its server is what the dead-man switch is for.
                var far = bed.Servers.Where((_, i) => i != Array.IndexOf(DataCenters, place)).ToList();
                bed.Node(place).IsBlindFor = dice.Chance(300) ? null : far[dice.Next(far.Count)].Key;
                return $"{place} does not reach {bed.Node(place).IsBlindFor}";
        }
    }

    /// <summary>An operator asks the leader to move the primary, gracefully or by force.</summary>
    private static string Ask(HaBed bed, Dice dice)
    {
        var wish = (RecoveryWish)(1 + dice.Next(4));
        var to = wish == RecoveryWish.GracefulTakeoverAuto || dice.Chance(300) ? (InstanceKey?)null : HaBed.Key(1 + dice.Next(3));
        if (bed.Leader is not { IsLeader: true } leader) return $"{wish} is asked of nobody";
        var answer = leader.Part.Plan(new("main", wish, null, wish == RecoveryWish.ForceFailover ? null : to, "operator", WithoutHooks: false));
        if (answer.Command is not { } command) return $"{wish} to {to} is refused: {answer.Objection}";
        leader.Submit(command, _ => { });
        return $"{wish} to {to}";
    }

    private static void FindLeader(HaBed bed, Dice dice, BedNode? except = null)
    {
        if (except is null && bed.Leader is { } leader && bed.IsInQuorum(leader)) return;
        var able = bed.Nodes.Where(n => n != except && bed.IsInQuorum(n)).ToList();
        if (able.Count > 0) bed.Elect(able[dice.Next(able.Count)].Config.DataCenter);
    }

    private static bool IsWhole(HaBed bed)
    {
        var writers = bed.Servers.Where(s => s.TakesWrites).ToList();
        return writers.Count == 1 && bed.Servers.Where(s => s != writers[0]).All(s => s.Source == writers[0].Key && s.IoIsOn && s.SqlIsOn);
    }
}
