using FsCheck;
using FsCheck.Fluent;
using Verify.Raft.Tests.Groups;

namespace Verify.Raft.Tests.Properties;

/// <summary>Random schedules (loss, duplicates, reordering, cuts, crashes that lose what was not synced) keep Raft's promises
/// (paper, figure 3). Each step is one number, so that FsCheck shrinks a failing schedule to the few steps that matter.</summary>
public sealed class ScheduleProperties
{
    private const int StepsMax = 400;

    [TestCase(3, 400)]
    [TestCase(5, 150)]
    public void Every_schedule_keeps_every_promise(int nodes, int schedules)
    {
        long elections = 0, commits = 0;
        var property = Prop.ForAll(Schedules(), steps =>
        {
            var promises = Play(nodes, steps);
            elections += promises.Elections;
            commits += promises.Commits;
            return promises.Broken is null ? true.ToProperty() : false.Label(promises.Broken);
        });
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(schedules).WithReplay(20_261_120, 9), property);
        TestContext.Out.WriteLine($"{schedules} schedules, {elections} elections, {commits} commits");
        Assert.That(elections, Is.GreaterThan(schedules / 2), "schedules without elections prove nothing");
        Assert.That(commits, Is.GreaterThan(schedules / 2), "schedules without commits prove nothing");
    }

    [Test]
    public void After_any_schedule_a_healed_group_elects_a_leader_and_commits()
    {
        var property = Prop.ForAll(Schedules(), steps =>
        {
            var group = new TestGroup(3);
            var schedule = new Schedule(group);
            foreach (var step in steps) schedule.Do(step);
            group.Heal();
            foreach (var node in group.Nodes.Where(n => !n.IsUp)) node.Restart();
            foreach (var id in group.Ids) group.Patience[id] = 3 * int.Parse(id.Name[1..], System.Globalization.CultureInfo.InvariantCulture);
            group.Run(60);
            var leader = group.Nodes.SingleOrDefault(n => n.Core.IsLeader);
            if (leader is null) return false.Label("nobody leads");
            var id2 = group.Propose(leader.Id.Name, "at last");
            group.Run(3);
            return group.Nodes.All(n => n.Applied.Count > 0 && n.Applied[^1].Id == id2).Label("not everybody has applied it");
        });
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(150).WithReplay(20_261_120, 9), property);
    }

    private static Arbitrary<int[]> Schedules() =>
        Gen.Choose(0, int.MaxValue - 1).ArrayOf().Resize(StepsMax).ToArbitrary();

    private static GroupPromises Play(int nodes, int[] steps)
    {
        var group = new TestGroup(nodes);
        var promises = new GroupPromises(group);
        var schedule = new Schedule(group);
        foreach (var step in steps)
        {
            schedule.Do(step);
            promises.Look();
            if (promises.Broken is not null) break;
        }
        return promises;
    }
}
