using Verify.Node.Loop;
using Verify.Node.State;
using Verify.Node.State.Fencing;

namespace Verify.Node.Recovery;

/// <summary>On the leader: has the group begin to publish its primaries (<see cref="PublishedPrimaries"/>), once for ever.</summary>
internal sealed class Publishing(INodeServices services, Leadership leadership)
{
    private bool _isAsking;

    public void Look()
    {
        if (!leadership.IsHeld || _isAsking || services.Fencing.IsPublishing || !services.Ha.Clusters.Any()) return;
        var begin = new Command.Fencing(new FencingCommand.BeginPublishing());
        if (services.ObjectionTo(begin) is not null) return;
        _isAsking = true;
        services.Submit(begin, _ => _isAsking = false);
    }
}
