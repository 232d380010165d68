using System.Diagnostics;

namespace Verify.Fleet.Toxiproxy;

/// <summary>One toxic at work on one direction of one connection. It decides only: pieces go in, pieces come out when their
/// time has come; sockets and timers are the link's (<see cref="Link"/>).</summary>
internal abstract class ToxicRun(Toxic toxic)
{
    public static readonly TimeSpan Never = TimeSpan.MaxValue;
    protected readonly Queue<Piece> Held = new();

    public Toxic Toxic { get; protected set; } = toxic;

    /// <summary>Bytes that it has thrown away.</summary>
    public long DroppedBytes { get; protected set; }

    /// <summary>True when nothing at all will ever come out while it lasts.</summary>
    public virtual bool IsCut => false;

    /// <summary>True when it takes another piece; otherwise the sender has to wait.</summary>
    public virtual bool WantsInput => Held.Count == 0;

    public bool IsEmpty => Held.Count == 0;

    public virtual void Accept(Piece piece) => Held.Enqueue(piece);

    /// <summary>The next piece, when it is due.</summary>
    public virtual bool TryTake(TimeSpan now, out Piece piece) => Held.TryDequeue(out piece);

    /// <summary>When to ask again although nothing new came in.</summary>
    public virtual TimeSpan NextDue => Never;

    /// <summary>What is left to be passed on when the toxic is removed.</summary>
    public virtual IEnumerable<Piece> Drain(TimeSpan now) => Held;

    /// <summary>Begins the work of a toxic, or of its new version, on a connection; what the old run held stays.</summary>
    /// <param name="dice">Decides, by toxicity, whether this connection is struck at all.</param>
    public static ToxicRun Begin(Toxic toxic, Random dice, TimeSpan now, ToxicRun? old)
    {
        ToxicRun run = dice.NextSingle() < toxic.Toxicity ? toxic.Kind switch
        {
            ToxicKind.Noop => new PassRun(toxic),
            ToxicKind.Latency kind => new LatencyRun(toxic, kind, dice),
            ToxicKind.Bandwidth kind => new BandwidthRun(toxic, kind),
            ToxicKind.SlowClose kind => new SlowCloseRun(toxic, kind),
            ToxicKind.Timeout kind => new TimeoutRun(toxic, kind, now),
            ToxicKind.ResetPeer kind => new ResetPeerRun(toxic, kind),
            ToxicKind.Slicer kind => new SlicerRun(toxic, kind, dice),
            ToxicKind.LimitData kind => new LimitDataRun(toxic, kind, (old as LimitDataRun)?.PassedBytes ?? 0),
            _ => throw new UnreachableException(),
        } : new PassRun(toxic);
        if (old is null) return run;
        foreach (var piece in old.Held) run.Accept(piece);
        run.DroppedBytes += old.DroppedBytes;
        return run;
    }

    private sealed class PassRun(Toxic toxic) : ToxicRun(toxic);

    /// <summary>Delays count from when a piece arrived, so that what was sent close together arrives close together.</summary>
    private sealed class LatencyRun(Toxic toxic, ToxicKind.Latency kind, Random dice) : ToxicRun(toxic)
    {
        private const int PiecesMax = 1024;
        private TimeSpan? _headDue;

        public override bool WantsInput => Held.Count < PiecesMax;

        public override TimeSpan NextDue => Held.Count == 0 ? Never : HeadDue();

        public override bool TryTake(TimeSpan now, out Piece piece)
        {
            piece = default;
            if (Held.Count == 0 || HeadDue() is var due && due > now) return false;
            piece = Held.Dequeue() with { Arrived = due };
            _headDue = null;
            return true;
        }

        private TimeSpan HeadDue()
        {
            var head = Held.Peek();
            if (head.Bytes.IsEmpty) return TimeSpan.Zero;
            return _headDue ??= head.Arrived + TimeSpan.FromMilliseconds(Math.Max(0, kind.DelayMs + Jitter()));
        }

        private long Jitter() => kind.JitterMs == 0 ? 0 : dice.NextInt64(-kind.JitterMs, kind.JitterMs);
    }

    private sealed class BandwidthRun(Toxic toxic, ToxicKind.Bandwidth kind) : ToxicRun(toxic)
    {
        private const int PieceMs = 100;
        private TimeSpan _free;
        private TimeSpan? _due;

        public override TimeSpan NextDue => Held.Count == 0 ? Never : Due();

        public override bool TryTake(TimeSpan now, out Piece piece)
        {
            piece = default;
            if (Held.Count == 0 || Due() is var due && due > now) return false;
            var head = Held.Peek();
            var length = NextLength(head);
            if (length < head.Bytes.Length)
            {
                // One at a time is held: the rest takes the head's place.
                Held.Dequeue();
                Held.Enqueue(head with { Bytes = head.Bytes[length..] });
                piece = new(head.Bytes[..length], head.Arrived, PieceEnd.None);
            }
            else
            {
                piece = Held.Dequeue();
            }

            (_free, _due) = (due, null);
            return true;
        }

        private int NextLength(Piece head) => (int)Math.Min(head.Bytes.Length, Math.Min(int.MaxValue, kind.KilobytesPerSecond * PieceMs));

        private TimeSpan Due()
        {
            var head = Held.Peek();
            if (head.Bytes.IsEmpty) return TimeSpan.Zero;
            if (kind.KilobytesPerSecond == 0) return Never;
            var begin = head.Arrived > _free ? head.Arrived : _free;
            return _due ??= begin + TimeSpan.FromMilliseconds((double)NextLength(head) / kind.KilobytesPerSecond);
        }
    }

    private sealed class SlowCloseRun(Toxic toxic, ToxicKind.SlowClose kind) : ToxicRun(toxic)
    {
        public override TimeSpan NextDue => Held.TryPeek(out var head) ? Due(head) : Never;

        public override bool TryTake(TimeSpan now, out Piece piece)
        {
            piece = default;
            return Held.TryPeek(out var head) && Due(head) <= now && Held.TryDequeue(out piece);
        }

        private TimeSpan Due(Piece head) => head.End == PieceEnd.None ? TimeSpan.Zero : head.Arrived + TimeSpan.FromMilliseconds(kind.DelayMs);
    }

    /// <summary>A cut holds the end of the stream too: through a cut line nobody learns that the other side has gone.</summary>
    private sealed class TimeoutRun(Toxic toxic, ToxicKind.Timeout kind, TimeSpan begin) : ToxicRun(toxic)
    {
        private bool _closed;

        public override bool IsCut => kind.AfterMs == 0;
        public override bool WantsInput => true;
        public override TimeSpan NextDue => kind.AfterMs == 0 || _closed ? Never : begin + TimeSpan.FromMilliseconds(kind.AfterMs);

        public override void Accept(Piece piece) => DroppedBytes += piece.Bytes.Length;

        public override bool TryTake(TimeSpan now, out Piece piece)
        {
            piece = Piece.EndOf(PieceEnd.Close, now);
            if (_closed || NextDue > now) return false;
            return _closed = true;
        }

        public override IEnumerable<Piece> Drain(TimeSpan now) => [Piece.EndOf(PieceEnd.Close, now)];
    }

    private sealed class ResetPeerRun(Toxic toxic, ToxicKind.ResetPeer kind) : ToxicRun(toxic)
    {
        private TimeSpan _due = Never;
        private bool _reset;

        public override bool WantsInput => true;
        public override TimeSpan NextDue => _reset ? Never : _due;

        public override void Accept(Piece piece)
        {
            DroppedBytes += piece.Bytes.Length;
            if (_due == Never) _due = piece.Arrived + TimeSpan.FromMilliseconds(kind.AfterMs);
        }

        public override bool TryTake(TimeSpan now, out Piece piece)
        {
            piece = Piece.EndOf(PieceEnd.Reset, now);
            if (_reset || _due > now) return false;
            return _reset = true;
        }

        public override IEnumerable<Piece> Drain(TimeSpan now) => _due == Never ? [] : [Piece.EndOf(PieceEnd.Reset, now)];
    }

    private sealed class SlicerRun(Toxic toxic, ToxicKind.Slicer kind, Random dice) : ToxicRun(toxic)
    {
        private readonly Queue<Piece> _slices = new();
        private TimeSpan _free;

        public override bool WantsInput => Held.Count == 0 && _slices.Count == 0;
        public override TimeSpan NextDue => _slices.Count + Held.Count == 0 ? Never : _free;

        public override bool TryTake(TimeSpan now, out Piece piece)
        {
            if (_slices.Count == 0 && Held.TryDequeue(out var whole)) Slice(whole);
            piece = default;
            if (_free > now || !_slices.TryDequeue(out piece)) return false;
            if (!piece.Bytes.IsEmpty) _free = now + TimeSpan.FromMicroseconds(kind.DelayUs);
            return true;
        }

        public override IEnumerable<Piece> Drain(TimeSpan now) => _slices.Concat(Held);

        private void Slice(Piece whole)
        {
            if (whole.Bytes.IsEmpty)
            {
                _slices.Enqueue(whole);
                return;
            }

            // Halved, a little off the middle, until every slice is near the wanted size.
            var open = new Stack<(int From, int To)>();
            open.Push((0, whole.Bytes.Length));
            while (open.TryPop(out var part))
            {
                var length = part.To - part.From;
                if (length <= 1 || length <= kind.AverageBytes + kind.VariationBytes)
                {
                    _slices.Enqueue(whole with { Bytes = whole.Bytes[part.From..part.To] });
                    continue;
                }

                var off = kind.VariationBytes == 0 ? 0 : dice.NextInt64(-kind.VariationBytes, kind.VariationBytes + 1);
                var middle = (int)Math.Clamp(part.From + (length / 2) + off, part.From + 1, part.To - 1);
                open.Push((middle, part.To));
                open.Push((part.From, middle));
            }
        }
    }

    private sealed class LimitDataRun(Toxic toxic, ToxicKind.LimitData kind, long passed) : ToxicRun(toxic)
    {
        private bool _closed;

        public long PassedBytes { get; private set; } = passed;
        public override bool WantsInput => _closed || Held.Count == 0;

        public override void Accept(Piece piece)
        {
            if (_closed)
            {
                DroppedBytes += piece.Bytes.Length;
                return;
            }

            var left = Math.Max(0, kind.BytesMax - PassedBytes);
            var bytes = piece.Bytes.Length <= left ? piece.Bytes : piece.Bytes[..(int)left];
            DroppedBytes += piece.Bytes.Length - bytes.Length;
            PassedBytes += bytes.Length;
            _closed = piece.Bytes.Length >= left && !piece.Bytes.IsEmpty;
            Held.Enqueue(piece with { Bytes = bytes, End = _closed ? PieceEnd.Close : piece.End });
        }
    }
}
