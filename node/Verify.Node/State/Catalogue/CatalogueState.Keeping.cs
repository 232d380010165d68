using Verify.Node.Codec;
using Verify.Node.State.Time;

namespace Verify.Node.State.Catalogue;

/// <summary>How instances are kept, how they end, and how they are written.</summary>
public sealed partial class CatalogueState
{
    private const byte InstanceRecord = 1, NameRecord = 2, HeadRecord = 3;

    void IExpires.Expire(long nowMs, long index)
    {
        while (_deadlines.Count > 0 && _deadlines.Min is var (at, id) && at <= nowMs) End(Get(id)!, nowMs, index);
    }

    /// <summary>Everything of this instance whose time is up.</summary>
    private void End(ServiceInstance instance, long nowMs, long index)
    {
        if (IsOver(instance, nowMs))
        {
            Remove(instance, index);
            return;
        }

        // What becomes critical here may have to go at once, when nobody was told of the time for long: the next round sees it.
        var checks = instance.Checks;
        for (var i = 0; i < checks.Length; i++)
        {
            if (checks[i].DueAtMs is > 0 and var due && due <= nowMs)
                checks = checks.SetItem(i, Turned(checks[i], CheckStatus.Critical, $"TTL expired: no update within {checks[i].Spec.TtlMs} ms", due, index) with { DueAtMs = 0 });
        }

        Set(instance with { Checks = checks, ModifyIndex = index }, index);
    }

    private static bool IsOver(ServiceInstance instance, long nowMs) =>
        (instance.ExpiresAtMs > 0 && instance.ExpiresAtMs <= nowMs) || instance.Checks.Any(check => check.DeregisterAtMs <= nowMs);

    /// <param name="changed">The entry, when a client can see that something is other than before.</param>
    private void Set(ServiceInstance instance, long? changed)
    {
        if (Get(instance.Id) is { } before) Forget(before);
        Enlist(instance);
        _instances.Set(instance);
        if (changed is not { } index) return;
        _names.Set(new(instance.Name, index));
        _lastIndex = index;
    }

    private void Enlist(ServiceInstance instance)
    {
        if (instance.DeadlineMs is { } deadline) _deadlines.Add((deadline, instance.Id));
        _owned[instance.Spec.Node] = OwnedBy(instance.Spec.Node) + 1;
        if (!_idsByName.TryGetValue(instance.Name, out var ids)) _idsByName.Add(instance.Name, ids = new(StringComparer.Ordinal));
        ids.Add(instance.Id);
        _spellings.TryAdd(instance.Name, instance.Name);
    }

    private void Forget(ServiceInstance instance)
    {
        if (instance.DeadlineMs is { } deadline) _deadlines.Remove((deadline, instance.Id));
        if (OwnedBy(instance.Spec.Node) is > 1 and var owned) _owned[instance.Spec.Node] = owned - 1;
        else _owned.Remove(instance.Spec.Node);
    }

    private void Remove(ServiceInstance instance, long index)
    {
        Forget(instance);
        _instances.Remove(instance.Id);
        _lastIndex = index;
        var ids = _idsByName[instance.Name];
        ids.Remove(instance.Id);
        if (ids.Count > 0)
        {
            _names.Set(new(instance.Name, index));
            return;
        }

        _idsByName.Remove(instance.Name);
        if (_spellings.TryGetValue(instance.Name, out var spelling) && spelling == instance.Name) _spellings.Remove(instance.Name);
        _names.Remove(instance.Name);
        _lastLostIndex = index;
    }

    /// <summary>All instances as they are now, sorted by id, to be walked while the catalogue goes on; taken in constant time.</summary>
    internal (long Count, IEnumerable<ServiceInstance> Instances) Frozen()
    {
        var image = _instances.Freeze();
        return (image.Count, image.Items);
    }

    FrozenSection IStateSection.Freeze()
    {
        var (instances, names) = (_instances.Freeze(), _names.Freeze());
        var head = (Last: _lastIndex, Lost: _lastLostIndex, Strategy);
        var isEmpty = head is (0, 0, StrategyAtFirst);
        IEnumerable<object> records = isEmpty ? [] : [head];
        return FrozenSection.Of(this, isEmpty ? 0 : 1 + instances.Count + names.Count, records.Concat(names.Items).Concat(instances.Items), static (to, record) =>
        {
            switch (record)
            {
                case ServiceInstance instance:
                    to.Byte(InstanceRecord);
                    CatalogueCodec.Write(to, instance);
                    break;
                case ServiceMark(var name, var index):
                    to.Byte(NameRecord);
                    to.Text(name);
                    to.Number(index);
                    break;
                case (long last, long lost, PickStrategy strategy):
                    to.Byte(HeadRecord);
                    to.Number(last);
                    to.Number(lost);
                    to.Byte((byte)strategy);
                    break;
            }
        });
    }

    void IStateSection.Restore(byte version, ref WireReader from)
    {
        switch (from.Byte())
        {
            case InstanceRecord:
                var instance = CatalogueCodec.ReadInstance(ref from);
                if (Get(instance.Id) is not null) throw from.Malformed($"instance {instance.Id} is there twice");
                Enlist(instance);
                _instances.Set(instance);
                break;
            case NameRecord:
                _names.Set(new(from.Text(), from.Number()));
                break;
            case HeadRecord:
                (_lastIndex, _lastLostIndex, Strategy) = (from.Number(), from.Number(), CatalogueCodec.ReadStrategy(ref from));
                break;
            case var kind:
                throw from.Malformed($"a record of kind {kind} in the catalogue");
        }
    }
}
