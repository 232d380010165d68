using System.Diagnostics.CodeAnalysis;
using Verify.Node.Seam;
using Verify.Sim.Hosts;
using Verify.Sim.Scheduling;

namespace Verify.Sim.Network;

/// <summary>One attempt to connect: a SYN, an answer. Without an answer the SYN is sent again after 1, 2, 4 … s, as kernels
/// do (RFC 6298 section 2), so an attempt into a cut link hangs until the caller's deadline.</summary>
[SuppressMessage("Reliability", "CA1001", Justification = "The stream belongs to whoever asked for the connection; a cancelled attempt closes it.")]
internal sealed class SimConnect(SimWorld world, HostLife client, SimHost target, Endpoint to, CancellationToken cancel) : IEventTarget
{
    private const int SynArrives = 0;
    private const int SynAgain = 1;
    private const int Accepted = 2;
    private const int Refused = 3;
    private const int Cancelled = 4;
    private const int TimedOut = 5;
    private const int TriesMax = 6;
    private const long FirstWaitMicros = 1_000_000;
    private readonly TaskCompletionSource<Stream> _done = new();
    private readonly SimLink _there = world.LinkBetween(client.Host, target);
    private readonly SimLink _back = world.LinkBetween(target, client.Host);
    private CancellationTokenRegistration _cancel;
    private SimStream? _clientEnd;
    private bool _answered;
    private int _tries;

    public Task<Stream> Task => _done.Task;

    public void Begin()
    {
        if (cancel.CanBeCanceled)
            _cancel = cancel.UnsafeRegister(static attempt => ((SimConnect)attempt!).PostClient(((SimConnect)attempt)._there.From.Labels.Socket, 0, Cancelled), this);
        SendSyn();
    }

    public void Happen(int argument)
    {
        if (_done.Task.IsCompleted) return;
        switch (argument)
        {
            case SynArrives: ReachTarget(); break;
            case SynAgain: TryAgain(); break;
            case Accepted: Finish(); _done.SetResult(_clientEnd!); break;
            case Refused: Finish(); _done.SetException(new ConnectionRefusedException(to)); break;
            case TimedOut: Finish(); _done.SetException(new IOException($"{to}: connection timed out")); break;
            default:
                Finish();
                _clientEnd?.Dispose();
                _done.SetException(new OperationCanceledException(cancel));
                break;
        }
    }

    private void SendSyn()
    {
        var network = world.NetworkActor;
        var now = world.Scheduler.Now;
        world.Scheduler.Post(network, network.Life, _there.Syn, now + _there.DrawLatency(), this, SynArrives);
        world.Scheduler.Post(network, network.Life, _there.Syn, now + (FirstWaitMicros << _tries), this, SynAgain);
    }

    private void ReachTarget()
    {
        if (_there.IsCut)
        {
            _there.CountStoppedConnect();
            if (_there.OpenCut!.Style == CutStyle.Refuse) PostClient(_back.SynAnswer, _back.DrawLatency(), Refused);
            return;
        }

        if (!target.IsPowered) return;
        if (_back.IsCut)
        {
            _back.CountStoppedConnect();
            return;
        }

        if (_clientEnd is null && !TryAccept()) return;
        PostClient(_back.SynAnswer, _back.DrawLatency(), Accepted);
    }

    private bool TryAccept()
    {
        if (!target.IsAlive || !target.Life!.Listeners.TryGetValue(to.Port, out var listener))
        {
            PostClient(_back.SynAnswer, _back.DrawLatency(), Refused);
            return false;
        }

        if (!client.IsAlive || listener.IsFull) return false;
        var (request, reply) = (new SimFlow(world, _there, _back), new SimFlow(world, _back, _there));
        _clientEnd = new SimStream(world, client, reply, request);
        listener.Offer(new SimStream(world, target.Life, request, reply));
        return true;
    }

    private void TryAgain()
    {
        if (_answered || !client.IsAlive) return;
        if (++_tries < TriesMax)
        {
            SendSyn();
            return;
        }

        PostClient(_back.SynAnswer, 0, TimedOut);
    }

    private void PostClient(int label, long after, int argument)
    {
        if (argument != Cancelled) _answered = true;
        world.Scheduler.Post(client.Host.Actor, client.Number, label, world.Scheduler.Now + after, this, argument);
    }

    private void Finish()
    {
        _answered = true;
        _cancel.Dispose();
    }
}
