namespace Verify.Raft.Tests.Transcripts;

/// <summary>Every file of testdata, command by command, with everything that can be seen from outside.</summary>
public sealed class TranscriptTests
{
    private static IEnumerable<TestCaseData> Files() =>
        Directory.GetFiles(TranscriptFile.Folder, "*.txt").Order(StringComparer.Ordinal)
            .Select(path => new TestCaseData(path).SetArgDisplayNames(Path.GetFileNameWithoutExtension(path)));

    [TestCaseSource(nameof(Files))]
    public void The_transcript_is_what_happens(string path)
    {
        var (expected, actual) = new TranscriptFile(path).Run(new TranscriptGroup().Run);
        if (Environment.GetEnvironmentVariable("VERIFY_REWRITE") is "1") Assert.Ignore("rewritten: read the diff and commit only what you can explain");
        Assert.That(actual, Is.EqualTo(expected));
    }
}
