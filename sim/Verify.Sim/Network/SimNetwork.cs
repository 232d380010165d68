using Verify.Node.Seam;
using Verify.Sim.Hosts;

namespace Verify.Sim.Network;

/// <summary>The network as one life of one host sees it. Names are names of hosts.</summary>
internal sealed class SimNetwork(SimWorld world, HostLife life) : INetwork
{
    public ValueTask<Stream> ConnectAsync(Endpoint to, CancellationToken cancel)
    {
        world.Scheduler.CheckThread();
        if (!life.IsAlive) return ValueTask.FromException<Stream>(new HostDownException(life.Host.Name));
        if (cancel.IsCancellationRequested) return ValueTask.FromCanceled<Stream>(cancel);
        var target = IsOwnName(to.Host) ? life.Host : world.FindHost(to.Host);
        if (target is null) return ValueTask.FromException<Stream>(new IOException($"{to}: no such host in this world"));
        var attempt = new SimConnect(world, life, target, to, cancel);
        attempt.Begin();
        return new ValueTask<Stream>(attempt.Task);
    }

    public IListener Listen(Endpoint at)
    {
        world.Scheduler.CheckThread();
        if (!life.IsAlive) throw new HostDownException(life.Host.Name);
        if (!IsOwnName(at.Host)) throw new IOException($"{at}: not an address of {life.Host.Name}");
        if (life.Listeners.ContainsKey(at.Port)) throw new IOException($"{at}: the address is taken");
        var listener = new SimListener(world, life, at.Port);
        life.Listeners.Add(at.Port, listener);
        return listener;
    }

    private bool IsOwnName(string name) =>
        string.Equals(name, life.Host.Name, StringComparison.Ordinal) || name is "localhost" or "127.0.0.1" or "0.0.0.0" or "::" or "::1";
}
