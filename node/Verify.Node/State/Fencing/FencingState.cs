using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;

namespace Verify.Node.State.Fencing;

/// <summary>Whether the dead-man switch of a cluster's primary works, as its guardian said last.</summary>
public sealed record SwitchRecord(string Cluster, InstanceKey Instance, FencingToken Token, bool IsArmed);

/// <summary>The replicated part of fencing beside the ledger: what is known of the means inside the servers. A new leader needs it, because
/// it decides what the end of a lease proves (<see cref="IsArmed"/>).</summary>
public sealed class FencingState : IStateSection
{
    private readonly SortedDictionary<string, SwitchRecord> _switches = new(StringComparer.Ordinal);

    SectionKind IStateSection.Kind => SectionKind.Fencing;
    byte IStateSection.Version => 1;

    /// <summary>This server closes itself when nobody feeds it: the end of its lease is the end of its writes, whoever guards it, from
    /// wherever, and even if that one is dead.</summary>
    public bool IsArmed(string cluster, InstanceKey instance) =>
        _switches.TryGetValue(cluster, out var known) && known.IsArmed && known.Instance == instance;

    public SwitchRecord? SwitchOf(string cluster) => _switches.GetValueOrDefault(cluster);

    internal CommandResult Apply(FencingCommand command, ApplyContext context)
    {
        switch (command)
        {
            case FencingCommand.NoteSwitch(var cluster, var instance, var token, var isArmed):
                if (SwitchOf(cluster) is { } known && known.Token.CompareTo(token) > 0) return new CommandResult.Rejected($"token {token} is older than {known.Token}");
                _switches[cluster] = new(cluster, instance, token, isArmed);
                return new CommandResult.Done(context.Index);
            default:
                throw new UnreachableException();
        }
    }

    FrozenSection IStateSection.Freeze() => FrozenSection.Of(this, _switches.Count, [.. _switches.Values], static (to, known) =>
    {
        to.Text(known.Cluster);
        to.Text(known.Instance.Host);
        to.Number(known.Instance.Port);
        to.Number(known.Token.Value);
        to.Bool(known.IsArmed);
    });

    void IStateSection.Restore(byte version, ref WireReader from)
    {
        var known = new SwitchRecord(from.Text(), new(from.Text(), (int)from.Number()), new(from.Number()), from.Bool());
        if (!_switches.TryAdd(known.Cluster, known)) throw from.Malformed($"the switch of {known.Cluster} is there twice");
    }
}
