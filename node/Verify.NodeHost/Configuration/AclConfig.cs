using Verify.NodeHost.Http.Access;

namespace Verify.NodeHost.Configuration;

/// <summary>Access rules and limits on requests.</summary>
internal sealed record AclConfig(AclSettings Rules, RateSettings Rate)
{
    public static AclConfig Of(ConfigValues values, AccessSettings access)
    {
        var isOn = values.Bool("AclEnabled", false);
        var allows = values.Choice("AclDefaultPolicy", "deny", "allow", "deny") == "allow";
        if (isOn && access.Method == "token") values.Problem("AclEnabled", "used without AuthenticationMethod token: the tokens of the rules take the place of HTTPAuthTokens");
        var rate = new RateSettings(
            values.Bool("RateLimitEnabled", false), values.Int("RateLimitRequestsPerSecond", 100, 1, 10_000_000), values.Int("RateLimitBurst", 20, 1, 10_000_000),
            values.Bool("RateLimitByToken", false), access.ExemptPaths)
        {
            CoversChecks = values.Bool("RateLimitChecks", false),
        };
        return new(new(isOn, allows), rate);
    }
}
