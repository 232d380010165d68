using Verify.Sim.Hosts;
using Verify.Sim.Scheduling;

namespace Verify.Sim.Network;

/// <summary>What a cut link does to connections.</summary>
public enum CutStyle : byte
{
    /// <summary>Bytes vanish: open connections stay half-open, new ones hang until somebody's deadline.</summary>
    Blackhole,

    /// <summary>A firewall that answers: open connections are reset, new ones are refused.</summary>
    Refuse,
}

/// <summary>One way of one link, cut for a while: the proof that the fault bit.</summary>
public sealed record CutWindow(string From, string To, CutStyle Style, long BeganMicros)
{
    public long? EndedMicros { get; internal set; }

    /// <summary>Segments that did not get through while it was cut.</summary>
    public long SegmentsHeld { get; internal set; }

    /// <summary>Attempts to connect that it stopped, answers to them included.</summary>
    public long ConnectsStopped { get; internal set; }

    /// <summary>It stopped something.</summary>
    public bool Bit => SegmentsHeld + ConnectsStopped > 0;
}

/// <summary>The way from one host to another. The way back is a link of its own.</summary>
internal sealed class SimLink
{
    private readonly IChoiceSource _choices;
    private readonly List<SimFlow> _held = [];
    private readonly List<SimFlow> _heldAcknowledgements = [];
    private int _cuts;
    private long _minMicros;
    private int _jitterMicros;

    public SimLink(SimHost from, SimHost to, LinkShape shape, IChoiceSource choices)
    {
        (From, To, _choices) = (from, to, choices);
        Shape = shape;
        SetShape(shape);
        var labels = from.World.Trace.Labels;
        var name = $"{to.Name} <- {from.Name}";
        Data = labels.Intern($"{name} data");
        Retransmit = labels.Intern($"{name} retransmit");
        Window = labels.Intern($"{name} window");
        Reset = labels.Intern($"{name} reset");
        Syn = labels.Intern($"{name} syn");
        SynAnswer = labels.Intern($"{name} syn-answer");
        Sent = labels.Intern($"{from.Name} -> {to.Name} sent");
    }

    public SimHost From { get; }
    public SimHost To { get; }
    public LinkShape Shape { get; private set; }
    public CutWindow? OpenCut { get; private set; }
    public bool IsCut => _cuts > 0;
    public long SegmentsDelivered { get; set; }
    public long SegmentsHeld { get; private set; }

    /// <summary>The names of the events on this link.</summary>
    public int Data { get; }
    public int Retransmit { get; }
    public int Window { get; }
    public int Reset { get; }
    public int Syn { get; }
    public int SynAnswer { get; }
    public int Sent { get; }

    public void SetShape(LinkShape shape)
    {
        Shape = shape;
        _minMicros = SimClock.Micros(shape.Min);
        _jitterMicros = (int)SimClock.Micros(shape.Jitter);
    }

    /// <summary>How long the next bytes take: a choice.</summary>
    public long DrawLatency()
    {
        if (_jitterMicros == 0) return _minMicros;
        From.Scheduler.ChoiceAbout = Data;
        return _minMicros + _choices.Next(ChoiceKind.Delay, _jitterMicros + 1);
    }

    /// <summary>How long so many bytes keep the link busy.</summary>
    public long MicrosToSend(int bytes) => Shape.BytesPerSecondMax == 0 ? 0 : bytes * 1_000_000L / Shape.BytesPerSecondMax;

    public CutWindow? Cut(CutStyle style, long now)
    {
        if (_cuts++ > 0) return null;
        return OpenCut = new CutWindow(From.Name, To.Name, style, now);
    }

    /// <summary>Ends one cut; when it was the last, what was held is sent again after a while.</summary>
    public void Heal(long now, bool all)
    {
        if (_cuts == 0) return;
        _cuts = all ? 0 : _cuts - 1;
        if (_cuts > 0) return;
        if (OpenCut is not null) OpenCut.EndedMicros = now;
        OpenCut = null;
        foreach (var flow in _held) flow.QueueRetransmission();
        _held.Clear();
        foreach (var flow in _heldAcknowledgements) flow.AcknowledgeHeld();
        _heldAcknowledgements.Clear();
    }

    public void CountHeldSegment()
    {
        SegmentsHeld++;
        if (OpenCut is not null) OpenCut.SegmentsHeld++;
    }

    public void CountStoppedConnect()
    {
        if (OpenCut is not null) OpenCut.ConnectsStopped++;
    }

    public void Hold(SimFlow flow) => _held.Add(flow);

    public void HoldAcknowledgement(SimFlow flow) => _heldAcknowledgements.Add(flow);
}
