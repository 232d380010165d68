using Verify.Raft;

namespace Verify.Sim.RaftOnly;

/// <summary>Schedules that name the messages that arrive.</summary>
internal sealed partial class SwarmRun
{
    private int _deed;

    /// <summary>The message that the deed names arrives, if it was sent and nothing is in its way.</summary>
    private void Hand(SwarmDeed deed, SwarmNode node)
    {
        AllDisksDue();
        if (node.IsUp && !_network.IsCut(deed.From, deed.Node) && _network.TryHand(deed.From, deed.Node, deed.Letter, _deed, out var flight)) Deliver(flight);
    }

    /// <summary>What is delivered is written down with its name.</summary>
    private void NoteLetter(SwarmNetwork.Flight flight)
    {
        if (_watch.Recorder is not { IsByLetter: true } recorder) return;
        recorder.Was(deed => deed.Word != SwarmWord.Deliver ? deed
            : deed with { Word = SwarmWord.Hand, From = flight.From, Node = flight.To, Letter = SwarmNetwork.KeyOf(flight.Envelope) });
    }

    /// <summary>Where nothing could be delivered, time passes.</summary>
    private void NoteTick()
    {
        if (_watch.Recorder is { IsByLetter: true } recorder) recorder.Was(deed => deed with { Word = SwarmWord.Tick });
    }
}
