using System.Collections.Immutable;
using FsCheck;
using FsCheck.Fluent;

namespace Verify.Scenarios.Tests;

[TestFixture]
internal sealed class ScenarioWriterTests
{
    [Test]
    public void The_form_is_fixed() => Assert.That(ScenarioWriter.Write(Sample.Read(expect: "  - singlePrimary: { window: 250ms }\n")), Is.EqualTo("""
        name: sample
        story: A sample.
        fleet:
          nodes: { east: [n1], west: [n7, n8] }
          mysql: { east: [db1], west: [db2] }
          primary: db1
          durability: semi_sync
        workload: { clients: 4, for: 30s, keys: 10, pause: 50ms, mix: { kvGet: 2, kvPut: 1, sqlInsert: 1 } }
        warmUp: 5s
        settle: 30s
        steps:
          - at: 5s
            kill: leader
        expect:
          - singlePrimary: { window: 250ms }

        """));

    [TestCaseSource(typeof(ScenarioLibrary), nameof(ScenarioLibrary.Names))]
    public void A_scenario_of_the_library_reads_back_the_same(string name) => AssertSame(ScenarioLibrary.Find(name));

    [FsCheck.NUnit.Property(MaxTest = 500)]
    public Property Any_scenario_reads_back_the_same() => Prop.ForAll(Scenarios().ToArbitrary(), AssertSame);

    [FsCheck.NUnit.Property(MaxTest = 1_000)]
    public Property Any_duration_reads_back_the_same() =>
        Prop.ForAll(ArbMap.Default.GeneratorFor<long>().Select(t => TimeSpan.FromTicks(t % TimeSpan.FromDays(300).Ticks)).ToArbitrary(), duration =>
            DurationText.TryParse(DurationText.Of(duration), out var read, mayBeNegative: true) && read == duration);

    [Test]
    public void Every_case_of_the_closed_lists_can_be_written()
    {
        Assert.That(AllFaults.Select(f => f.GetType()).Distinct(), Is.EquivalentTo(typeof(Fault).GetNestedTypes()));
        Assert.That(AllTargets.Select(t => t.GetType()).Distinct(), Is.EquivalentTo(typeof(Target).GetNestedTypes()));
        Assert.That(AllExpectations(TimeSpan.FromSeconds(2)).Select(e => e.GetType()), Is.EquivalentTo(typeof(Expectation).GetNestedTypes()));
        Assert.That(AllFaults.Select(ScenarioWriter.FaultText), Is.All.Not.Empty);
    }

    private static void AssertSame(Scenario written)
    {
        var text = ScenarioWriter.Write(written);
        var read = ScenarioReader.Read(text);
        Assert.That(ScenarioWriter.Write(read), Is.EqualTo(text));
        Assert.That((read.Name, read.Story, read.WarmUp, read.Settle), Is.EqualTo((written.Name, written.Story, written.WarmUp, written.Settle)));
        Assert.That((read.Fleet.Primary, read.Fleet.Durability), Is.EqualTo((written.Fleet.Primary, written.Fleet.Durability)));
        Assert.That(Flat(read.Fleet.Nodes), Is.EqualTo(Flat(written.Fleet.Nodes)));
        Assert.That(Flat(read.Fleet.Servers), Is.EqualTo(Flat(written.Fleet.Servers)));
        Assert.That(read.Workload with { Mix = written.Workload.Mix }, Is.EqualTo(written.Workload));
        Assert.That(read.Workload.Mix, Is.EqualTo(written.Workload.Mix));
        Assert.That(read.Fleet.Below, Is.EqualTo(written.Fleet.Below));
        Assert.That(read.Steps.Select(Flat), Is.EqualTo(written.Steps.Select(Flat)));
        Assert.That(read.Expect, Is.EqualTo(written.Expect));
    }

    private static string[] Flat(ImmutableSortedDictionary<string, ImmutableArray<string>> places) =>
        places.SelectMany(p => p.Value.Select((name, i) => $"{p.Key}/{i}/{name}")).ToArray();

    private static object Flat(Step step) => (step.At, step.Until, step.Fault is Fault.Partition p
        ? string.Join('|', p.Groups.Select(g => string.Join(',', g)))
        : step.Fault is Fault.Ring or Fault.Swizzle ? ScenarioWriter.FaultText(step.Fault) : step.Fault.ToString());

    private static readonly Target[] AllTargets =
    [
        new Target.Leader(), new Target.OneFollower(), new Target.AllFollowers(), new Target.DataCenter("east"), new Target.DataCenter("west"),
        new Target.DataCenterOf(new Target.Leader()), new Target.DataCenterOf(new Target.Primary()), new Target.Named("n1"),
        new Target.Primary(), new Target.OneReplica(), new Target.Named("db2"),
    ];

    private static Target[] NodeTargets => AllTargets[..8];

    private static readonly Fault[] AllFaults =
    [
        .. AllTargets.SelectMany(t => new Fault[] { new Fault.Kill(t), new Fault.Pause(t), new Fault.Partition([[t]]) }),
        .. NodeTargets.SelectMany(t => new Fault[] { new Fault.DiskFull(t), new Fault.ClockSkew(t, TimeSpan.FromMilliseconds(-1_250), 0.98) }),
        .. NodeTargets.Skip(1).Select(t => new Fault.OneWay(NodeTargets[0], t)),
        new Fault.Partition([[AllTargets[3]], [AllTargets[4], AllTargets[5]]]),
        new Fault.Slow(AllTargets[3], AllTargets[4], TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(50)),
        new Fault.Slow(AllTargets[5], AllTargets[6], TimeSpan.FromMilliseconds(0.25), TimeSpan.Zero),
        new Fault.Ring([.. AllTargets[3..7]]), new Fault.Bridge(AllTargets[5]), new Fault.Swizzle([AllTargets[3]]), new Fault.Swizzle([AllTargets[4], AllTargets[6]]),
        new Fault.Lossy(AllTargets[3], AllTargets[4], 1), new Fault.Garble(AllTargets[0], AllTargets[2], 1_000), new Fault.Repeat(AllTargets[6], AllTargets[4], 20),
        new Fault.Reconnect(AllTargets[4], AllTargets[3], TimeSpan.FromMilliseconds(10)),
        .. NodeTargets.SelectMany(t => new Fault[]
        {
            new Fault.SlowDisk(t, 50), new Fault.FailWrites(t), new Fault.FailSyncs(t), new Fault.BitRot(t), new Fault.TornSector(t), new Fault.Misdirect(t), new Fault.LostDisk(t),
            new Fault.ClockStep(t, TimeSpan.FromHours(-1)), new Fault.ClockStrobe(t, TimeSpan.FromSeconds(5), TimeSpan.FromMilliseconds(100)),
            new Fault.RestartStorm(t, TimeSpan.FromMilliseconds(400)),
        }),
        .. AllTargets[8..].SelectMany(t => new Fault[]
        {
            new Fault.StopSqlThread(t), new Fault.StallDisk(t), new Fault.Lag(t, TimeSpan.FromSeconds(3)), new Fault.CutLink(AllTargets[0], t), new Fault.CutLink(AllTargets[7], t), new Fault.Errant(t),
            new Fault.Takeover(t, IsForced: false), new Fault.Takeover(null, IsForced: true),
        }),
        .. LedgerMoment.All.Select(static moment => new Fault.DieAt(moment)),
        new Fault.RollingRestart(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(3)),
    ];

    private static Expectation[] AllExpectations(TimeSpan bound) =>
    [
        new Expectation.SingleLeader(), new Expectation.SameLog(), new Expectation.Linearizable(), new Expectation.NoLostWrites(),
        new Expectation.SinglePrimary(bound), new Expectation.FencedWithin(bound), new Expectation.ConvergesWithin(bound),
        new Expectation.ElectionWithin(bound), new Expectation.WriteP99Within(bound), new Expectation.RtoWithin(bound),
        new Expectation.UnhealthyWithin(bound), new Expectation.PrimaryNamedWithin(bound), new Expectation.ThrottleWithin(bound),
    ];

    private static Gen<Scenario> Scenarios() =>
        from texts in ArbMap.Default.GeneratorFor<NonEmptyString>().Where(t => t.Get.All(c => !char.IsSurrogate(c))).ArrayOf(2)
        from numbers in Gen.Choose(0, 10_000).ArrayOf(12)
        from faults in Gen.Elements(AllFaults).ListOf().Select(f => f.Take(5))
        from expectations in Gen.SubListOf(AllExpectations(TimeSpan.FromMilliseconds(numbers[0])))
        select new Scenario
        {
            Name = texts[0].Get,
            Story = texts[1].Get,
            Fleet = new FleetSpec(
                Places(("east", ["n1", "a"]), ("west", ["n3"])), Places(("east", ["db1"]), ("south", ["db2"])), "db1")
            {
                Below = numbers[1] % 3 == 0 ? ImmutableSortedDictionary.CreateRange(StringComparer.Ordinal, [KeyValuePair.Create("db2", "db1")]) : ImmutableSortedDictionary<string, string>.Empty,
                Durability = (numbers[1] % 3) switch { 0 => "semi_sync", 1 => "cross_dc", _ => "none" },
            },
            Workload = new WorkloadSpec(
                1 + (numbers[2] % 50), TimeSpan.FromMilliseconds(30_000 + numbers[3]), 1 + numbers[4], TimeSpan.FromMilliseconds(numbers[5]),
                ImmutableSortedDictionary.CreateRange<string, int>(StringComparer.Ordinal, [new("kvPut", 1 + numbers[6] % 9), new("kvGet", 1), new("sqlInsert", 3)])),
            Steps = [.. faults.Select((f, i) => new Step(
                TimeSpan.FromMilliseconds(numbers[7] + i), numbers[8] % 3 == 0 || f is Fault.Errant or Fault.Takeover ? null : TimeSpan.FromMilliseconds(10_010 + numbers[8]), f))],
            Expect = expectations.Count > 0 ? [.. expectations] : [new Expectation.SameLog()],
            WarmUp = TimeSpan.FromMilliseconds(numbers[9]),
            Settle = TimeSpan.FromMilliseconds(numbers[10]),
        };

    private static ImmutableSortedDictionary<string, ImmutableArray<string>> Places(params (string Place, string[] Names)[] places) =>
        places.ToImmutableSortedDictionary(p => p.Place, p => p.Names.ToImmutableArray(), StringComparer.Ordinal);
}
