using Verify.Node.State;

namespace Verify.Node.Api;

/// <summary>On the leader: has the group agree on how sessions of clients' writes are kept (<see cref="SessionAges"/>), once there are enough of them for
/// it to matter. Until then nobody is forgotten in any case. Lives on the loop.</summary>
internal sealed class SessionKeeping(ApiParts parts, Writes writes)
{
    /// <summary>So much earlier than the table is full, that the writes which are under way meanwhile do not fill it.</summary>
    private const int Share = 4;
    private readonly SessionTerms _wanted = new(parts.Config.Limits.SessionsMax, (long)parts.Config.Limits.SessionsKeptFor.TotalMilliseconds);
    private bool _isAsking;

    public void Tick()
    {
        if (!parts.LeadsSettled)
        {
            _isAsking = false;
            return;
        }

        if (_isAsking || parts.State.Sessions.Count * (long)Share < _wanted.CountMax || parts.State.Sessions.Ages.Terms == _wanted) return;
        var keep = new Command.KeepSessions(_wanted);
        if (parts.Protocol.ObjectionTo(keep) is not null) return;
        _isAsking = writes.Enter(keep, new Proposer(null, _ => _isAsking = false)) is null;
    }
}
