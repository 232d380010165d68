using System.Collections.Immutable;

namespace Verify.Raft;

/// <summary>The count of an election as an image keeps it.</summary>
internal sealed partial class VoteTally
{
    public VoteTally(Electorate electorate, ImmutableArray<BallotImage> images)
    {
        _electorate = electorate;
        _incoming = new Ballot(electorate.Incoming, images[0]);
        _outgoing = electorate.IsJoint ? new Ballot(electorate.Outgoing, images[1]) : null;
    }

    public ImmutableArray<BallotImage> Images => _outgoing is null ? [_incoming.Image] : [_incoming.Image, _outgoing.Image];

    private sealed partial class Ballot
    {
        public Ballot(ImmutableArray<NodeId> voters, BallotImage image) : this(voters)
        {
            for (var i = 0; i < _answers.Length; i++) _answers[i] = (Answer)image.Answers[i];
            (_granted, _refused) = (image.Granted, image.Refused);
        }

        public BallotImage Image => new([.. _answers.Select(answer => (byte)answer)], _granted, _refused);
    }
}
