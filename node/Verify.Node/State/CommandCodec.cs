using System.Collections.Immutable;
using System.Diagnostics;
using Verify.Node.Api;
using Verify.Node.Codec;
using Verify.Node.State.Cluster;
using Verify.Node.State.Fencing;
using Verify.Node.State.Fleet;
using Verify.Node.State.Ledger;

namespace Verify.Node.State;

/// <summary>Versioned bytes of <see cref="Command"/>: version, kind, body. What is in the log stays readable for ever, so a kind is
/// never reused and a changed body gets a new kind.</summary>
public static class CommandCodec
{
    public const byte Version = 1;
    private const byte Put = 1;
    private const byte Delete = 2;
    private const byte Ha = 3;
    private const byte Batch = 4;
    private const byte Cluster = 5;
    private const byte TimePasses = 6;
    private const byte Policy = 12;
    private const byte Catalogue = 10;
    private const byte Access = 13;
    private const byte Throttle = 7;
    private const byte Session = 8;
    private const byte KvDo = 9;
    private const byte Fleet = 11;
    private const byte Fencing = 14;
    private const byte KeepSessions = 15;

    public static byte[] Encode(Command command)
    {
        var to = new WireWriter();
        to.Byte(Version);
        switch (command)
        {
            case Command.KvPut put:
                to.Byte(Put);
                to.Text(put.Key);
                to.Bytes(put.Value.Span);
                to.UInt64(put.Flags);
                to.NumberOrNull(put.ExpectedIndex);
                WriteId(to, put.Id);
                break;
            case Command.KvDelete delete:
                to.Byte(Delete);
                to.Text(delete.Key);
                to.NumberOrNull(delete.ExpectedIndex);
                WriteId(to, delete.Id);
                break;
            case Command.Ha ha:
                to.Byte(Ha);
                HaCommandCodec.Write(to, ha.Inner);
                break;
            case Command.KvBatch batch:
                to.Byte(Batch);
                WriteWrites(to, batch.Writes);
                WriteId(to, batch.Id);
                break;
            case Command.Cluster(var inner):
                to.Byte(Cluster);
                ClusterCommandCodec.Write(to, inner);
                break;
            case Command.KeepSessions(var terms):
                to.Byte(KeepSessions);
                terms.Write(to);
                break;
            case Command.TimePasses(var stamp):
                to.Byte(TimePasses);
                stamp.Write(to);
                break;
            case Command.Session(var inner, var stamp):
                to.Byte(Session);
                inner.Write(to);
                stamp.Write(to);
                break;
            case Command.KvDo(var ops, var id, var stamp):
                to.Byte(KvDo);
                Kv.KvOpCodec.WriteOps(to, ops);
                WriteId(to, id);
                stamp.Write(to);
                break;
            case Command.Throttle(var inner, var stamp):
                WriteThrottle(to, inner, stamp);
                break;
            case Command.Fleet(var inner):
                to.Byte(Fleet);
                FleetCommandCodec.Write(to, inner);
                break;
            case Command.Fencing(var inner):
                to.Byte(Fencing);
                FencingCommandCodec.Write(to, inner);
                break;
            default:
                WriteOfOperators(to, command);
                break;
        }

        return to.Written.ToArray();
    }

    /// <summary>The oldest protocol between nodes whose programs know a command of this kind: one that speaks an older one stops at it. Looks
    /// only at the first bytes; what is no command of this program's is left to <see cref="Decode"/>.</summary>
    public static int VersionOf(ReadOnlySpan<byte> command)
    {
        if (command.Length < 2 || command[0] != Version) return 1;
        return command[1] switch
        {
            Put or Delete => 1,
            Ha => HaCommandCodec.VersionOf(command[2..]),
            Batch or Cluster => 2,
            _ => 3,
        };
    }

    /// <summary>Services, and what operators say.</summary>
    private static void WriteOfOperators(WireWriter to, Command command)
    {
        switch (command)
        {
            case Command.Access(var inner):
                to.Byte(Access);
                State.Access.AccessCodec.Write(to, inner);
                break;
            case Command.Policy(var policy):
                to.Byte(Policy);
                State.Policy.PolicyCommandCodec.Write(to, policy);
                break;
            case Command.Catalogue catalogue:
                to.Byte(Catalogue);
                State.Catalogue.CatalogueCommandCodec.Write(to, catalogue);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <exception cref="WireFormatException">The bytes are damaged, or were written by a newer program.</exception>
    public static Command Decode(ReadOnlySpan<byte> bytes)
    {
        var from = new WireReader(bytes);
        var version = from.Byte();
        if (version != Version) throw from.Malformed($"a command of version {version}; this program reads version {Version}");
        var kind = from.Byte();
        Command command = kind switch
        {
            Put => new Command.KvPut(from.Text(), from.Bytes().ToArray(), from.UInt64(), from.NumberOrNull(), ReadId(ref from)),
            Delete => new Command.KvDelete(from.Text(), from.NumberOrNull(), ReadId(ref from)),
            Ha => new Command.Ha(HaCommandCodec.Read(ref from)),
            Batch => new Command.KvBatch(ReadWrites(ref from), ReadId(ref from)),
            Cluster => new Command.Cluster(ClusterCommandCodec.Read(ref from)),
            KeepSessions => new Command.KeepSessions(SessionTerms.Read(ref from)),
            TimePasses => new Command.TimePasses(Time.TimeStamp.Read(ref from)),
            Access => new Command.Access(State.Access.AccessCodec.Read(ref from)),
            Policy => new Command.Policy(State.Policy.PolicyCommandCodec.Read(ref from)),
            Catalogue => State.Catalogue.CatalogueCommandCodec.Read(ref from),
            Session => new Command.Session(Locks.SessionCommand.Read(ref from), Time.TimeStamp.Read(ref from)),
            KvDo => new Command.KvDo(Kv.KvOpCodec.ReadOps(ref from), ReadId(ref from), Time.TimeStamp.Read(ref from)),
            Throttle => ReadThrottle(ref from),
            Fleet => new Command.Fleet(FleetCommandCodec.Read(ref from)),
            Fencing => new Command.Fencing(FencingCommandCodec.Read(ref from)),
            _ => throw from.Malformed($"a command of kind {kind}, which this program does not know"),
        };
        from.End();
        return command;
    }

    private static void WriteThrottle(WireWriter to, State.Throttle.ThrottleCommand inner, Time.TimeStamp stamp)
    {
        to.Byte(Throttle);
        stamp.Write(to);
        State.Throttle.ThrottleCommandCodec.Write(to, inner);
    }

    private static Command.Throttle ReadThrottle(ref WireReader from)
    {
        var stamp = Time.TimeStamp.Read(ref from);
        return new(State.Throttle.ThrottleCommandCodec.Read(ref from), stamp);
    }

    internal static void WriteWrites(WireWriter to, IReadOnlyList<KvWrite> writes)
    {
        to.Number(writes.Count);
        foreach (var write in writes)
        {
            to.Text(write.Key);
            to.Bool(write.Value is not null);
            if (write.Value is { } value) to.Bytes(value.Span);
            to.UInt64(write.Flags);
            to.NumberOrNull(write.ExpectedIndex);
        }
    }

    internal static ImmutableArray<KvWrite> ReadWrites(ref WireReader from)
    {
        var writes = new KvWrite[from.Count()];
        for (var i = 0; i < writes.Length; i++)
        {
            var key = from.Text();
            var value = from.Bool() ? (ReadOnlyMemory<byte>?)from.Bytes().ToArray() : null;
            writes[i] = new(key, value, from.UInt64(), from.NumberOrNull());
        }

        return ImmutableArray.Create(writes);
    }

    internal static void WriteId(WireWriter to, RequestId? id)
    {
        to.Bool(id is not null);
        if (id is not { } value) return;
        to.Text(value.Session);
        to.Number(value.Sequence);
    }

    internal static RequestId? ReadId(ref WireReader from) => from.Bool() ? new RequestId(from.Text(), from.Number()) : null;
}
