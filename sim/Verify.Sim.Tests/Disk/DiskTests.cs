using Verify.Node.Seam;
using Verify.Sim.Hosts;
using static Verify.Sim.Tests.Worlds;

namespace Verify.Sim.Tests.Disk;

[TestFixture]
public sealed class DiskTests
{
    private static readonly SimOptions LosesAll = Exact with { CrashKeepsSomeWrites = false };

    [Test]
    public void What_was_not_synced_is_gone_after_a_crash_of_the_machine()
    {
        using var world = SimWorld.FromSeed(1, LosesAll);
        var host = OneHost(world);
        world.Run(
            async () =>
            {
                var file = host.Seam.Disk.Open("log", create: true);
                await file.WriteAsync("durable"u8.ToArray(), 0);
                await file.SyncAsync();
                await host.Seam.Disk.SyncDirectoryAsync();
                await file.WriteAsync(" and not"u8.ToArray(), 7);
                Assert.That(Text(host), Is.EqualTo("durable and not"));
                world.Restart(host);
                Assert.That(Text(host), Is.EqualTo("durable"));
            },
            Minute);
    }

    [Test]
    public void A_killed_process_loses_no_write_because_the_kernel_has_it()
    {
        using var world = SimWorld.FromSeed(1, LosesAll);
        var host = OneHost(world);
        world.Run(
            async () =>
            {
                await host.Seam.Disk.Open("log", create: true).WriteAsync("kept"u8.ToArray(), 0);
                world.Restart(host, Crash.Process);
                Assert.That(Text(host), Is.EqualTo("kept"));
            },
            Minute);
    }

    [Test]
    public void A_synced_file_whose_name_was_not_synced_is_gone()
    {
        using var world = SimWorld.FromSeed(1, LosesAll);
        var host = OneHost(world);
        world.Run(
            async () =>
            {
                var file = host.Seam.Disk.Open("log", create: true);
                await file.WriteAsync("x"u8.ToArray(), 0);
                await file.SyncAsync();
                world.Restart(host);
                Assert.That(host.Seam.Disk.List(), Is.Empty);
            },
            Minute);
    }

    [Test]
    public void A_deleted_file_comes_back_unless_the_directory_was_synced()
    {
        using var world = SimWorld.FromSeed(1, LosesAll);
        var host = OneHost(world);
        world.Run(
            async () =>
            {
                await host.Seam.Disk.ReplaceAsync("old", "x"u8.ToArray());
                host.Seam.Disk.Delete("old");
                world.Restart(host);
                Assert.That(host.Seam.Disk.List(), Is.EqualTo(new[] { "old" }));
                host.Seam.Disk.Delete("old");
                await host.Seam.Disk.SyncDirectoryAsync();
                world.Restart(host);
                Assert.That(host.Seam.Disk.List(), Is.Empty);
            },
            Minute);
    }

    [Test]
    public void A_crash_keeps_loses_and_tears_unsynced_writes_as_drawn()
    {
        var outcomes = new SortedSet<string>(StringComparer.Ordinal);
        for (var seed = 0UL; seed < 200; seed++)
        {
            using var world = SimWorld.FromSeed(seed, Exact);
            var host = OneHost(world);
            world.Run(
                async () =>
                {
                    await host.Seam.Disk.ReplaceAsync("log", "0"u8.ToArray());
                    var file = host.Seam.Disk.Open("log", create: false);
                    await file.WriteAsync("1234"u8.ToArray(), 1);
                    world.Restart(host);
                    outcomes.Add(Text(host));
                },
                Minute);
        }

        Assert.That(outcomes, Is.EquivalentTo(new[] { "0", "01", "012", "0123", "01234" }));
    }

    [Test]
    public void A_replacement_is_the_old_or_the_new_content_and_never_a_mixture()
    {
        var outcomes = new SortedSet<string>(StringComparer.Ordinal);
        for (var seed = 0UL; seed < 60; seed++)
        {
            using var world = SimWorld.FromSeed(seed, Exact);
            var host = OneHost(world);
            world.Run(
                async () =>
                {
                    await host.Seam.Disk.ReplaceAsync("log", "old"u8.ToArray());
                    var replacing = host.Seam.Disk.ReplaceAsync("log", "newer"u8.ToArray()).AsTask();
                    Assert.That(Text(host), Is.EqualTo("old"), "a replacement was seen before it was done");
                    world.Restart(host);
                    outcomes.Add(Text(host));
                    Assert.That(replacing.IsCompleted, Is.False, "an operation of the dead came back");
                    await host.Seam.Disk.ReplaceAsync("log", "newest"u8.ToArray());
                    world.Restart(host);
                    Assert.That(Text(host), Is.EqualTo("newest"));
                },
                Minute);
        }

        Assert.That(outcomes, Is.EquivalentTo(new[] { "old", "newer" }));
    }

    [Test]
    public void A_full_disk_takes_what_fits_says_so_and_recovers_when_there_is_room()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var host = OneHost(world);
        world.Run(
            async () =>
            {
                var file = host.Seam.Disk.Open("log", create: true);
                await file.WriteAsync("1234"u8.ToArray(), 0);
                host.Disk.SetCapacity(6);
                await Throws<DiskFullException>(() => file.WriteAsync("5678"u8.ToArray(), 4));
                Assert.That(Text(host), Is.EqualTo("123456"));
                await Throws<DiskFullException>(() => host.Seam.Disk.ReplaceAsync("vote", "x"u8.ToArray()));
                await file.WriteAsync("ab"u8.ToArray(), 0);
                host.Disk.Empty();
                await file.WriteAsync("5678"u8.ToArray(), 4);
                Assert.That(Text(host), Is.EqualTo("ab345678"));
            },
            Minute);
        Assert.That(host.Disk.FullHits, Is.EqualTo(2));
    }

    [Test]
    public void After_a_failed_sync_a_second_one_succeeds_and_the_bytes_are_gone_all_the_same()
    {
        using var world = SimWorld.FromSeed(1, LosesAll);
        var host = OneHost(world);
        world.Run(
            async () =>
            {
                var file = await WithAFailedSyncAsync(host);
                await file.SyncAsync();
                Assert.That(Text(host), Is.EqualTo("01"));
                world.Restart(host);
                Assert.That(Text(host), Is.EqualTo("0"));
            },
            Minute);
        Assert.That(host.Disk.FailureHits, Is.EqualTo(1));
    }

    [Test]
    public void What_a_failed_sync_left_in_the_page_cache_outlives_the_process_and_is_durable_only_when_the_next_one_writes_it_anew()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var host = OneHost(world);
        world.Run(
            async () =>
            {
                var file = await WithAFailedSyncAsync(host);
                world.Restart(host, Crash.Process);
                Assert.That((Text(host), host.Disk.FirstUnsynced(_ => true)), Is.EqualTo(("01", "log")), "the machine was not restarted");
                file = host.Seam.Disk.Open("log", create: false);
                await file.SyncAsync();
                Assert.That(host.Disk.FirstUnsynced(_ => true), Is.EqualTo("log"), "the kernel takes the page for clean");
                await file.WriteAsync("01"u8.ToArray(), 0);
                await file.SyncAsync();
                Assert.That(host.Disk.FirstUnsynced(_ => true), Is.Null);
                world.Restart(host);
                Assert.That(Text(host), Is.EqualTo("01"));
            },
            Minute);
    }

    [Test]
    public void A_failing_write_writes_nothing()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var host = OneHost(world);
        world.Run(
            async () =>
            {
                var file = host.Seam.Disk.Open("log", create: true);
                host.Disk.FailNextWrites(1);
                await Throws<IOException>(() => file.WriteAsync("x"u8.ToArray(), 0));
                Assert.That(file.Length, Is.Zero);
                await file.WriteAsync("x"u8.ToArray(), 0);
            },
            Minute);
    }

    [Test]
    public void A_sync_covers_what_was_written_before_it_began_and_nothing_later()
    {
        using var world = SimWorld.FromSeed(1, LosesAll);
        var host = OneHost(world);
        world.Run(
            async () =>
            {
                await host.Seam.Disk.ReplaceAsync("log", "0"u8.ToArray());
                var file = host.Seam.Disk.Open("log", create: false);
                await file.WriteAsync("1"u8.ToArray(), 1);
                var syncing = file.SyncAsync();
                await file.WriteAsync("2"u8.ToArray(), 2);
                await syncing;
                world.Restart(host);
                Assert.That(Text(host), Is.EqualTo("01"));
            },
            Minute);
    }

    [Test]
    public void Cutting_a_file_is_durable_only_after_a_sync()
    {
        using var world = SimWorld.FromSeed(1, LosesAll);
        var host = OneHost(world);
        world.Run(
            async () =>
            {
                await host.Seam.Disk.ReplaceAsync("log", "12345678"u8.ToArray());
                await host.Seam.Disk.Open("log", create: false).SetLengthAsync(3);
                Assert.That(Text(host), Is.EqualTo("123"));
                world.Restart(host);
                Assert.That(Text(host), Is.EqualTo("12345678"));
                var file = host.Seam.Disk.Open("log", create: false);
                await file.SetLengthAsync(3);
                await file.SyncAsync();
                await file.SetLengthAsync(5);
                Assert.That(Text(host), Is.EqualTo("123\0\0"), "the cut bytes came back");
                world.Restart(host);
                Assert.That(Text(host), Is.EqualTo("123"));
            },
            Minute);
    }

    [Test]
    public void A_slow_disk_takes_its_time()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var host = OneHost(world);
        world.Run(
            async () =>
            {
                var file = host.Seam.Disk.Open("log", create: true);
                host.Disk.SetTiming(DiskTiming.Flash.Times(1_000));
                var began = world.Now;
                await file.SyncAsync();
                Assert.That(world.Now - began, Is.GreaterThanOrEqualTo(Ms(300)));
                var buffer = new byte[4];
                Assert.That(await file.ReadAsync(buffer, 0), Is.Zero);
            },
            Minute);
    }

    [Test]
    public void Damage_at_rest_is_read_back()
    {
        using var world = SimWorld.FromSeed(1, Exact);
        var host = OneHost(world);
        world.Run(() => host.Seam.Disk.ReplaceAsync("log", "aaa"u8.ToArray()).AsTask(), Minute);
        host.Disk.Damage("log", 1, 0x02);
        Assert.That(Text(host), Is.EqualTo("aca"));
    }

    private static SimHost OneHost(SimWorld world)
    {
        var host = world.AddHost("a", "east");
        world.Start();
        return host;
    }

    /// <summary>"0" is durable, "1" was written behind it, and the sync of that has failed.</summary>
    private static async Task<IDiskFile> WithAFailedSyncAsync(SimHost host)
    {
        await host.Seam.Disk.ReplaceAsync("log", "0"u8.ToArray());
        var file = host.Seam.Disk.Open("log", create: false);
        await file.WriteAsync("1"u8.ToArray(), 1);
        host.Disk.FailNextSyncs(1);
        await Throws<IOException>(file.SyncAsync);
        return file;
    }

    private static string Text(SimHost host) => System.Text.Encoding.ASCII.GetString(host.Disk.ContentOf("log") ?? []);

    private static async Task Throws<T>(Func<ValueTask> act) where T : Exception
    {
        try
        {
            await act();
        }
        catch (T)
        {
            return;
        }

        Assert.Fail($"no {typeof(T).Name} was thrown");
    }
}
