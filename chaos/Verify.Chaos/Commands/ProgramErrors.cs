using Verify.Chaos.Output;
using Verify.Chaos.Running;
using Verify.Fleet;

namespace Verify.Chaos.Commands;

/// <summary>The one place where a command's failure becomes a sentence and exit code 3.</summary>
internal static class ProgramErrors
{
    public const int HarnessFailed = 3;

    public static async Task<int> GuardAsync(Func<Task<int>> command)
    {
        try
        {
            return await command();
        }
        catch (Exception e) when (e is HarnessException or FleetException or HarnessFolderException or FormatException)
        {
            await Console.Error.WriteLineAsync($"verify-chaos: {e.Message}");
            return HarnessFailed;
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("verify-chaos: interrupted");
            return HarnessFailed;
        }
        catch (Exception e)
        {
            await Console.Error.WriteLineAsync($"verify-chaos: the harness failed: {e}");
            return HarnessFailed;
        }
    }
}
