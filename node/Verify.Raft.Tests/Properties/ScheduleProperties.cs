using System.Globalization;
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
            var promises = Play(new TestGroup(nodes), steps, changesMembers: false);
            elections += promises.Elections;
            commits += promises.Commits;
            return promises.Broken is null ? true.ToProperty() : false.Label(promises.Broken);
        });
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(schedules).WithReplay(20_261_120, 9), property);
        TestContext.Out.WriteLine($"{schedules} schedules, {elections} elections, {commits} commits");
        Assert.That(elections, Is.GreaterThan(schedules / 2), "schedules without elections prove nothing");
        Assert.That(commits, Is.GreaterThan(schedules / 2), "schedules without commits prove nothing");
    }

    [TestCase(1, 4, 300, 9ul)]
    [TestCase(2, 2, 300, 11ul)]
    [TestCase(3, 2, 400, 13ul)]
    [TestCase(4, 1, 200, 15ul)]
    public void Every_schedule_of_joins_leaves_and_snapshots_keeps_every_promise(int nodes, int waiting, int schedules, ulong seed)
    {
        long elections = 0, commits = 0, changes = 0, snapshots = 0, installs = 0;
        var property = Prop.ForAll(Schedules(), steps =>
        {
            var group = Changing(nodes, waiting);
            var promises = Play(group, steps, changesMembers: true);
            (elections, commits, changes) = (elections + promises.Elections, commits + promises.Commits, changes + promises.Changes);
            snapshots += group.Nodes.Count(n => n.Snapshots.Newest is not null);
            installs += group.Nodes.Sum(n => n.Installs);
            return promises.Broken is null ? true.ToProperty() : false.Label(promises.Broken);
        });
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(schedules).WithReplay(20_261_121, seed), property);
        TestContext.Out.WriteLine($"{schedules} schedules, {elections} elections, {commits} commits, {changes} changes, {snapshots} snapshots, {installs} installs");
        Assert.That(changes, Is.GreaterThan(schedules / 4), "schedules without changes prove nothing about them");
        Assert.That(snapshots, Is.GreaterThan(schedules / 4), "schedules without snapshots prove nothing about them");
        Assert.That(installs, Is.GreaterThan(0), "no node was ever so far behind that it needed a snapshot");
    }

    [TestCase(false)]
    [TestCase(true)]
    public void After_any_schedule_a_healed_group_elects_a_leader_and_commits(bool changesMembers)
    {
        var property = Prop.ForAll(Schedules(), steps =>
        {
            var group = changesMembers ? Changing(3, 2) : new TestGroup(3);
            var schedule = new Schedule(group, changesMembers);
            foreach (var step in steps) schedule.Do(step);
            group.Heal();
            foreach (var node in group.Nodes.Where(n => !n.IsUp)) node.Restart();
            foreach (var id in group.Ids) group.Patience[id] = 2 * int.Parse(id.Name[1..], CultureInfo.InvariantCulture);
            group.Run(120);
            var leaders = group.Nodes.Where(n => n.Core.IsLeader).ToArray();
            if (leaders.Length != 1) return false.Label($"{leaders.Length} nodes lead");
            var (leader, members) = (leaders[0], leaders[0].Core.Membership);
            if (members.IsJoint || !members.IsVoter(leader.Id)) return false.Label($"the change has not ended: {members}");
            var last = group.Propose(leader.Id.Name, "at last");
            group.Run(3);
            return group.Nodes.Where(n => members.Contains(n.Id)).All(n => n.Applied.Count > 0 && n.Applied[^1].Id == last)
                .Label("not every member has applied it");
        });
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(150).WithReplay(20_261_120, 9), property);
    }

    /// <summary>Logs that forget quickly, so that snapshots are needed.</summary>
    private static TestGroup Changing(int nodes, int waiting) =>
        new(nodes, (_, options) => options with { TrailingEntries = 1 }, waiting: waiting);

    private static Arbitrary<int[]> Schedules() =>
        Gen.Choose(0, int.MaxValue - 1).ArrayOf().Resize(StepsMax).ToArbitrary();

    private static GroupPromises Play(TestGroup group, int[] steps, bool changesMembers)
    {
        var promises = new GroupPromises(group);
        var schedule = new Schedule(group, changesMembers);
        foreach (var step in steps)
        {
            schedule.Do(step);
            promises.Look();
            if (promises.Broken is not null) break;
        }
        return promises;
    }
}
