using Verify.Chaos.Bugbase;
using Verify.Chaos.Running;
using Verify.Checks;

namespace Verify.Chaos.Tests.Bugbase;

/// <summary>The bug base: every story that was ever kept, on every push.</summary>
public sealed class BugbaseTests
{
    [Test]
    public void Everything_that_once_failed_ends_as_it_should()
    {
        if (Machine.CheckoutRoot() is null) Assert.Ignore("there is no checkout above the tests");
        var outcomes = new BugbaseRun(BugbaseRun.Load(BugbaseRun.UsualFolder), 2, TestContext.Progress.WriteLine).Play(CancellationToken.None);
        Assert.That(outcomes.Count, Is.GreaterThan(10));
        Assert.That(outcomes.Where(o => !o.IsAsExpected), Is.Empty);
        Assert.That(outcomes.Count(o => o.Verdict == Verdict.Invalid), Is.Positive, "a bug base that cannot see a failure proves nothing");
    }

    [Test]
    public void A_story_that_fails_again_is_told()
    {
        var again = new BugbaseEntry { Name = "again", Plays = "dc-fencing", Seeds = "1", FencingOff = true, Broke = "singlePrimary", Story = "It is back.", Fixed = "nothing" };
        var outcome = new BugbaseRun([again], 1, _ => { }).Play(CancellationToken.None).Single();
        Assert.That((outcome.IsAsExpected, outcome.Verdict, outcome.FailureClass), Is.EqualTo((false, Verdict.Invalid, FailureClass.Safety)));
        var other = new BugbaseRun([again with { ExpectsValid = false, Broke = "linearizable" }], 1, _ => { }).Play(CancellationToken.None).Single();
        Assert.That(other.IsAsExpected, Is.False, "it fails, but by another check than the story says");
    }

    [Test]
    public void An_entry_that_is_written_is_read_again_and_a_wrong_one_is_refused_with_its_place()
    {
        var folder = ChaosProgram.NewFolder("bugbase");
        try
        {
            var entry = new BugbaseEntry
            {
                Name = "a-story", Plays = "cluster", Seeds = "1..3", Shape = "Damage", Broke = "Live", Story = "He said \"no\": twice.", Fixed = "1a2b3c4", ExpectsValid = false, Folder = folder,
            };
            var file = Path.Combine(folder, "a-story.yaml");
            File.WriteAllText(file, entry.Write());
            Assert.That(BugbaseEntry.Read(file), Is.EqualTo(entry));
            File.AppendAllText(file, "fixd: x\n");
            Assert.That(() => BugbaseEntry.Read(file), Throws.TypeOf<HarnessException>().With.Message.Match(@"a-story\.yaml:\d+:1: 'fixd' is not known"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
