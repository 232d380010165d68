using Verify.Node.State;
using Verify.Node.State.Kv;
using Verify.Node.State.Time;
using Verify.Node.Tests.State.Kv;

namespace Verify.Node.Tests.State.Time;

/// <summary>The group's time: in the log, the same everywhere, never backwards.</summary>
public sealed class ReplicatedTimeTests
{
    [Test]
    public void It_never_goes_backwards_and_takes_the_wall_clock_of_the_newest_stamp()
    {
        var state = new ReplicatedState(1);
        state.Apply(Id(1), new Command.TimePasses(new(500, 1_700_000_000_000)));
        state.Apply(Id(2), new Command.TimePasses(new(400, 9)));
        Assert.That((state.Time.NowMs, state.Time.WallMs), Is.EqualTo((500L, 1_700_000_000_000L)));
        Assert.That(state.Time.WallAt(1_500), Is.EqualTo(DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_001_000)));
        Assert.That(state.Time.WallAt(long.MaxValue / 2).Year, Is.EqualTo(9999), "a deadline far out is shown as far out");
    }

    [Test]
    public void It_is_in_the_snapshot_and_an_unused_one_is_not()
    {
        var bed = new KvBed();
        Assert.That(bed.State.Freeze().Sections.Select(s => s.Kind), Has.No.Member(SectionKind.Time).And.No.Member(SectionKind.Locks));
        bed.TimePasses(250);
        bed.Restart();
        Assert.That(bed.State.Time.NowMs, Is.EqualTo(1_250));
    }

    [Test]
    public void What_ends_ends_before_the_command_of_the_same_entry()
    {
        var bed = new KvBed();
        bed.Do(KvBed.Put("k", ttlMs: 100));
        bed.NowMs += 100;
        Assert.That(bed.Do(KvBed.Put("k", "again", expected: 0)), Is.InstanceOf<KvOutcome.Done>(), "by the time of this entry the key is gone");
        Assert.That(bed.State.Kv.Get("k")!.CreateIndex, Is.EqualTo(2));
    }

    [Test]
    public void A_command_without_a_stamp_moves_no_time()
    {
        var bed = new KvBed();
        bed.Do(KvBed.Put("k", ttlMs: 100));
        bed.NowMs += 10_000;
        bed.Apply(new Command.KvPut("other", default, 0, null, null));
        Assert.That((bed.State.Time.NowMs, bed.Text("k")), Is.EqualTo((1_000L, "v")));
    }

    private static Verify.Raft.EntryId Id(long index) => new(new(1), new(index));
}
