using Verify.Fleet.Servers;
using Verify.MySql;

namespace Verify.Fleet.Tests;

/// <summary>What the live tests need of the machine: the cache, servers, the right to mount. Where it is missing the test is
/// ignored with the reason, or fails when VERIFY_REQUIRE_LIVE=1 says that this machine must have it.</summary>
internal static class LiveMachine
{
    public static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(60);

    public static FleetRun Begin() => OrIgnore(() => FleetRun.Begin(FleetCache.Default(), TestContext.Progress.WriteLine));

    public static async Task<InstalledServer> ServerAsync(Flavor flavor)
    {
        try
        {
            return await new ServerInstall { Say = TestContext.Progress.WriteLine }.FindOrFetchAsync(flavor);
        }
        catch (FleetException missing)
        {
            throw CannotRun(missing.Message);
        }
    }

    public static T OrIgnore<T>(Func<T> make)
    {
        try
        {
            return make();
        }
        catch (FleetException missing)
        {
            throw CannotRun(missing.Message);
        }
    }

    public static Exception CannotRun(string reason)
    {
        if (Environment.GetEnvironmentVariable("VERIFY_REQUIRE_LIVE") is "1") Assert.Fail(reason);
        Assert.Ignore(reason);
        return new InvalidOperationException(reason);
    }
}
