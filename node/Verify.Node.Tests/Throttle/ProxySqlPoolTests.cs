using System.Collections.Immutable;
using Verify.MySql;
using Verify.Node.Throttle;
using Verify.Node.Topology;

namespace Verify.Node.Tests.Throttle;

/// <summary>From ProxySQL's statistics to the hosts that count.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ProxySqlPoolTests
{
    private readonly ProxySqlPool _pool = new(TimeSpan.FromSeconds(10));

    /// <summary>Until November 2026 only ONLINE counted: a replica beyond max_replication_lag is shunned, and with it the one reason to wait was gone.</summary>
    [Test]
    public void A_replica_that_ProxySQL_shuns_because_it_lags_counts_and_one_that_it_cannot_reach_does_not() =>
        Assert.That(Read(0, ("db1", "ONLINE"), ("db2", "SHUNNED_REPLICATION_LAG"), ("db3", "SHUNNED"), ("db4", "OFFLINE_SOFT"), ("db5", "OFFLINE_HARD")), Is.EqualTo("db1 db2"));

    [Test]
    public void A_server_that_comes_and_goes_counts_when_it_has_stayed_for_a_time()
    {
        Assert.That(Read(0, ("db1", "ONLINE"), ("db2", "SHUNNED")), Is.EqualTo("db1"));
        Assert.That(Read(5, ("db1", "ONLINE"), ("db2", "ONLINE")), Is.EqualTo("db1"), "it was unhealthy five seconds ago");
        Assert.That(Read(8, ("db1", "ONLINE"), ("db2", "SHUNNED")), Is.EqualTo("db1"));
        Assert.That(Read(17.9, ("db1", "ONLINE"), ("db2", "ONLINE")), Is.EqualTo("db1"), "the time runs from when it was last seen unhealthy");
        Assert.That(Read(18, ("db1", "ONLINE"), ("db2", "ONLINE")), Is.EqualTo("db1 db2"));
    }

    [Test]
    public void A_server_that_is_there_again_and_lags_counts_at_once_and_when_it_has_caught_up_too()
    {
        Read(0, ("db1", "ONLINE"), ("db2", "OFFLINE_SOFT"));
        Assert.That(Read(1, ("db1", "ONLINE"), ("db2", "SHUNNED_REPLICATION_LAG")), Is.EqualTo("db1 db2"));
        Assert.That(Read(2, ("db1", "ONLINE"), ("db2", "ONLINE")), Is.EqualTo("db1 db2"));
    }

    [Test]
    public void Servers_none_of_which_counts_are_an_answer_and_no_servers_at_all_are_none()
    {
        Assert.That(Read(0, ("db1", "OFFLINE_SOFT")), Is.Empty);
        Assert.That(_pool.Read(new(["srv_host", "srv_port", "status"], [], 0), TimeSpan.Zero), Is.Null);
    }

    private string Read(double at, params (string Host, string Status)[] rows)
    {
        var found = _pool.Read(new(["srv_host", "srv_port", "status"], [.. rows.Select(r => new string?[] { r.Host, "3306", r.Status })], 0), TimeSpan.FromSeconds(at));
        return string.Join(' ', (found ?? []).Select(key => key.Host));
    }
}
