using Verify.Node.Codec;

namespace Verify.Node.State;

/// <summary>The parts of the replicated state, as they are numbered in snapshots. Old snapshots stay readable for ever, so a number is
/// never given twice.</summary>
internal enum SectionKind : byte
{
    /// <summary>Not a part but the first block: where in the log the state stands, and which parts follow.</summary>
    Head = 1,
    Kv = 2,
    Sessions = 3,
    Ha = 4,

    /// <summary>What is agreed on the group itself besides its members: join tokens, and nodes on their way into it.</summary>
    Cluster = 5,

    /// <summary>Applications that are throttled and hosts that are skipped.</summary>
    Throttle = 6,

    /// <summary>Sessions of clients and the locks that they hold.</summary>
    Locks = 7,

    /// <summary>Services, their instances and checks.</summary>
    Catalogue = 8,

    /// <summary>Which MySQL servers are known, and what operators said of them.</summary>
    Fleet = 9,

    /// <summary>The group's own time.</summary>
    Time = 10,

    /// <summary>What operators allow the node to do by itself: downtime, maintenance, promotion rules, acknowledgements.</summary>
    Policy = 11,

    /// <summary>Access rules for keys and services.</summary>
    Access = 12,

    /// <summary>What is known of the means that keep writes away from servers.</summary>
    Fencing = 13,

    /// <summary>Since when sessions have not written.</summary>
    SessionAges = 14,
}

/// <summary>A part of the replicated state that can be frozen, written, and built again. Everything that decides what a later command
/// does must be in its records: nothing else gets to a node that starts from a snapshot.</summary>
internal interface IStateSection
{
    SectionKind Kind { get; }

    /// <summary>The version of the records that <see cref="Freeze"/> writes. <see cref="Restore"/> reads this one and all before it.</summary>
    byte Version { get; }

    /// <summary>The newest version that <see cref="Restore"/> reads; another than <see cref="Version"/> in a part that is written in an older
    /// form as long as that can hold it.</summary>
    byte VersionMax => Version;

    /// <summary>This part as it is now; on the loop, in microseconds. What it returns is read elsewhere while this part changes on.</summary>
    FrozenSection Freeze();

    /// <summary>Takes one record.</summary>
    /// <exception cref="WireFormatException"/>
    void Restore(byte version, ref WireReader from);
}

/// <summary>One part of the state at one moment.</summary>
internal abstract class FrozenSection(SectionKind kind, byte version, long records)
{
    public SectionKind Kind { get; } = kind;
    public byte Version { get; } = version;
    public long Records { get; } = records;

    /// <summary>Writes one record after the other into the writer, always in the same order for the same content, and returns to the
    /// caller after each.</summary>
    public abstract IEnumerable<int> WriteEach(WireWriter to);

    public static FrozenSection Of<T>(IStateSection section, long count, IEnumerable<T> items, Action<WireWriter, T> write) =>
        new Items<T>(section, count, items, write);

    private sealed class Items<T>(IStateSection section, long count, IEnumerable<T> items, Action<WireWriter, T> write)
        : FrozenSection(section.Kind, section.Version, count)
    {
        public override IEnumerable<int> WriteEach(WireWriter to)
        {
            foreach (var item in items)
            {
                write(to, item);
                yield return to.Length;
            }
        }
    }
}
