using Verify.MySql;

namespace Verify.Sim.Tests.Fleet;

/// <summary>The simulated server is only worth something while it answers as the real ones do: every transcript is played on both.</summary>
[TestFixture(Flavor.MySql)]
[TestFixture(Flavor.MariaDb)]
public sealed class TranscriptTests(Flavor flavor)
{
    private static IEnumerable<string> Names => Transcript.Names();

    [TestCaseSource(nameof(Names))]
    public void The_model_answers_as_the_transcript_says(string name)
    {
        using var stage = new SimStage(flavor);
        var transcript = Transcript.Read(Transcript.PathOf(name), flavor);
        stage.World.Run(() => new TranscriptRunner(stage).PlayAsync(transcript), TimeSpan.FromMinutes(10));
    }

    [TestCaseSource(nameof(Names))]
    [Category("RealMySql")]
    [Category("Live")]
    public async Task The_real_server_answers_as_the_transcript_says(string name)
    {
        await using var stage = await RealStage.BeginAsync(flavor);
        await new TranscriptRunner(stage).PlayAsync(Transcript.Read(Transcript.PathOf(name), flavor));
    }
}
