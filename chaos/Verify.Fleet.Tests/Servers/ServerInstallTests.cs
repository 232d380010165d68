using Verify.Fleet.Servers;
using Verify.MySql;

namespace Verify.Fleet.Tests.Servers;

/// <summary>Where a server comes from, and what is said when there is none.</summary>
public sealed class ServerInstallTests
{
    [TestCase(Flavor.MySql, "MySQL 8.0.22 or later (mysqld)")]
    [TestCase(Flavor.MariaDb, "MariaDB 10.6 or later (mariadbd)")]
    public async Task Without_a_server_and_without_leave_to_fetch_one_sentence_says_what_to_install(Flavor flavor, string wish)
    {
        var cache = new FleetCache(Directory.CreateTempSubdirectory("verify-cache-").FullName);
        try
        {
            var install = new ServerInstall { Cache = cache, MayFetch = false, UsesSystemServers = false };
            var refusal = await Assert.ThrowsAsync<FleetException>(async () => await install.FindOrFetchAsync(flavor));
            Assert.That(refusal!.Message, Does.Contain($"no usable {wish}").And.Contain($"install {wish}").And.Contain("--no-install"));
        }
        finally
        {
            Directory.Delete(cache.Directory, recursive: true);
        }
    }

    [TestCase("mysqld  Ver 8.0.36-28 for Linux on x86_64 (Percona Server)", Flavor.MySql, 8, 0, 36, true)]
    [TestCase("/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))", Flavor.MySql, 9, 7, 4, true)]
    [TestCase("mysqld  Ver 5.7.44 for Linux on x86_64", Flavor.MySql, 5, 7, 44, false)]
    [TestCase("mysqld  Ver 8.0.21 for Linux on x86_64", Flavor.MySql, 8, 0, 21, false)]
    [TestCase("mariadbd  Ver 10.11.18-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)", Flavor.MariaDb, 10, 11, 18, true)]
    [TestCase("mysqld  Ver 10.5.9-MariaDB for debian-linux-gnu", Flavor.MariaDb, 10, 5, 9, false)]
    public void The_version_tells_the_flavour_and_whether_it_will_do(string answer, Flavor flavor, int major, int minor, int patch, bool supported)
    {
        var version = InstalledServer.ReadVersion(answer);
        Assert.That(version, Is.EqualTo(new ServerVersion(flavor, major, minor, patch)));
        Assert.That(InstalledServer.Supports(version!.Value), Is.EqualTo(supported));
    }

    [Test]
    public void An_answer_without_a_version_is_no_server() => Assert.That(InstalledServer.ReadVersion("command not found"), Is.Null);

    [TestCase(Flavor.MySql, "super_read_only=ON", "rpl_semi_sync_source_wait_no_replica=ON")]
    [TestCase(Flavor.MariaDb, "read_only=ON", "rpl_semi_sync_master_wait_no_slave=ON")]
    public void Every_server_boots_closed_for_writes_and_never_falls_back_to_asynchronous(Flavor flavor, string closed, string strict)
    {
        var lines = new ServerOptions("db1", "127.80.1.1", 3306, 1).MyCnf(flavor, "/run/db1", "/run/db1/data").Split('\n');
        Assert.That(lines, Does.Contain(closed).And.Contain(strict));
        Assert.That(lines, Has.None.Contains("source_enabled=ON").And.None.Contains("master_enabled=ON"), "a replica's applier would wait for ever");
    }
}
