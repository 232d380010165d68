using System.Collections.Immutable;
using Verify.Node.Codec;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Raft;

namespace Verify.Node.Consensus;

/// <summary>Writes one snapshot file from its first byte to its last. Large writes, and a sync from time to time, so that no sync of the
/// log has to wait behind a hundred megabytes of snapshot: a file system that keeps data in order writes all that is dirty in either file first.</summary>
internal sealed class SnapshotWriter : IDisposable
{
    private const int WriteBytes = 256 * 1024;
    private const long SyncBytes = 512 * 1024;
    private readonly WireWriter _buffer = new(WriteBytes + StateImage.BlockBytes);
    private readonly WireWriter _frame = new(StateImage.BlockBytes + 4096);
    private readonly ImmutableArray<SnapshotBlockPlace>.Builder _places = ImmutableArray.CreateBuilder<SnapshotBlockPlace>();
    private readonly IDiskFile _file;
    private readonly FileSeal _seal;
    private readonly Dice _dice;
    private uint _number;
    private uint _crc = 0xFFFFFFFFU;
    private long _end;
    private long _unsynced;
    private bool _isEnded;

    private SnapshotWriter(IDiskFile file, FileSeal seal, Dice dice) => (_file, _seal, _dice) = (file, seal, dice);

    /// <summary>Bytes of the content stream that were given to this writer.</summary>
    public long StreamBytes { get; private set; }

    /// <summary>Checksum of the content stream so far.</summary>
    public uint StreamCrc => ~_crc;
    public long FileBytes => _end + _buffer.Length;
    public string KeyId => _seal.Mark.KeyId;
    public ImmutableArray<SnapshotBlockPlace> Places => _places.ToImmutable();

    /// <summary>A new file; what is there under this name is overwritten.</summary>
    public static async ValueTask<SnapshotWriter> BeginAsync(IDisk disk, string name, DataOwner owner, DataKey? key, SnapshotMark mark, Dice dice)
    {
        var seal = FileSeal.New(key, owner, SnapshotCodec.Purpose(mark.Last), dice);
        var writer = new SnapshotWriter(disk.Open(name, create: true), seal, dice);
        await writer._file.SetLengthAsync(0);
        writer._buffer.Raw(SnapshotCodec.Header(owner, seal.Mark, mark.Last));
        writer.AddBlock(SnapshotCodec.MarkBlock, MembershipCodec.Encode(mark.Membership));
        return writer;
    }

    /// <summary>Goes on behind the last whole block of a file that was begun before.</summary>
    public static async ValueTask<SnapshotWriter> ResumeAsync(IDiskFile file, SnapshotReader read, Dice dice)
    {
        var writer = new SnapshotWriter(file, read.Seal, dice)
        {
            _number = read.NextNumber, _crc = ~read.StreamCrc, _end = read.Position, StreamBytes = read.StreamBytes,
        };
        writer._places.AddRange(read.Places);
        await file.SetLengthAsync(read.Position);
        return writer;
    }

    /// <summary>The next block of content.</summary>
    public async ValueTask AddAsync(ReadOnlyMemory<byte> block)
    {
        _places.Add(new(FileBytes, StreamBytes));
        _frame.Clear();
        SnapshotCodec.WriteFrame(_frame, block.Span);
        _crc = Crc32C.Continue(_crc, _frame.Written.Span);
        StreamBytes += _frame.Length;
        AddBlock(SnapshotCodec.ContentBlock, block.Span);
        if (_buffer.Length >= WriteBytes) await FlushAsync();
    }

    /// <summary>Writes what is buffered, without a sync.</summary>
    /// <exception cref="DiskFullException">The file ends where it ended before; calling again tries again.</exception>
    public async ValueTask FlushAsync()
    {
        if (_buffer.Length == 0) return;
        try
        {
            await _file.WriteAsync(_buffer.Written, _end);
        }
        catch (DiskFullException)
        {
            await _file.SetLengthAsync(_end);
            throw;
        }

        _end += _buffer.Length;
        _unsynced += _buffer.Length;
        _buffer.Clear();
        if (_unsynced < SyncBytes) return;
        await _file.SyncAsync();
        _unsynced = 0;
    }

    /// <summary>What lies in memory has grown to a write's size: there was no space for it before.</summary>
    public bool HasBacklog => _buffer.Length >= WriteBytes;

    /// <summary>The end mark; the file is whole and durable afterwards, but for its name. After a full disk it may be called again.</summary>
    public async ValueTask FinishAsync()
    {
        if (!_isEnded) AddEnd();
        await FlushAsync();
        await _file.SyncAsync();
    }

    public void Dispose()
    {
        _file.Dispose();
        _seal.Dispose();
    }

    private void AddEnd()
    {
        _isEnded = true;
        var end = new WireWriter();
        end.Number(StreamBytes);
        end.UInt32(StreamCrc);
        AddBlock(SnapshotCodec.EndBlock, end.Written.Span);
    }

    private void AddBlock(byte kind, ReadOnlySpan<byte> plain) =>
        SnapshotCodec.WriteBlock(_buffer, _seal, _number++, kind, _dice.Next(), plain);
}
