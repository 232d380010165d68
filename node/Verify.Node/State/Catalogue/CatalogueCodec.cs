using System.Collections.Immutable;
using System.Diagnostics;
using Verify.Node.Codec;

namespace Verify.Node.State.Catalogue;

/// <summary>Bytes of instances and checks, in commands and in snapshots.</summary>
internal static class CatalogueCodec
{
    public static void Write(WireWriter to, ServiceSpec spec)
    {
        to.Text(spec.Id);
        to.Text(spec.Name);
        to.Text(spec.Address);
        to.Number(spec.Port);
        to.Number(spec.Tags.Length);
        foreach (var tag in spec.Tags) to.Text(tag);
        Write(to, spec.Meta);
        to.Number(spec.TtlMs);
        to.Number(spec.WeightPassing);
        to.Number(spec.WeightWarning);
        to.Number(spec.Checks.Length);
        foreach (var check in spec.Checks) Write(to, check);
        to.Text(spec.Node);
        to.Text(spec.DataCenter);
    }

    /// <exception cref="WireFormatException"/>
    public static ServiceSpec ReadSpec(ref WireReader from)
    {
        var (id, name, address, port) = (from.Text(), from.Text(), from.Text(), Small(ref from, 65_535));
        var tags = new string[from.Count()];
        for (var i = 0; i < tags.Length; i++) tags[i] = from.Text();
        var (meta, ttl, passing, warning) = (ReadMap(ref from), from.Number(), Small(ref from, int.MaxValue), Small(ref from, int.MaxValue));
        var checks = new CheckSpec[from.Count()];
        for (var i = 0; i < checks.Length; i++) checks[i] = ReadCheck(ref from);
        return new()
        {
            Id = id, Name = name, Address = address, Port = port, Tags = [.. tags], Meta = meta, TtlMs = ttl,
            WeightPassing = passing, WeightWarning = warning, Checks = [.. checks], Node = from.Text(), DataCenter = from.Text(),
        };
    }

    public static void Write(WireWriter to, CheckSpec check)
    {
        to.Text(check.Id);
        to.Text(check.Name);
        to.Byte((byte)check.Kind);
        to.Text(check.Target);
        to.Text(check.Method);
        Write(to, check.Headers);
        to.Number(check.IntervalMs);
        to.Number(check.TimeoutMs);
        to.Number(check.TtlMs);
        to.Number(check.DeregisterAfterMs);
        to.Number(check.SuccessBeforePassing);
        to.Number(check.FailuresBeforeCritical);
        to.Byte((byte)check.InitialStatus);
        to.Text(check.Notes);
    }

    /// <exception cref="WireFormatException"/>
    public static CheckSpec ReadCheck(ref WireReader from) => new()
    {
        Id = from.Text(), Name = from.Text(), Kind = ReadKind(ref from), Target = from.Text(), Method = from.Text(), Headers = ReadMap(ref from),
        IntervalMs = from.Number(), TimeoutMs = from.Number(), TtlMs = from.Number(), DeregisterAfterMs = from.Number(),
        SuccessBeforePassing = Small(ref from, int.MaxValue), FailuresBeforeCritical = Small(ref from, int.MaxValue),
        InitialStatus = ReadStatus(ref from), Notes = from.Text(),
    };

    public static void Write(WireWriter to, ServiceInstance instance)
    {
        Write(to, instance.Spec);
        to.Number(instance.Checks.Length);
        foreach (var check in instance.Checks)
        {
            Write(to, check.Spec);
            to.Byte((byte)check.Status);
            to.Text(check.Output);
            to.Number(check.DueAtMs);
            to.NumberOrNull(check.CriticalSinceMs);
            to.Number(check.DefinedIndex);
            to.Number(check.ModifyIndex);
        }

        to.Number(instance.CreateIndex);
        to.Number(instance.ModifyIndex);
        to.Number(instance.ExpiresAtMs);
        to.NumberOrNull(instance.Connections);
    }

    /// <exception cref="WireFormatException"/>
    public static ServiceInstance ReadInstance(ref WireReader from)
    {
        var spec = ReadSpec(ref from);
        var checks = new ServiceCheck[from.Count()];
        for (var i = 0; i < checks.Length; i++)
        {
            checks[i] = new(ReadCheck(ref from), ReadStatus(ref from), from.Text())
            {
                DueAtMs = from.Number(), CriticalSinceMs = from.NumberOrNull(), DefinedIndex = from.Number(), ModifyIndex = from.Number(),
            };
        }

        return new(spec, [.. checks], from.Number(), from.Number()) { ExpiresAtMs = from.Number(), Connections = from.NumberOrNull() };
    }

    /// <exception cref="WireFormatException"/>
    public static CheckStatus ReadStatus(ref WireReader from) =>
        (CheckStatus)from.Byte() is var status && Enum.IsDefined(status) ? status : throw from.Malformed($"a check's status {(byte)status}");

    /// <exception cref="WireFormatException"/>
    public static PickStrategy ReadStrategy(ref WireReader from) =>
        (PickStrategy)from.Byte() is var strategy && Enum.IsDefined(strategy) ? strategy : throw from.Malformed($"a strategy {(byte)strategy}");

    private static CheckKind ReadKind(ref WireReader from) =>
        (CheckKind)from.Byte() is var kind && Enum.IsDefined(kind) ? kind : throw from.Malformed($"a check of kind {(byte)kind}");

    private static int Small(ref WireReader from, int max) =>
        from.Number() is var number && number <= max ? (int)number : throw from.Malformed($"{number}, where at most {max} can be");

    private static void Write(WireWriter to, ImmutableSortedDictionary<string, string> map)
    {
        to.Number(map.Count);
        foreach (var (key, value) in map)
        {
            to.Text(key);
            to.Text(value);
        }
    }

    private static ImmutableSortedDictionary<string, string> ReadMap(ref WireReader from)
    {
        var count = from.Count();
        if (count == 0) return ImmutableSortedDictionary<string, string>.Empty;
        var map = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < count; i++) map[from.Text()] = from.Text();
        return map.ToImmutable();
    }
}

/// <summary>Bytes of <see cref="CatalogueCommand"/>.</summary>
internal static class CatalogueCommandCodec
{
    private const byte Register = 1, Deregister = 2, Heartbeat = 3, Report = 4, SetCheck = 5, RemoveCheck = 6, OwnerGone = 7, SetStrategy = 8, Import = 9;

    public static void Write(WireWriter to, Command.Catalogue command)
    {
        command.Stamp.Write(to);
        CommandCodec.WriteId(to, command.Id);
        Write(to, command.Inner);
    }

    /// <exception cref="WireFormatException"/>
    public static Command.Catalogue Read(ref WireReader from)
    {
        var stamp = Time.TimeStamp.Read(ref from);
        var id = CommandCodec.ReadId(ref from);
        return new(ReadInner(ref from), stamp, id);
    }

    public static void Write(WireWriter to, CatalogueCommand command)
    {
        switch (command)
        {
            case CatalogueCommand.Register(var spec, var expected):
                to.Byte(Register);
                CatalogueCodec.Write(to, spec);
                to.NumberOrNull(expected);
                break;
            case CatalogueCommand.Deregister(var name, var instance, var expected):
                to.Byte(Deregister);
                to.TextOrNull(name);
                to.TextOrNull(instance);
                to.NumberOrNull(expected);
                break;
            case CatalogueCommand.Heartbeat(var instance, var connections):
                to.Byte(Heartbeat);
                to.Text(instance);
                to.NumberOrNull(connections);
                break;
            case CatalogueCommand.Report report:
                to.Byte(Report);
                to.Text(report.InstanceId);
                to.Text(report.CheckId);
                to.Byte((byte)report.Status);
                to.Text(report.Output);
                to.TextOrNull(report.By);
                to.Number(report.DefinedIndex);
                break;
            case CatalogueCommand.SetCheck(var instance, var check):
                to.Byte(SetCheck);
                to.Text(instance);
                CatalogueCodec.Write(to, check);
                break;
            case CatalogueCommand.RemoveCheck(var instance, var check):
                to.Byte(RemoveCheck);
                to.Text(instance);
                to.Text(check);
                break;
            case CatalogueCommand.OwnerGone(var node, var heir):
                to.Byte(OwnerGone);
                to.Text(node);
                to.TextOrNull(heir);
                break;
            case CatalogueCommand.SetStrategy(var strategy):
                to.Byte(SetStrategy);
                to.Byte((byte)strategy);
                break;
            case CatalogueCommand.Import(var instances, var replaces):
                to.Byte(Import);
                to.Number(instances.Length);
                foreach (var instance in instances) CatalogueCodec.Write(to, instance);
                to.Bool(replaces);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <exception cref="WireFormatException"/>
    public static CatalogueCommand ReadInner(ref WireReader from) => from.Byte() switch
    {
        Register => new CatalogueCommand.Register(CatalogueCodec.ReadSpec(ref from), from.NumberOrNull()),
        Deregister => new CatalogueCommand.Deregister(from.TextOrNull(), from.TextOrNull(), from.NumberOrNull()),
        Heartbeat => new CatalogueCommand.Heartbeat(from.Text(), from.NumberOrNull()),
        Report => new CatalogueCommand.Report(from.Text(), from.Text(), CatalogueCodec.ReadStatus(ref from), from.Text(), from.TextOrNull(), from.Number()),
        SetCheck => new CatalogueCommand.SetCheck(from.Text(), CatalogueCodec.ReadCheck(ref from)),
        RemoveCheck => new CatalogueCommand.RemoveCheck(from.Text(), from.Text()),
        OwnerGone => new CatalogueCommand.OwnerGone(from.Text(), from.TextOrNull()),
        SetStrategy => new CatalogueCommand.SetStrategy(CatalogueCodec.ReadStrategy(ref from)),
        Import => ReadImport(ref from),
        var kind => throw from.Malformed($"a catalogue command of kind {kind}"),
    };

    private static CatalogueCommand.Import ReadImport(ref WireReader from)
    {
        var instances = new ServiceSpec[from.Count()];
        for (var i = 0; i < instances.Length; i++) instances[i] = CatalogueCodec.ReadSpec(ref from);
        return new([.. instances], from.Bool());
    }
}
