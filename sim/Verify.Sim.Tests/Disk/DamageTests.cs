using Verify.Sim.Disk;
using Verify.Sim.Hosts;
using static Verify.Sim.Tests.Worlds;

namespace Verify.Sim.Tests.Disk;

[TestFixture]
public sealed class DamageTests
{
    [Test]
    public void A_misdirected_write_lands_elsewhere_and_nobody_is_told()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var host = Host(world);
        world.Run(
            async () =>
            {
                var file = host.Seam.Disk.Open("log", create: true);
                await file.WriteAsync(Filled(1), 0);
                host.Disk.MisdirectNextWrites(1);
                await file.WriteAsync(Filled(2), 3 * SimDisk.SectorBytes);
                await file.SyncAsync();
                await file.WriteAsync(Filled(3), 4 * SimDisk.SectorBytes);
                var sectors = host.Disk.ContentOf("log")!.Chunk(SimDisk.SectorBytes).Select(s => s[0]).ToArray();
                Assert.That(sectors, Has.Length.EqualTo(5), "the length is as if all were well");
                Assert.That(sectors[3], Is.Zero, "where the bytes should be they are not");
                Assert.That(sectors[..3], Does.Contain((byte)2), "they are somewhere else");
                Assert.That(sectors[4], Is.EqualTo(3), "only one write went astray");
                Assert.That(host.Disk.MisdirectedHits, Is.EqualTo(1));
            },
            Minute);
    }

    [Test]
    public void A_torn_sector_has_zeros_to_its_end_and_no_further_and_stays_so_after_a_crash()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var host = Host(world);
        world.Run(
            async () =>
            {
                var file = host.Seam.Disk.Open("log", create: true);
                await file.WriteAsync((byte[])[.. Filled(1), .. Filled(2)], 0);
                await file.SyncAsync();
                await host.Seam.Disk.SyncDirectoryAsync();
                Assert.That(host.Disk.TearSector("log", 500), Is.EqualTo(12));
                world.Restart(host);
                var content = host.Disk.ContentOf("log")!;
                Assert.That(content[499], Is.EqualTo(1));
                Assert.That(content[500..512], Is.All.Zero);
                Assert.That(content[512], Is.EqualTo(2));
                Assert.That(host.Disk.DamagedBytes, Is.EqualTo(12));
            },
            Minute);
    }

    private static byte[] Filled(byte with)
    {
        var sector = new byte[SimDisk.SectorBytes];
        Array.Fill(sector, with);
        return sector;
    }

    private static SimHost Host(SimWorld world)
    {
        var host = world.AddHost("a", "east");
        world.Start();
        return host;
    }
}
