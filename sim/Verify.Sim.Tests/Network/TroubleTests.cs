using Verify.Sim.Network;
using static Verify.Sim.Tests.Worlds;

namespace Verify.Sim.Tests.Network;

[TestFixture]
public sealed class TroubleTests
{
    [Test]
    public void A_lost_segment_is_sent_again_and_holds_up_those_behind_it()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (a, b) = Pair(world);
        world.Run(
            async () =>
            {
                var (mine, theirs) = await Connected(a, b);
                var since = world.Now;
                world.SetTrouble("a", "b", new LinkTrouble(LostPerMille: 1000));
                await WriteText(mine, "one ");
                world.SetTrouble("a", "b", LinkTrouble.None);
                await Task.Delay(Ms(1), world.WorldTime);
                await WriteText(mine, "two");
                Assert.That(await ReadText(theirs, 7), Is.EqualTo("one two"), "TCP keeps the order");
                Assert.That(world.Now - since, Is.GreaterThan(Ms(200)));
                Assert.That(world.TroublesOf("a", "b"), Is.EqualTo(new TroubleCounts(1, 0, 0)));
                Assert.That(world.TroublesOf("b", "a").Total, Is.Zero, "the other way is good");
            },
            Minute);
    }

    [Test]
    public void A_garbled_segment_differs_in_one_bit_and_is_counted()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (a, b) = Pair(world);
        world.Run(
            async () =>
            {
                var (mine, theirs) = await Connected(a, b);
                world.SetTrouble("a", "b", new LinkTrouble(GarbledPerMille: 1000));
                await WriteText(mine, "garbled");
                var read = new byte[7];
                await theirs.ReadExactlyAsync(read);
                var bits = read.Zip("garbled"u8.ToArray(), (x, y) => System.Numerics.BitOperations.PopCount((uint)(x ^ y))).Sum();
                Assert.That(bits, Is.EqualTo(1));
                Assert.That(world.TroublesOf("a", "b").Garbled, Is.EqualTo(1));
            },
            Minute);
    }

    [Test]
    public void Repeated_bytes_arrive_twice()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (a, b) = Pair(world);
        world.Run(
            async () =>
            {
                var (mine, theirs) = await Connected(a, b);
                world.SetTrouble("a", "b", new LinkTrouble(RepeatedPerMille: 1000));
                await WriteText(mine, "echo");
                Assert.That(await ReadText(theirs, 8), Is.EqualTo("echoecho"));
                Assert.That(world.TroublesOf("a", "b").Repeated, Is.EqualTo(1));
            },
            Minute);
    }

    [Test]
    public void Who_loses_a_connection_and_dials_anew_is_overtaken_by_what_it_said_before()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var (a, b) = Pair(world);
        world.Run(
            async () =>
            {
                var (mine, theirs) = await Connected(a, b);
                await WriteText(mine, "old");
                Assert.That(world.LoseWriters("a", "b"), Is.EqualTo(1));
                var (again, anew) = await Connected(a, b, port: 81);
                await WriteText(again, "new");
                Assert.That(await ReadText(anew, 3), Is.EqualTo("new"));
                var since = world.Now;
                Assert.That(await ReadText(theirs, 3), Is.EqualTo("old"), "it was under way and arrives");
                Assert.That(world.Now, Is.GreaterThan(since), "later than what was said after it");
                var knows = "";
                try
                {
                    await WriteText(mine, "x");
                }
                catch (IOException e)
                {
                    knows = e.Message;
                }

                Assert.That(knows, Does.Contain("timed out"), "the writer knows");
            },
            Minute);
    }
}
