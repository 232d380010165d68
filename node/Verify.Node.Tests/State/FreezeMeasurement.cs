using System.Diagnostics;
using Verify.Node.Consensus;
using Verify.Node.State;
using Verify.Node.Tests.Consensus;
using Verify.Node.Tests.Fakes;
using Verify.Raft;

namespace Verify.Node.Tests.State;

/// <summary>What a snapshot of 100 MB costs the loop: run with <c>dotnet test node/Verify.Node.Tests -c Release --filter FreezeMeasurement</c>.
/// Explicit, because figures are no test; the bound of the issue (10 ms) is asserted all the same.</summary>
[Explicit("a measurement")]
public sealed class FreezeMeasurement
{
    [Test]
    public async Task Freezing_a_hundred_megabytes_and_writing_on_meanwhile()
    {
        const int keys = 100_000;
        var state = new ReplicatedState(10_000);
        var value = new byte[1_024];
        var index = 0L;
        var started = Stopwatch.GetTimestamp();
        for (; index < keys; index++) Put(state, index + 1, index);
        var loading = Stopwatch.GetElapsedTime(started);
        started = Stopwatch.GetTimestamp();
        for (; index < 3 * keys; index++) Put(state, index + 1, index * 7919 % keys);
        var putMicroseconds = Stopwatch.GetElapsedTime(started).TotalMicroseconds / (2 * keys);
        StateImageTests.Example().Freeze(); // Compiled before it is measured.
        started = Stopwatch.GetTimestamp();
        var image = state.Freeze();
        var freezing = Stopwatch.GetElapsedTime(started);
        var store = Storage.Snapshots(new FakeDisk());
        var writing = Task.Run(async () => await store.WriteAsync(image, new(image.Last, Membership.None)));
        var (longest, puts, over) = (TimeSpan.Zero, 0, 0);
        var pauses = GC.GetTotalPauseDuration();
        started = Stopwatch.GetTimestamp();
        while (!writing.IsCompleted)
        {
            var before = Stopwatch.GetTimestamp();
            Put(state, ++index, index * 7919 % keys);
            puts++;
            var took = Stopwatch.GetElapsedTime(before);
            if (took > longest) longest = took;
            if (took > TimeSpan.FromMilliseconds(10)) over++;
        }

        var written = await writing;
        var writeTime = Stopwatch.GetElapsedTime(started);
        started = Stopwatch.GetTimestamp();
        var restored = await store.RestoreAsync(written, 10_000, 100);
        TestContext.Out.WriteLine($"{keys} keys of {value.Length} bytes: loaded in {loading.TotalMilliseconds:F0} ms, {putMicroseconds:F2} us a put; freeze {freezing.TotalMicroseconds:F0} us; "
            + $"written ({written.Bytes >> 20} MB) in {writeTime.TotalMilliseconds:F0} ms with {puts} puts meanwhile, the longest {longest.TotalMilliseconds:F2} ms, {over} over 10 ms, "
            + $"the garbage collector paused {(GC.GetTotalPauseDuration() - pauses).TotalMilliseconds:F0} ms in all; "
            + $"restored in {Stopwatch.GetElapsedTime(started).TotalMilliseconds:F0} ms");
        Assert.That(restored.Applied, Is.EqualTo(image.Last));
        Assert.That(freezing, Is.LessThan(TimeSpan.FromMilliseconds(10)));

        void Put(ReplicatedState to, long at, long key) =>
            to.Apply(new(new(1), new(at)), new Command.KvPut($"key/{key:D8}", value, 0, null, null));
    }
}
