namespace Verify.Raft;

/// <summary>What is known of a follower as an image keeps it.</summary>
internal sealed partial class Progress
{
    public PeerImage Image
    {
        get
        {
            Invariant.Holds(State != ProgressState.Snapshot, "an image has no place for snapshots");
            return new(Peer, State, Match, Next, IsProbing, RoundSent, CommitSent);
        }
    }

    public static Progress From(PeerImage image, Electorate electorate, int inflightMax)
    {
        var peer = new Progress(image.Peer, image.Next, now: 0, inflightMax)
        {
            State = image.State, Match = image.Match, IsProbing = image.IsProbing, RoundSent = image.RoundSent, CommitSent = image.CommitSent,
        };
        peer.CountIn(electorate);
        return peer;
    }
}
