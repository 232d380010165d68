using Verify.Sim.Scheduling;

namespace Verify.Sim.Network;

/// <summary>One direction of one connection: segments in order, those that have arrived first. While the link is cut they
/// are held; after it is healed they arrive together, in order, as TCP's retransmission makes it.</summary>
internal sealed class SimFlow(SimWorld world, SimLink link, SimLink back) : IEventTarget
{
    public const int SegmentDue = 0;
    public const int RetransmissionDue = 1;
    public const int WindowOpened = 2;
    private const int SplitDivisor = 2;
    private Segment[] _segments = new Segment[8];
    private int _head;
    private int _count;
    private int _arrived;
    private int _dueButHeld;
    private bool _isHeld;
    private long _lastDue;
    private long _lastWrite = -1;
    private long _busyUntil;
    private int _unread;
    private int _heldAcknowledgements;

    private struct Segment
    {
        public byte[]? Bytes;
        public int Start;
        public int End;
    }

    public SimLink Link => link;

    /// <summary>Who writes into it and who reads from it; set once, when the connection is made.</summary>
    public SimStream Source { get; set; } = null!;
    public SimStream Sink { get; set; } = null!;

    /// <summary>The writer has closed and the reader has seen everything before that.</summary>
    public bool HasEnded { get; private set; }
    public bool HasBytes => _arrived > 0;
    public bool IsFull => _unread >= world.Options.InFlightBytesMax;

    public void Send(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return;
        if (world.Options.HashBytes) world.Trace.Bytes(link.Sent, bytes);
        _unread += bytes.Length;
        var now = world.Scheduler.Now;
        if (_lastWrite == now && _count > _arrived && link.Trouble is null && TryJoin(bytes)) return;
        SendSegment(bytes, now);
        if (link.Trouble is null || !link.Repeats()) return;
        _unread += bytes.Length;
        SendSegment(bytes, now);
    }

    /// <summary>The writer's end is gone, but what is under way is not: it arrives late, while a new connection may already speak. That is
    /// how bytes of two connections overtake each other.</summary>
    public void Linger()
    {
        if (_isHeld || _count == _arrived) return;
        _isHeld = true;
        QueueRetransmission();
    }

    /// <summary>The writer closes: an end, in order after the bytes.</summary>
    public void SendEnd()
    {
        Enqueue(default);
        QueueSegment(world.Scheduler.Now);
    }

    /// <summary>Takes what has arrived, as far as there is room. Only to be called when <see cref="HasBytes"/>.</summary>
    public int Take(Span<byte> into)
    {
        var taken = 0;
        while (_arrived > 0 && taken < into.Length)
        {
            ref var segment = ref _segments[_head];
            if (segment.Bytes is null) break;
            var part = Math.Min(into.Length - taken, segment.End - segment.Start);
            segment.Bytes.AsSpan(segment.Start, part).CopyTo(into[taken..]);
            taken += part;
            segment.Start += part;
            if (segment.Start < segment.End) break;
            DropFirst();
        }

        if (_arrived > 0 && _segments[_head].Bytes is null) ReadEnd();
        Acknowledge(taken);
        return taken;
    }

    public void Happen(int argument)
    {
        switch (argument)
        {
            case SegmentDue:
                if (_isHeld || link.IsCut) Hold();
                else Arrive(1);
                break;
            case RetransmissionDue:
                if (link.IsCut)
                {
                    link.CountHeldSegment();
                    link.Hold(this);
                    break;
                }

                _isHeld = false;
                (var due, _dueButHeld) = (_dueButHeld, 0);
                if (due > 0) Arrive(due);
                break;
            default:
                if (!IsFull) Source.WindowOpened();
                break;
        }
    }

    public void QueueRetransmission()
    {
        var (min, max) = (SimClock.Micros(world.Options.RetransmitMin), SimClock.Micros(world.Options.RetransmitMax));
        var after = min + world.Choices.Next(ChoiceKind.Delay, (int)(max - min) + 1);
        Sink.Post(link.Retransmit, world.Scheduler.Now + after, this, RetransmissionDue);
    }

    /// <summary>The way back is whole again: what was read meanwhile is now known to the writer.</summary>
    public void AcknowledgeHeld()
    {
        (var bytes, _heldAcknowledgements) = (_heldAcknowledgements, 0);
        Release(bytes);
    }

    /// <summary>Gives all buffers back.</summary>
    public void Clear()
    {
        while (_count > 0) DropFirst();
        _arrived = 0;
    }

    private void SendSegment(ReadOnlySpan<byte> bytes, long now)
    {
        var array = world.Segments.Rent(bytes.Length);
        bytes.CopyTo(array);
        link.Garble(array.AsSpan(0, bytes.Length));
        Enqueue(new Segment { Bytes = array, Start = 0, End = bytes.Length });
        _lastWrite = now;
        _busyUntil = Math.Max(_busyUntil, now) + link.MicrosToSend(bytes.Length);
        QueueSegment(_busyUntil + link.DrawLoss(world.Options));
    }

    private void QueueSegment(long from)
    {
        _lastDue = Math.Max(_lastDue, from + link.DrawLatency());
        Sink.Post(link.Data, _lastDue, this, SegmentDue);
    }

    private bool TryJoin(ReadOnlySpan<byte> bytes)
    {
        ref var last = ref _segments[(_head + _count - 1) & (_segments.Length - 1)];
        if (last.Bytes is null || last.End + bytes.Length > last.Bytes.Length) return false;
        bytes.CopyTo(last.Bytes.AsSpan(last.End));
        last.End += bytes.Length;
        return true;
    }

    private void Hold()
    {
        _dueButHeld++;
        if (link.IsCut) link.CountHeldSegment();
        if (_isHeld) return;
        _isHeld = true;
        link.Hold(this);
    }

    private void Arrive(int segments)
    {
        link.SegmentsDelivered += segments;
        if (Sink.IsClosed)
        {
            Source.PostReset(back, "connection reset by peer");
            return;
        }

        if (segments == 1 && world.Options.SplitDeliveriesPerMille > 0) SplitFirstPending();
        _arrived += segments;
        if (_segments[_head].Bytes is null) ReadEnd();
        Sink.BytesArrived();
    }

    /// <summary>Sometimes only a part arrives at first: readers must not rely on the writer's portions.</summary>
    private void SplitFirstPending()
    {
        ref var segment = ref _segments[(_head + _arrived) & (_segments.Length - 1)];
        var length = segment.End - segment.Start;
        if (segment.Bytes is null || length < SplitDivisor) return;
        if (world.Choices.Next(ChoiceKind.Fault, 1000) >= world.Options.SplitDeliveriesPerMille) return;
        var rest = world.Segments.Rent(length);
        var cut = segment.Start + 1 + world.Choices.Next(ChoiceKind.Value, length - 1);
        segment.Bytes.AsSpan(cut, segment.End - cut).CopyTo(rest);
        var second = new Segment { Bytes = rest, Start = 0, End = segment.End - cut };
        segment.End = cut;
        InsertAfterArrived(second);
        _lastDue = Math.Max(_lastDue, world.Scheduler.Now + 1);
        Sink.Post(link.Data, world.Scheduler.Now + 1, this, SegmentDue);
    }

    private void InsertAfterArrived(Segment second)
    {
        Enqueue(default);
        for (var i = _count - 1; i > _arrived + 1; i--)
            _segments[(_head + i) & (_segments.Length - 1)] = _segments[(_head + i - 1) & (_segments.Length - 1)];
        _segments[(_head + _arrived + 1) & (_segments.Length - 1)] = second;
    }

    private void ReadEnd()
    {
        HasEnded = true;
        DropFirst();
    }

    private void Acknowledge(int bytes)
    {
        if (bytes == 0) return;
        if (!back.IsCut)
        {
            Release(bytes);
            return;
        }

        if (_heldAcknowledgements == 0) back.HoldAcknowledgement(this);
        _heldAcknowledgements += bytes;
    }

    private void Release(int bytes)
    {
        var wasFull = IsFull;
        _unread -= bytes;
        if (wasFull && !IsFull) Source.Post(back.Window, world.Scheduler.Now + back.DrawLatency(), this, WindowOpened);
    }

    private void Enqueue(Segment segment)
    {
        if (_count == _segments.Length)
        {
            var wider = new Segment[_count * 2];
            for (var i = 0; i < _count; i++) wider[i] = _segments[(_head + i) & (_segments.Length - 1)];
            (_segments, _head) = (wider, 0);
        }

        _segments[(_head + _count++) & (_segments.Length - 1)] = segment;
    }

    private void DropFirst()
    {
        ref var segment = ref _segments[_head];
        if (segment.Bytes is not null) world.Segments.Return(segment.Bytes);
        segment = default;
        _head = (_head + 1) & (_segments.Length - 1);
        _count--;
        if (_arrived > 0) _arrived--;
    }
}
