using Verify.Node.Throttle;
using Verify.Node.Topology;

namespace Verify.Node.Tests.Throttle;

/// <summary>What an HTTP check says of a host.</summary>
public sealed class StoreHostsTests
{
    private static readonly ThrottledCluster Main = new("main"), Other = new("other");
    private static readonly InstanceKey Db1 = new("db1", 3306);

    [Test]
    public void Only_404_takes_a_host_out_and_anything_else_or_nothing_brings_it_back()
    {
        var hosts = new StoreHosts(new(), new());
        Assert.That((hosts.Checked(Main, Db1, 200), hosts.IsSwitchedOff(Main, Db1)), Is.EqualTo((false, false)));
        Assert.That((hosts.Checked(Main, Db1, 404), hosts.IsSwitchedOff(Main, Db1), hosts.IsSwitchedOff(Other, Db1)), Is.EqualTo((true, true, false)));
        Assert.That(hosts.Checked(Main, Db1, 404), Is.False, "no news");
        foreach (var status in (int?[])[500, null])
        {
            hosts.Checked(Main, Db1, 404);
            Assert.That((hosts.Checked(Main, Db1, status), hosts.IsSwitchedOff(Main, Db1)), Is.EqualTo((true, false)), $"{status}");
        }
    }
}
