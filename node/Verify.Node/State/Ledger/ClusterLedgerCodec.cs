using System.Collections.Immutable;
using Verify.Node.Codec;
using Verify.Node.Topology;

namespace Verify.Node.State.Ledger;

/// <summary>The record of one cluster's ledger in a snapshot: every field, in order. A field more is a new version.</summary>
internal static class ClusterLedgerCodec
{
    /// <summary>2: recoveries have a kind, times, who asked for them and who acknowledged them. 3: how long a lease is.</summary>
    public const byte Version = 3;

    /// <summary>The oldest version that has a place for everything in it.</summary>
    public static byte VersionOf(ClusterLedger ledger)
    {
        if (ledger.LeaseMs != 0) return 3;
        return (ledger.OpenRecovery is null || FitsVersion1(ledger.OpenRecovery)) && ledger.Closed.All(FitsVersion1) ? (byte)1 : (byte)2;
    }

    public static void Write(WireWriter to, ClusterLedger ledger, byte version)
    {
        to.Text(ledger.Cluster);
        Write(to, ledger.Primary);
        to.Number(ledger.Token.Value);
        to.Text(ledger.Guardian);
        to.Bool(ledger.IsAdopted);
        to.Number(ledger.LastRenewal);
        to.Bool(ledger.OpenRecovery is not null);
        if (ledger.OpenRecovery is { } open) Write(to, open, version);
        to.Number(ledger.Closed.Length);
        foreach (var closed in ledger.Closed) Write(to, closed, version);
        to.Number(ledger.Aside.Length);
        foreach (var aside in ledger.Aside)
        {
            Write(to, aside.Instance);
            to.Text(aside.ErrantGtids);
        }

        if (version >= 3) to.Number(ledger.LeaseMs);
    }

    public static ClusterLedger Read(byte version, ref WireReader from)
    {
        var ledger = new ClusterLedger
        {
            Cluster = from.Text(), Primary = ReadInstance(ref from), Token = new(from.Number()), Guardian = from.Text(),
            IsAdopted = from.Bool(), LastRenewal = from.Number(), OpenRecovery = from.Bool() ? ReadRecovery(version, ref from) : null,
        };
        var closed = ImmutableArray.CreateBuilder<RecoveryRecord>();
        for (var left = from.Count(); left > 0; left--) closed.Add(ReadRecovery(version, ref from));
        var aside = ImmutableArray.CreateBuilder<AsideRecord>();
        for (var left = from.Count(); left > 0; left--) aside.Add(new(ReadInstance(ref from), from.Text()));
        return ledger with { Closed = closed.ToImmutable(), Aside = aside.ToImmutable(), LeaseMs = version < 3 ? 0 : ReadInt(ref from) };
    }

    private static bool FitsVersion1(RecoveryRecord recovery) =>
        recovery is { Kind: RecoveryKind.DeadPrimary, Designated: null, By: "", WithoutHooks: false, Acknowledged: null }
        && recovery.OpenedAt == default && recovery.ClosedAt == default;

    private static void Write(WireWriter to, RecoveryRecord recovery, byte version)
    {
        to.Number(recovery.Id);
        to.Text(recovery.Cluster);
        Write(to, recovery.Failed);
        to.Text(recovery.Analysis);
        to.Text(recovery.Votes);
        to.Number(recovery.SeenToken.Value);
        to.Bool(recovery.Successor is not null);
        if (recovery.Successor is { } successor) Write(to, successor);
        to.Bool(recovery.Published is not null);
        if (recovery.Published is { } published) to.Number(published.Value);
        to.Bool(recovery.IsOpen);
        to.Bool(recovery.IsSuccessful);
        to.Text(recovery.Closing);
        to.Number(recovery.Steps.Length);
        foreach (var step in recovery.Steps)
        {
            to.Number((int)step.Step);
            to.Text(step.Target);
            to.Number(step.Intents);
            to.Number(step.Failures);
            to.Bool(step.IsDone);
            to.Text(step.Detail);
        }

        if (version < 2) return;
        to.Number((int)recovery.Kind);
        to.KeyOrNull(recovery.Designated);
        to.Text(recovery.By);
        to.Bool(recovery.WithoutHooks);
        recovery.OpenedAt.Write(to);
        recovery.ClosedAt.Write(to);
        to.Bool(recovery.Acknowledged is not null);
        if (recovery.Acknowledged is not { } acknowledged) return;
        to.Text(acknowledged.By);
        to.Text(acknowledged.Comment);
        to.Number(acknowledged.AtWallMs);
    }

    private static RecoveryRecord ReadRecovery(byte version, ref WireReader from)
    {
        var recovery = new RecoveryRecord
        {
            Id = from.Number(), Cluster = from.Text(), Failed = ReadInstance(ref from), Analysis = from.Text(), Votes = from.Text(),
            SeenToken = new(from.Number()), Successor = from.Bool() ? ReadInstance(ref from) : null,
            Published = from.Bool() ? new FencingToken(from.Number()) : null, IsOpen = from.Bool(), IsSuccessful = from.Bool(), Closing = from.Text(),
        };
        var steps = ImmutableArray.CreateBuilder<StepRecord>();
        for (var left = from.Count(); left > 0; left--)
        {
            var step = (RecoveryStep)ReadInt(ref from);
            if (!Enum.IsDefined(step)) throw from.Malformed($"a recovery step {(int)step}");
            steps.Add(new(step, from.Text(), ReadInt(ref from), ReadInt(ref from), from.Bool(), from.Text()));
        }

        recovery = recovery with { Steps = steps.ToImmutable() };
        return version < 2 ? recovery : recovery with
        {
            Kind = RecoveryCommandCodec.Kind(ref from), Designated = from.KeyOrNull(), By = from.Text(), WithoutHooks = from.Bool(),
            OpenedAt = Time.TimeStamp.Read(ref from), ClosedAt = Time.TimeStamp.Read(ref from),
            Acknowledged = from.Bool() ? new(from.Text(), from.Text(), from.Number()) : null,
        };
    }

    private static void Write(WireWriter to, InstanceKey instance)
    {
        to.Text(instance.Host);
        to.Number(instance.Port);
    }

    private static InstanceKey ReadInstance(ref WireReader from) => new(from.Text(), ReadInt(ref from));

    private static int ReadInt(ref WireReader from) =>
        from.Number() is <= int.MaxValue and var number ? (int)number : throw from.Malformed("a number that is too large");
}
