namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class SameLogCheckTests
{
    private readonly SameLogCheck _check = new();

    [Test]
    public void The_same_entries_in_the_same_order_are_valid()
    {
        var finding = Apply(Apply(new Run(), "n1", 1, 2, 3), "n2", 1, 2, 3).Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(finding.Figures["compared"], Is.EqualTo(3));
    }

    [Test]
    public void Another_hash_at_the_same_index_is_invalid()
    {
        var run = Apply(new Run(), "n1", 1, 2).At(7, EventKinds.Applied, "n2", ("index", 1), ("term", 1), ("hash", 999));
        var finding = run.Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.Evidence, Does.Contain("index 1: n1 applied term 1 hash 101, n2 applied term 1 hash 999"));
    }

    [Test]
    public void Another_term_at_the_same_index_is_invalid()
    {
        var run = Apply(new Run(), "n1", 1).At(7, EventKinds.Applied, "n2", ("index", 1), ("term", 2), ("hash", 101));
        Assert.That(run.Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public void A_gap_is_invalid_and_so_is_an_entry_applied_twice()
    {
        Assert.That(Apply(Apply(new Run(), "n1", 1, 2, 3), "n2", 1, 3).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(Apply(Apply(new Run(), "n1", 1, 2, 3), "n2", 1, 1).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
    }

    /// <summary>Found by the short night of 2026-11-22 (fleet, seed 46, with fault points): a node that was far behind got a snapshot while it ran,
    /// and the check took the jump for a gap.</summary>
    [Test]
    public void A_snapshot_that_is_installed_takes_the_place_of_entries_and_of_no_more_than_those_in_it()
    {
        Run Installed(long index) => Apply(Apply(new Run(), "n1", 1, 2, 3, 4, 5), "n2", 1, 2).At(20, EventKinds.SnapshotInstalled, "n2", ("index", index), ("term", 1));
        Assert.That(Apply(Installed(4), "n2", atMs: 30, 5).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(Apply(Installed(3), "n2", atMs: 30, 5).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid), "entry 4 is missing");
        Assert.That(Apply(Installed(4), "n2", atMs: 30, 3, 4, 5).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid), "3 and 4 are in the snapshot");
        Assert.That(Installed(1).Judge(_check).Evidence, Does.Contain("n2 installed a snapshot up to index 1 after it had applied 2"));
    }

    [Test]
    public void A_node_that_starts_again_may_begin_anywhere_but_must_agree()
    {
        var run = Apply(Apply(new Run(), "n1", 1, 2, 3), "n2", 1, 2, 3).At(50, EventKinds.NodeDown, "n2").At(60, EventKinds.Started, "n2");
        Assert.That(Apply(run, "n2", atMs: 70, 1, 2, 3).Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
        run.At(90, EventKinds.NodeDown, "n2").At(95, EventKinds.Applied, "n2", ("index", 2), ("term", 1), ("hash", 5));
        Assert.That(run.Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
    }

    [Test]
    public void Entries_of_one_node_alone_compare_nothing_and_are_unknown() =>
        Assert.That(Apply(new Run(), "n1", 1, 2, 3).Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));

    private static Run Apply(Run run, string node, params long[] indexes) => Apply(run, node, atMs: 1, indexes);

    private static Run Apply(Run run, string node, double atMs, params long[] indexes)
    {
        foreach (var index in indexes)
        {
            run.At(atMs++, EventKinds.Applied, node, ("index", index), ("term", 1), ("hash", 100 + index));
        }

        return run;
    }
}
