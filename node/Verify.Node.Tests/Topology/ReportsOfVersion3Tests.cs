using Verify.MySql;
using Verify.Node.Codec;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Node.Tests.Topology;

/// <summary>What came with version 3 of the protocol between nodes stays what it is from now on, byte for byte: reports on the wire, ledgers in snapshots.</summary>
public sealed class ReportsOfVersion3Tests
{
    private static readonly InstanceKey Db1 = new("db1.example", 3307), Db2 = new("db2.example", 3306);

    private static readonly PeerWords<GoneUnder> Gone = new([new("main", Db1, 300), new("pay", Db2, 7)]);

    private static readonly PeerExtras Extras = new(
    [
        new(Db1, IsHung: true, IsRefused: false, TurnedDownBy: 0, SqlThread: null, LagSeconds: null),
        new(Db2, IsHung: false, IsRefused: false, TurnedDownBy: 1040, SqlThread: ThreadState.Running, LagSeconds: 1.5),
    ]);

    private static readonly ClusterLedger Ledger = new()
    {
        Cluster = "main", Primary = Db2, Token = new(290), Guardian = "n2", LastRenewal = 300,
        Closed =
        [
            new RecoveryRecord
            {
                Id = 271, Cluster = "main", Failed = Db1, Analysis = "DeadMaster", Votes = "3 of 3", SeenToken = new(5), Successor = Db2, Published = new FencingToken(290),
                IsOpen = false, IsSuccessful = true, Closing = "done", Kind = RecoveryKind.ForcedTakeover, Designated = Db2, By = "jane", WithoutHooks = true,
                OpenedAt = new(10, 20), ClosedAt = new(30, 40), Acknowledged = new("jane", "seen", 50),
                Steps = [new StepRecord(RecoveryStep.FenceOldPrimary, "db1", Intents: 2, Failures: 1, IsDone: true, "closed")],
            },
        ],
        Aside = [new AsideRecord(Db1, "u:6-8")],
    };

    [Test]
    public void What_is_written_now_is_what_was_written_then()
    {
        Golden.Check("version3.txt",
        [
            ("gone", Gone.Encode().ToArray()), ("extras", Extras.Encode().ToArray()),
            ("ledger-v2", Bytes(Ledger)), ("ledger-v3", Bytes(Ledger with { LeaseMs = 2000 })),
        ]);
    }

    [Test]
    public void What_was_written_then_is_read()
    {
        var golden = Golden.Read("version3.txt");
        Assert.That(PeerWords<GoneUnder>.Decode(golden["gone"]).Words, Is.EqualTo(Gone.Words));
        Assert.That(PeerExtras.Decode(golden["extras"]).Instances, Is.EqualTo(Extras.Instances));
        Assert.That(Bytes(Read(golden["ledger-v2"], version: 2)), Is.EqualTo(golden["ledger-v2"]));
        var newest = Read(golden["ledger-v3"], version: 3);
        Assert.That((newest.LeaseMs, newest.Closed[0].Acknowledged!.By, newest.Aside[0].ErrantGtids), Is.EqualTo((2000, "jane", "u:6-8")));
    }

    /// <summary>In the oldest version that can say it.</summary>
    private static byte[] Bytes(ClusterLedger ledger)
    {
        var to = new WireWriter();
        ClusterLedgerCodec.Write(to, ledger, ClusterLedgerCodec.VersionOf(ledger));
        return to.Written.ToArray();
    }

    private static ClusterLedger Read(byte[] bytes, byte version)
    {
        var from = new WireReader(bytes);
        var ledger = ClusterLedgerCodec.Read(version, ref from);
        from.End();
        return ledger;
    }
}
