using System.Collections.Immutable;
using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;

namespace Verify.Node.State.Fencing;

/// <summary>Whether the dead-man switch of a cluster's primary works, as its guardian said last.</summary>
public sealed record SwitchRecord(string Cluster, InstanceKey Instance, FencingToken Token, bool IsArmed);

/// <summary>The replicated part of fencing beside the ledger: what is known of the means inside the servers (it decides what the end of a lease
/// proves), whether primaries are published, and which hooks of which recoveries have run (a new leader runs the others).</summary>
public sealed class FencingState : IStateSection
{
    /// <summary>Runs of hooks that are remembered; the oldest are forgotten first.</summary>
    private const int HooksKeptMax = 2_000;
    private const byte SwitchRecordKind = 1, PublishingKind = 2, HookKind = 3;
    private readonly SortedDictionary<string, SwitchRecord> _switches = new(StringComparer.Ordinal);
    private readonly SortedDictionary<(long Recovery, HookPoint Point), FencingCommand.HookRan> _hooks = [];

    SectionKind IStateSection.Kind => SectionKind.Fencing;
    byte IStateSection.Version => 1;

    /// <summary>The entries that change the ledger write the keys of <see cref="PublishedPrimaries"/>.</summary>
    public bool IsPublishing { get; private set; }

    /// <summary>This server closes itself when nobody feeds it: the end of its lease is the end of its writes, whoever guards it, from
    /// wherever, and even if that one is dead.</summary>
    public bool IsArmed(string cluster, InstanceKey instance) =>
        _switches.TryGetValue(cluster, out var known) && known.IsArmed && known.Instance == instance;

    public SwitchRecord? SwitchOf(string cluster) => _switches.GetValueOrDefault(cluster);

    /// <summary>How the commands of a hook ended; null while they have not, as far as the log knows.</summary>
    public FencingCommand.HookRan? Hook(long recovery, HookPoint point) => _hooks.GetValueOrDefault((recovery, point));

    /// <summary>Hooks of this recovery that have run, in the order of their numbers.</summary>
    public IReadOnlyList<FencingCommand.HookRan> Hooks(long recovery) => [.. _hooks.Where(h => h.Key.Recovery == recovery).Select(static h => h.Value)];

    internal CommandResult Apply(FencingCommand command, ApplyContext context)
    {
        switch (command)
        {
            case FencingCommand.NoteSwitch(var cluster, var instance, var token, var isArmed):
                if (SwitchOf(cluster) is { } known && known.Token.CompareTo(token) > 0) return new CommandResult.Rejected($"token {token} is older than {known.Token}");
                _switches[cluster] = new(cluster, instance, token, isArmed);
                return new CommandResult.Done(context.Index);
            case FencingCommand.BeginPublishing:
                IsPublishing = true;
                return new CommandResult.Done(context.Index);
            case FencingCommand.HookRan ran:
                _hooks.TryAdd((ran.RecoveryId, ran.Point), ran);
                while (_hooks.Count > HooksKeptMax) _hooks.Remove(_hooks.Keys.First());
                return new CommandResult.Done(context.Index);
            default:
                throw new UnreachableException();
        }
    }

    FrozenSection IStateSection.Freeze()
    {
        ImmutableArray<object> records = [.. _switches.Values, .. IsPublishing ? new object[] { PublishingKind } : [], .. _hooks.Values];
        return FrozenSection.Of(this, records.Length, records, Write);
    }

    void IStateSection.Restore(byte version, ref WireReader from)
    {
        switch (from.Byte())
        {
            case SwitchRecordKind:
                var known = new SwitchRecord(from.Text(), from.Key(), new(from.Number()), from.Bool());
                if (!_switches.TryAdd(known.Cluster, known)) throw from.Malformed($"the switch of {known.Cluster} is there twice");
                break;
            case PublishingKind:
                IsPublishing = true;
                break;
            case HookKind:
                var ran = new FencingCommand.HookRan(from.Text(), from.Number(), FencingCommandCodec.ReadPoint(ref from), from.Bool(), from.Text());
                if (!_hooks.TryAdd((ran.RecoveryId, ran.Point), ran)) throw from.Malformed($"{ran.Point} of recovery {ran.RecoveryId} is there twice");
                break;
            default:
                throw from.Malformed("a record of fencing of an unknown kind");
        }
    }

    private static void Write(WireWriter to, object record)
    {
        switch (record)
        {
            case SwitchRecord known:
                to.Byte(SwitchRecordKind);
                to.Text(known.Cluster);
                to.Key(known.Instance);
                to.Number(known.Token.Value);
                to.Bool(known.IsArmed);
                break;
            case FencingCommand.HookRan ran:
                to.Byte(HookKind);
                to.Text(ran.Cluster);
                to.Number(ran.RecoveryId);
                to.Byte((byte)ran.Point);
                to.Bool(ran.Failed);
                to.Text(ran.Detail);
                break;
            default:
                to.Byte(PublishingKind);
                break;
        }
    }
}
