using System.Collections.Immutable;

namespace Verify.Fleet.Toxiproxy;

/// <summary>The toxics of one direction of one connection, in their order. Decides what leaves and when; moves no byte itself.</summary>
internal sealed class ToxicChain(Random dice)
{
    // Replaced, never changed: counters are read from other threads.
    private ImmutableArray<ToxicRun> _runs = [];
    private readonly Queue<Piece> _out = new();
    private long _droppedBefore;

    /// <summary>True when bytes may be passed on without asking.</summary>
    public bool IsTransparent => _runs.Length == 0 && _out.Count == 0;

    public bool IsCut => _runs.Any(r => r.IsCut);

    public long DroppedBytes => _droppedBefore + _runs.Sum(r => r.DroppedBytes);

    /// <summary>True when the sender may be read from.</summary>
    public bool WantsInput => _runs.Length == 0 ? _out.Count == 0 : _runs[0].WantsInput;

    public bool IsEmpty => _out.Count == 0 && _runs.All(r => r.IsEmpty);

    public void Accept(Piece piece)
    {
        if (_runs.Length == 0) _out.Enqueue(piece);
        else _runs[0].Accept(piece);
    }

    /// <summary>The next piece that may leave now.</summary>
    public bool TryTake(TimeSpan now, out Piece piece)
    {
        Advance(now);
        return _out.TryDequeue(out piece);
    }

    /// <summary>When something may leave that may not now.</summary>
    public TimeSpan NextDue
    {
        get
        {
            var due = ToxicRun.Never;
            for (var i = 0; i < _runs.Length; i++)
            {
                // What waits for the next one to have room waits for that one's time.
                if (NextWants(i) && _runs[i].NextDue < due) due = _runs[i].NextDue;
            }

            return due;
        }
    }

    public void Add(Toxic toxic, TimeSpan now) => _runs = _runs.Add(ToxicRun.Begin(toxic, dice, now, old: null));

    public void Update(Toxic toxic, TimeSpan now)
    {
        var at = IndexOf(toxic.Name);
        if (at >= 0) _runs = _runs.SetItem(at, ToxicRun.Begin(toxic, dice, now, _runs[at]));
    }

    /// <summary>Takes a toxic away; what it held goes on at once.</summary>
    public void Remove(string name, TimeSpan now)
    {
        var at = IndexOf(name);
        if (at < 0) return;
        var run = _runs[at];
        _runs = _runs.RemoveAt(at);
        _droppedBefore += run.DroppedBytes;
        foreach (var piece in run.Drain(now))
        {
            if (at < _runs.Length) _runs[at].Accept(piece);
            else _out.Enqueue(piece);
        }
    }

    private void Advance(TimeSpan now)
    {
        for (var moved = true; moved;)
        {
            moved = false;
            for (var i = _runs.Length - 1; i >= 0; i--)
            {
                while (NextWants(i) && _runs[i].TryTake(now, out var piece))
                {
                    moved = true;
                    if (i + 1 < _runs.Length) _runs[i + 1].Accept(piece);
                    else _out.Enqueue(piece);
                }
            }
        }
    }

    private bool NextWants(int i) => i + 1 < _runs.Length ? _runs[i + 1].WantsInput : _out.Count == 0;

    private int IndexOf(string name)
    {
        for (var i = 0; i < _runs.Length; i++)
        {
            if (_runs[i].Toxic.Name.Equals(name, StringComparison.Ordinal)) return i;
        }

        return -1;
    }
}
