using Verify.Fleet;
using Verify.Fleet.Servers;
using Verify.MySql;

namespace Verify.Chaos.Tests.Live;

/// <summary>The servers that live tests need.</summary>
internal static class RealServers
{
    /// <summary>They are on this machine, or are fetched. Where they cannot be had the test is skipped, and fails with VERIFY_REQUIRE_LIVE=1.</summary>
    public static async Task NeedAsync(Flavor flavor)
    {
        try
        {
            await new ServerInstall { Say = TestContext.Progress.WriteLine }.FindOrFetchAsync(flavor);
        }
        catch (FleetException e)
        {
            if (Environment.GetEnvironmentVariable("VERIFY_REQUIRE_LIVE") == "1") Assert.Fail(e.Message);
            Assert.Ignore(e.Message);
        }
    }
}
