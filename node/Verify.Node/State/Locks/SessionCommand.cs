using Verify.Node.Codec;
using Verify.Node.State.Locks;
using Verify.Node.State.Time;

namespace Verify.Node.State.Locks
{
    /// <summary>What can be done with sessions. Locks are taken and given back by operations on keys (<see cref="Kv.KvOp"/>).</summary>
    public abstract record SessionCommand
    {
        private SessionCommand() { }

        /// <summary>Begins a session. Done again with the same content it is the same session.</summary>
        /// <param name="Id">Drawn by whoever asks, and never used before.</param>
        /// <param name="Name">For people.</param>
        /// <param name="Node">Who made it, for people.</param>
        /// <param name="TtlMs">It ends so long after it was begun or last renewed, by the group's time; null: it does not end by itself.</param>
        /// <param name="LockDelayMs">So long after the session ended nobody gets the locks that it held then.</param>
        public sealed record Create(string Id, string Name, string Node, long? TtlMs, SessionBehaviour Behaviour, long LockDelayMs) : SessionCommand;

        public sealed record Renew(string Id) : SessionCommand;
        public sealed record Destroy(string Id) : SessionCommand;

        internal void Write(WireWriter to)
        {
            switch (this)
            {
                case Create create:
                    to.Byte(1);
                    to.Text(create.Id);
                    to.Text(create.Name);
                    to.Text(create.Node);
                    to.NumberOrNull(create.TtlMs);
                    to.Byte((byte)create.Behaviour);
                    to.Number(create.LockDelayMs);
                    break;
                case Renew(var id):
                    to.Byte(2);
                    to.Text(id);
                    break;
                case Destroy(var id):
                    to.Byte(3);
                    to.Text(id);
                    break;
                default:
                    throw new System.Diagnostics.UnreachableException();
            }
        }

        /// <exception cref="WireFormatException"/>
        internal static SessionCommand Read(ref WireReader from) => from.Byte() switch
        {
            1 => new Create(from.Text(), from.Text(), from.Text(), from.NumberOrNull(), LockSession.ReadBehaviour(ref from), from.Number()),
            2 => new Renew(from.Text()),
            3 => new Destroy(from.Text()),
            var kind => throw from.Malformed($"a session command of kind {kind}, which this program does not know"),
        };
    }
}

namespace Verify.Node.State
{
    public abstract partial record Command
    {
        public sealed record Session(SessionCommand Inner, TimeStamp Stamp) : Command
        {
            public override TimeStamp? StampOf => Stamp;
        }
    }
}
