using System.Reflection;
using NUnit.Framework;
using Verify.Node.Loop;
using Verify.Node.Topology;

namespace Verify.Node.Tests.Topology;

/// <summary>2026-11-21, seen on real processes: a node halted with "Collection was modified" because a prober had gone on beside the loop.
/// The loop had completed the task on which the prober was about to wait, so the prober never waited.</summary>
public sealed class LoopTurnTests
{
    [Test]
    public async Task A_driver_goes_on_as_an_action_of_the_loop_even_when_the_loop_is_faster_than_the_driver_can_wait()
    {
        SynchronizationContext.SetSynchronizationContext(null); // A node has none.
        var loop = (FastLoop)(object)DispatchProxy.Create<INodeServices, FastLoop>();
        var turn = new LoopTurn((INodeServices)(object)loop);
        var work = new TaskCompletionSource<int>();
        var driver = DriveAsync(turn, work.Task, loop);
        var outside = new Thread(() => work.SetResult(1));
        outside.Start();
        outside.Join();
        await driver;
        Assert.That(loop.Turns, Is.EqualTo(1));
    }

    private static async Task DriveAsync(LoopTurn turn, Task<int> work, FastLoop loop)
    {
        await turn.Await(new ValueTask<int>(work));
        Assert.That(loop.IsHere, Is.True, "after waiting for something that another thread finished");
    }

    /// <summary>Carries out what is posted on a thread of its own before Post returns: the worst that a loop can do to who posts.</summary>
    public class FastLoop : DispatchProxy
    {
        public int Turns { get; private set; }
        public bool IsHere => Environment.CurrentManagedThreadId == _here;

        private int _here;

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            switch (targetMethod!.Name)
            {
                case nameof(INodeServices.Post):
                    var thread = new Thread(() =>
                    {
                        _here = Environment.CurrentManagedThreadId;
                        ((Action)args![0]!)();
                    });
                    Turns++;
                    thread.Start();
                    thread.Join();
                    return true;
                case "get_Stopping":
                    return CancellationToken.None;
                default:
                    throw new NotSupportedException(targetMethod.Name);
            }
        }
    }
}
