using System.Text.Json;

namespace Verify.Chaos.Tests.Live;

/// <summary>The short forms of the live proofs, as people start them.</summary>
[Category("Live")]
public sealed class LiveProofTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    [TestCase("ack-kill", 7)]
    [TestCase("kill-storm", 1)]
    [TestCase("pause-all", 1)]
    [TestCase("return", 2)]
    public async Task A_promise_holds_on_real_processes(string proof, int rows) => await ShowAsync(proof, rows);

    [Test]
    public async Task Full_disks_lose_nothing_and_the_group_recovers_by_itself()
    {
        if (!Environment.IsPrivilegedProcess) Assert.Ignore("a disk of limited size is a mount of its own and needs root");
        await ShowAsync("disk-full", 3);
    }

    private static async Task ShowAsync(string proof, int rows)
    {
        var folder = ChaosProgram.NewFolder("proof");
        try
        {
            var page = Path.Combine(folder, "proof.md");
            var run = await ChaosProgram.RunAsync(Limit, "live", proof, "--quick", "--json", "--markdown", page);
            Assert.That(run.ExitCode, Is.Zero, run.Output);
            var json = run.Output[run.Output.IndexOf("\n{", StringComparison.Ordinal)..];
            using var record = JsonDocument.Parse(json);
            Assert.That(record.RootElement.GetProperty("rows").EnumerateArray().Select(r => r.GetProperty("verdict").GetString()), Is.EqualTo(Enumerable.Repeat("Valid", rows)));
            Assert.That(await File.ReadAllTextAsync(page), Does.Contain($"| {proof} |"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
