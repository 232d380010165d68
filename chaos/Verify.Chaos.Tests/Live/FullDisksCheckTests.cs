using System.Collections.Immutable;
using Verify.Chaos.Live.Proofs;
using Verify.Checks;

namespace Verify.Chaos.Tests.Live;

/// <summary>The check behind "with all disks full, reads go on and writes are refused with the reason".</summary>
public sealed class FullDisksCheckTests
{
    private const string Refusal = "507: {\"error\":\"refused\",\"message\":\"disk full on n2:10008\"}";

    [Test]
    public void Reads_that_are_answered_and_writes_that_are_refused_with_the_reason_are_valid() =>
        Assert.That(Judge(Read(), [Write(Refusal), Write("429: nothing has become durable on a majority for 3.1 s: disks of the group are full or stand still")], []).Verdict, Is.EqualTo(Verdict.Valid));

    [Test]
    public void A_read_that_fails_meanwhile_is_a_violation()
    {
        var finding = Judge(Read(), Write(Refusal), Op(OpKind.KvGet, OpOutcome.Failed, "503: no leader"));
        Assert.That((finding.Verdict, finding.Evidence), Is.EqualTo((Verdict.Invalid, "6.000 s: KvGet by n1: Failed 503: no leader")));
    }

    [Test]
    public void A_write_that_is_refused_for_another_reason_whose_outcome_is_unknown_or_that_is_accepted_is_a_violation() => Assert.Multiple(() =>
    {
        Assert.That(Judge(Read(), Write("503: no leader")).Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(Judge(Read(), Op(OpKind.KvPut, OpOutcome.Unknown, "timed out")).Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(Judge(Read(), Op(OpKind.KvPut, OpOutcome.Ok, "")).Verdict, Is.EqualTo(Verdict.Invalid));
    });

    [Test]
    public void What_happens_before_all_are_full_and_after_the_first_is_free_again_does_not_count()
    {
        var early = Op(OpKind.KvPut, OpOutcome.Ok, "") with { CalledUs = 4_000_000, ReturnedUs = 4_000_000 };
        var late = Op(OpKind.KvGet, OpOutcome.Failed, "503") with { CalledUs = 8_000_000, ReturnedUs = 9_100_000 };
        Assert.That(Judge(Read(), Write(Refusal), [early, late]).Verdict, Is.EqualTo(Verdict.Valid));
    }

    [Test]
    public void Without_enough_reads_nothing_is_shown() => Assert.That(Judge(Write(Refusal)).Verdict, Is.EqualTo(Verdict.Unknown));

    private static Op[] Read() => [.. Enumerable.Range(0, 5).Select(_ => Op(OpKind.KvGet, OpOutcome.Ok, ""))];

    private static Op Write(string error) => Op(OpKind.KvPut, OpOutcome.Failed, error);

    private static Op Op(OpKind kind, OpOutcome outcome, string error) => new()
    {
        Id = 1, Client = 0, DataCenter = "dc1", Kind = kind, Key = "k", Outcome = outcome, CalledUs = 6_000_000, ReturnedUs = 6_001_000, By = "n1", Error = error,
    };

    private static Finding Judge(params Op[] ops) => Judge(ops, []);

    private static Finding Judge(Op[] reads, params Op[] more) => Judge(reads, more, []);

    private static Finding Judge(Op[] reads, Op write, params Op[] more) => Judge(reads, [write], more);

    private static Finding Judge(Op[] reads, Op[] writes, Op[] more) => new FullDisksCheck(3).Judge(new()
    {
        History = new([.. reads, .. writes, .. more]),
        Events =
        [
            .. Enumerable.Range(1, 3).Select(i => Fault(i * 1_000_000, EventKinds.FaultBegun, $"step {i}")),
            .. Enumerable.Range(1, 3).Select(i => Fault(8_000_000 + (i * 1_000_000), EventKinds.FaultEnded, $"step {i}")),
        ],
        Nodes = ImmutableSortedDictionary<string, string>.Empty, Servers = ImmutableSortedDictionary<string, string>.Empty,
        ObservationsAreExact = false, EndUs = 20_000_000,
    });

    private static RunEvent Fault(long atUs, string kind, string step) => new(atUs, 0, kind, step, "", new EventFields(("fault", "diskFull")));
}
