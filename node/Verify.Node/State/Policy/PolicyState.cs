using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Node.State.Time;
using Verify.Node.Topology;

namespace Verify.Node.State.Policy;

/// <summary>What operators allow: downtimes, maintenance, promotion rules, the global switch. Replicated, so that a new leader obeys what
/// the old one was told (orchestrator keeps maintenance in each node's own database).</summary>
public sealed class PolicyState : IStateSection, IExpires
{
    /// <summary>Entries of each kind.</summary>
    public const int EntriesMax = 10_000;
    private const byte SwitchRecord = 1, DowntimeRecord = 2, MaintenanceRecord = 3, RuleRecord = 4;
    private readonly SortedDictionary<InstanceKey, Suspension> _downtimes = [];
    private readonly SortedDictionary<InstanceKey, Suspension> _maintenance = [];
    private readonly SortedDictionary<InstanceKey, InstanceRule> _rules = [];

    SectionKind IStateSection.Kind => SectionKind.Policy;
    byte IStateSection.Version => 1;

    /// <summary>By server.</summary>
    public IReadOnlyCollection<Suspension> Downtimes => _downtimes.Values;
    public IReadOnlyCollection<Suspension> Maintenance => _maintenance.Values;
    public IReadOnlyCollection<InstanceRule> Rules => _rules.Values;

    /// <summary>Who switched recoveries off; empty: they are on.</summary>
    public string RecoveriesOffBy { get; private set; } = "";
    public bool RecoveriesAreOn => RecoveriesOffBy.Length == 0;

    public Suspension? DowntimeOf(InstanceKey instance) => _downtimes.GetValueOrDefault(instance);
    public Suspension? MaintenanceOf(InstanceKey instance) => _maintenance.GetValueOrDefault(instance);
    public PromotionRule? RuleOf(InstanceKey instance) => _rules.GetValueOrDefault(instance)?.Rule;

    /// <inheritdoc/>
    long? IExpires.NextDeadlineMs =>
        _downtimes.Values.Concat(_maintenance.Values).Select(s => (long?)s.EndsAtMs).Concat(_rules.Values.Select(r => r.EndsAtMs)).Min();

    void IExpires.Expire(long nowMs, long index)
    {
        foreach (var over in _downtimes.Values.Where(s => s.EndsAtMs <= nowMs).ToArray()) _downtimes.Remove(over.Instance);
        foreach (var over in _maintenance.Values.Where(s => s.EndsAtMs <= nowMs).ToArray()) _maintenance.Remove(over.Instance);
        foreach (var over in _rules.Values.Where(r => r.EndsAtMs <= nowMs).ToArray()) _rules.Remove(over.Instance);
    }

    public CommandResult Apply(PolicyCommand command, ApplyContext context)
    {
        switch (command)
        {
            case PolicyCommand.BeginDowntime c:
                return Suspend(_downtimes, new(c.Instance, c.Owner, c.Reason, context.Index, c.Stamp.WallMs, c.Stamp.AtMs + c.ForMs), context);
            case PolicyCommand.EndDowntime c:
                return Done(_downtimes.Remove(c.Instance), context);
            case PolicyCommand.BeginMaintenance c:
                if (MaintenanceOf(c.Instance) is { } held && held.Owner != c.Owner)
                    return new CommandResult.Rejected($"{c.Instance} is in maintenance by {held.Owner} already: {held.Reason}");
                return Suspend(_maintenance, new(c.Instance, c.Owner, c.Reason, context.Index, c.Stamp.WallMs, c.Stamp.AtMs + c.ForMs), context);
            case PolicyCommand.EndMaintenance { Instance: { } instance }:
                return Done(_maintenance.Remove(instance), context);
            case PolicyCommand.EndMaintenance c:
                var meant = _maintenance.Values.FirstOrDefault(m => m.Key == c.Key);
                return Done(meant is not null && _maintenance.Remove(meant.Instance), context);
            case PolicyCommand.SetPromotionRule c:
                if (_rules.Count >= EntriesMax && !_rules.ContainsKey(c.Instance)) return Full();
                _rules[c.Instance] = new(c.Instance, c.Rule, c.ForMs > 0 ? c.Stamp.AtMs + c.ForMs : null);
                return Done(isDone: true, context);
            case PolicyCommand.SetRecoveries c:
                RecoveriesOffBy = c.On ? "" : c.By.Length > 0 ? c.By : "an operator";
                return Done(isDone: true, context);
            default:
                throw new UnreachableException();
        }
    }

    FrozenSection IStateSection.Freeze()
    {
        object[] records = [.. RecoveriesAreOn ? [] : new object[] { RecoveriesOffBy },
            .. _downtimes.Values.Select(d => (object)(DowntimeRecord, d)), .. _maintenance.Values.Select(m => (object)(MaintenanceRecord, m)), .. _rules.Values];
        return FrozenSection.Of(this, records.Length, records, Write);
    }

    void IStateSection.Restore(byte version, ref WireReader from)
    {
        var kind = from.Byte();
        switch (kind)
        {
            case SwitchRecord:
                RecoveriesOffBy = from.Text();
                break;
            case DowntimeRecord:
                Add(_downtimes, Read(ref from));
                break;
            case MaintenanceRecord:
                Add(_maintenance, Read(ref from));
                break;
            case RuleRecord:
                var instance = from.Key();
                _rules[instance] = new(instance, PolicyCommandCodec.Rule(ref from), from.Bool() ? from.Number() : null);
                break;
            default:
                throw from.Malformed($"a policy record of kind {kind}");
        }
    }

    private static void Write(WireWriter to, object record)
    {
        switch (record)
        {
            case string by:
                to.Byte(SwitchRecord);
                to.Text(by);
                break;
            case (byte kind, Suspension s):
                to.Byte(kind);
                to.Key(s.Instance);
                to.Text(s.Owner);
                to.Text(s.Reason);
                to.Number(s.Key);
                to.Number(s.BeganWallMs);
                to.Number(s.EndsAtMs);
                break;
            case InstanceRule rule:
                to.Byte(RuleRecord);
                to.Key(rule.Instance);
                to.Number((int)rule.Rule);
                to.Bool(rule.EndsAtMs is not null);
                if (rule.EndsAtMs is { } ends) to.Number(ends);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static Suspension Read(ref WireReader from) =>
        new(from.Key(), from.Text(), from.Text(), from.Number(), from.Number(), from.Number());

    private static void Add(SortedDictionary<InstanceKey, Suspension> to, Suspension suspension) => to[suspension.Instance] = suspension;

    private static CommandResult Suspend(SortedDictionary<InstanceKey, Suspension> all, Suspension suspension, ApplyContext context)
    {
        if (all.Count >= EntriesMax && !all.ContainsKey(suspension.Instance)) return Full();
        all[suspension.Instance] = suspension;
        return Done(isDone: true, context);
    }

    private static CommandResult.Rejected Full() => new($"{EntriesMax} servers are listed already; end some first");

    private static CommandResult Done(bool isDone, ApplyContext context) =>
        isDone ? new CommandResult.Done(context.Index) : new CommandResult.NotFound();
}
