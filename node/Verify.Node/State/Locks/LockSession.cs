using Verify.Node.Codec;

namespace Verify.Node.State.Locks;

/// <summary>What becomes of the keys whose lock a session holds when it ends.</summary>
public enum SessionBehaviour : byte
{
    /// <summary>They stay, and nobody holds them.</summary>
    Release = 1,

    /// <summary>They are deleted.</summary>
    Delete = 2,
}

/// <summary>A client's session: what it holds is given back when it ends (Consul, "Sessions and distributed locks").</summary>
/// <param name="TtlMs">How long it lives after it was begun or renewed, by the group's time; null: it does not end by itself.</param>
/// <param name="DeadlineMs">When it ends by the group's time; null: never by itself.</param>
public sealed record LockSession(
    string Id, string Name, string Node, long? TtlMs, SessionBehaviour Behaviour, long LockDelayMs, long CreateIndex, long? DeadlineMs)
{
    internal void Write(WireWriter to)
    {
        to.Text(Id);
        to.Text(Name);
        to.Text(Node);
        to.NumberOrNull(TtlMs);
        to.Byte((byte)Behaviour);
        to.Number(LockDelayMs);
        to.Number(CreateIndex);
        to.NumberOrNull(DeadlineMs);
    }

    /// <exception cref="WireFormatException"/>
    internal static LockSession Read(ref WireReader from) => new(
        from.Text(), from.Text(), from.Text(), from.NumberOrNull(), ReadBehaviour(ref from), from.Number(), from.Number(), from.NumberOrNull());

    /// <exception cref="WireFormatException"/>
    internal static SessionBehaviour ReadBehaviour(ref WireReader from)
    {
        var behaviour = (SessionBehaviour)from.Byte();
        return Enum.IsDefined(behaviour) ? behaviour : throw from.Malformed($"a behaviour of kind {(byte)behaviour}");
    }
}
