namespace Verify.Checks.Tests;

[TestFixture]
internal sealed class FencingTokenCheckTests
{
    private readonly FencingTokenCheck _check = new();

    [Test]
    public void Growing_tokens_and_the_same_server_opened_again_are_valid()
    {
        var run = Opened(Opened(Opened(new Run(), 1, "n1", "db1:3306", 5), 900, "n1", "db1:3306", 5), 2_000, "n2", "db2:3306", 40);
        Assert.That(run.Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
        Assert.That(run.Judge(_check).Figures["tokens"], Is.EqualTo(2));
    }

    [Test]
    public void Opening_with_an_older_token_is_invalid()
    {
        var run = Opened(Opened(Opened(new Run(), 1, "n1", "db1:3306", 5), 2_000, "n2", "db2:3306", 40), 3_000, "n1", "db1:3306", 5);
        var finding = run.Judge(_check);
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Invalid));
        Assert.That(finding.Evidence, Does.Contain("n1 opened db1 with token 5").And.Contain("token 40"));
    }

    [Test]
    public void One_token_for_two_servers_is_invalid() =>
        Assert.That(Opened(Opened(new Run(), 1, "n1", "db1:3306", 5), 2_000, "n2", "db2:3306", 5).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));

    [Test]
    public void A_lease_counts_as_a_token_seen_and_giving_it_up_does_not()
    {
        var run = new Run().At(1, EventKinds.WriteLease, "n2", ("cluster", "main"), ("instance", "db2:3306"), ("token", 40), ("held", true));
        Assert.That(Opened(run, 2, "n1", "db1:3306", 5).Judge(_check).Verdict, Is.EqualTo(Verdict.Invalid));
        var givenUp = Opened(new Run(), 1, "n2", "db2:3306", 40)
            .At(2, EventKinds.WriteLease, "n1", ("cluster", "main"), ("instance", "db1:3306"), ("token", 5), ("held", false));
        Assert.That(givenUp.Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));
    }

    [Test]
    public void Clusters_have_tokens_of_their_own() =>
        Assert.That(
            Opened(Opened(new Run(), 1, "n2", "db2:3306", 40), 2, "n1", "db1:3306", 5, cluster: "other").Judge(_check).Verdict, Is.EqualTo(Verdict.Valid));

    [Test]
    public void A_run_without_tokens_is_unknown() => Assert.That(new Run().Judge(_check).Verdict, Is.EqualTo(Verdict.Unknown));

    private static Run Opened(Run run, double ms, string node, string instance, long token, string cluster = "main") =>
        run.At(ms, EventKinds.Opened, node, ("cluster", cluster), ("instance", instance), ("token", token));
}
