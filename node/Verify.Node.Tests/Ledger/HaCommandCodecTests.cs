using System.Reflection;
using Verify.Node.Codec;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;

namespace Verify.Node.Tests.Ledger;

/// <summary>The bytes of the commands in old logs must stay readable for ever.</summary>
public sealed class HaCommandCodecTests
{
    private static readonly InstanceKey Db = new("db1.example", 3307);

    private static readonly (HaCommand Command, string Hex)[] Golden =
    [
        (new HaCommand.AdoptPrimary("main", Db, "n1"), "0101046D61696E0B6462312E6578616D706C65EB19026E31"),
        (new HaCommand.RenewLease("main", Db, "n1", new(300)), "0102046D61696E0B6462312E6578616D706C65EB19026E31AC02"),
        (new HaCommand.RenewLease("main", Db, "n1", new(300), 2000), "0129046D61696E0B6462312E6578616D706C65EB19026E31AC02D00F"),
        (new HaCommand.OpenRecovery("main", Db, "DeadMaster", "n2 down", new(300)), "0103046D61696E0B6462312E6578616D706C65EB190A446561644D6173746572076E3220646F776EAC02"),
        (new HaCommand.StepIntent("main", 301, 3, "Promote", "db2"), "0104046D61696EAD02030750726F6D6F746503646232"),
        (new HaCommand.StepOutcome("main", 301, 3, Succeeded: true, "ok"), "0105046D61696EAD020301026F6B"),
        (new HaCommand.PublishPrimary("main", 301, Db, "n2"), "0106046D61696EAD020B6462312E6578616D706C65EB19026E32"),
        (new HaCommand.CloseRecovery("main", 301, Successful: false, "why"), "0107046D61696EAD020003776879"),
        (new HaCommand.SetAside("main", Db, "u:6-8"), "0108046D61696E0B6462312E6578616D706C65EB1905753A362D38"),
        (new HaCommand.BeginRecovery(
            "main", RecoveryKind.GracefulTakeover, Db, new("db2", 3307), "GracefulMasterTakeover", "n2 up", new(300), "jane", WithoutHooks: true, new(10, 20)),
            "0114046D61696E010B6462312E6578616D706C65EB190103646232EB1916477261636566756C4D617374657254616B656F766572056E32207570AC02046A616E65010A14"),
        (new HaCommand.EndRecovery("main", 301, Successful: true, "ok", new(10, 20)), "0115046D61696EAD0201026F6B0A14"),
        (new HaCommand.AcknowledgeRecoveries("main", 0, null, "jane", "seen", new(10, 20)), "0116046D61696E0000046A616E65047365656E0A14"),
        (new HaCommand.TakeBack("main", Db), "0109046D61696E0B6462312E6578616D706C65EB19"),
        (new HaCommand.ChangeGuardian("main", Db, "n3", new(300)), "0128046D61696E0B6462312E6578616D706C65EB19026E33AC02"),
    ];

    [TestCaseSource(nameof(Golden))]
    public void A_command_is_written_and_read_as_it_always_was((HaCommand Command, string Hex) golden)
    {
        var writer = new WireWriter();
        HaCommandCodec.Write(writer, golden.Command);
        Assert.That(Convert.ToHexString(writer.Written.Span), Is.EqualTo(golden.Hex));
        var reader = new WireReader(Convert.FromHexString(golden.Hex));
        Assert.That(HaCommandCodec.Read(ref reader), Is.EqualTo(golden.Command));
        Assert.That(reader.Left, Is.Zero);
    }

    [Test]
    public void Every_case_has_its_golden_bytes()
    {
        var cases = typeof(HaCommand).GetNestedTypes(BindingFlags.Public).Select(t => t.Name).Order(StringComparer.Ordinal);
        Assert.That(Golden.Select(g => g.Command.GetType().Name).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal), Is.EqualTo(cases));
    }

    [TestCase("0201046D61696E")]
    [TestCase("0163046D61696E")]
    [TestCase("0101046D61696E0B6462312E6578616D706C65")]
    [TestCase("0104046D61696EAD02630750726F6D6F746503646232")]
    [TestCase("0109046D61696E0B6462312E6578616D706C650000")]
    [TestCase("0129046D61696E0B6462312E6578616D706C65EB19026E31AC0200", Description = "a lease of 0 ms")]
    public void Bytes_that_are_no_command_are_refused(string hex) =>
        Assert.That(
            () =>
            {
                var reader = new WireReader(Convert.FromHexString(hex));
                return HaCommandCodec.Read(ref reader);
            },
            Throws.InstanceOf<WireFormatException>());
}
