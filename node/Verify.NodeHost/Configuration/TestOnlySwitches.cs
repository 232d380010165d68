using System.Net;
using Verify.Node.Seam;
using Verify.NodeHost.Seam;

namespace Verify.NodeHost.Configuration;

/// <summary>Variables that take a promise away from a node. Benches and proofs need them in the very program that ships, or they would prove another one; a node that
/// other machines could reach does not start with one of them.</summary>
internal static class TestOnlySwitches
{
    public const string NoFencing = "VERIFY_TEST_ONLY_NO_FENCING";
    public const string Clock = "VERIFY_TEST_ONLY_CLOCK";

    /// <summary>A folder; see <see cref="DeathAtMoment"/>.</summary>
    public const string DieAt = "VERIFY_TEST_ONLY_DIE_AT";
    private static readonly string[] Names = [NoFencing, Clock, DieAt, TestOnlyDisks.NoSync, TestOnlyDisks.PowerLoss];

    public static bool IsOn(Func<string, string?> environment, string name) => environment(name) is { Length: > 0 } and not "0";

    /// <param name="bind">Where peers reach this node.</param>
    public static void Check(ConfigValues values, Func<string, string?> environment, Endpoint bind)
    {
        if (bind.Host == "localhost" || (IPAddress.TryParse(bind.Host, out var address) && IPAddress.IsLoopback(address))) return;
        foreach (var name in Names.Where(name => IsOn(environment, name)))
            values.Problems.Add($"{name} is set, which takes a promise away from this node; it is for benches and proofs on one machine, and RaftBind is {bind}, which others can reach: unset it");
    }
}
