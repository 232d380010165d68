using Verify.Chaos.Campaigns;
using Verify.Chaos.Running;

namespace Verify.Chaos.Tests.Campaigns;

/// <summary>What a campaign of hours keeps, when it is killed in the middle, goes on later, or was played in two lanes.</summary>
internal sealed class CampaignLedgerTests
{
    private string _directory = null!;

    [SetUp]
    public void MakeDirectory() => _directory = Directory.CreateTempSubdirectory("verify-campaign-").FullName;

    [TearDown]
    public void RemoveDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public void What_was_played_before_counts_and_a_line_that_was_cut_off_does_not()
    {
        var file = Path.Combine(_directory, "plays.ndjson");
        var first = new CampaignLedger(file);
        first.Add(Play("primary-killed", "mysql", 1));
        first.Add(Play("primary-killed", "mysql", 2));
        File.AppendAllText(file, """{"scenario":"primary-killed","flav""");
        var second = new CampaignLedger(file);
        Assert.That((second.Count("primary-killed", "mysql"), second.Count("primary-killed", "mariadb")), Is.EqualTo((2, 0)));
        Assert.That(second.Plays[1].Figures["rtoWithin.rtoMs"], Is.EqualTo(700));
        second.Add(Play("primary-killed", "mysql", 3));
        Assert.That(new CampaignLedger(file).Count("primary-killed", "mysql"), Is.EqualTo(3));
    }

    [Test]
    public void A_file_of_something_else_is_not_written_to()
    {
        var file = Path.Combine(_directory, "notes.txt");
        File.WriteAllText(file, "notes\n");
        Assert.That(() => new CampaignLedger(file), Throws.TypeOf<HarnessException>().With.Message.Contains("no ledger of a campaign"));
        Assert.That(() => CampaignLedger.Merged([Path.Combine(_directory, "nowhere")]), Throws.TypeOf<HarnessException>());
    }

    [Test]
    public void Two_lanes_make_one_table_and_what_was_not_valid_is_named_with_its_reason()
    {
        var (one, two) = (Path.Combine(_directory, "1.ndjson"), Path.Combine(_directory, "2.ndjson"));
        var lane = new CampaignLedger(one);
        lane.Add(Play("primary-killed", "mysql", 1));
        lane.Add(Play("primary-killed", "mysql", 3) with { Figures = new SortedDictionary<string, double>(StringComparer.Ordinal) { ["rtoWithin.rtoMs"] = 900, ["noLostWrites.acked"] = 10, ["noLostWrites.lost"] = 0, ["recoveriesExplained.skipped"] = 2, ["recoveriesExplained.unexplained"] = 0 } });
        new CampaignLedger(two).Add(Play("link-slow", "mariadb", 2) with { ExitCode = 2, Trouble = "rtoWithin: nothing was seen" });
        var table = CampaignTable.Of(CampaignLedger.Merged([one, two]).Plays, "verify-chaos campaign");
        Assert.That(table, Does.StartWith("# Live campaign: 3 plays, 2 valid, 1 NOT\n").And.Contain("abc (3)").And.Contain("2026-11-22 01:00 to 2026-11-22 03:00 UTC"));
        Assert.That(table, Does.Contain("| primary-killed | mysql | 2 | 2 | 0 | 0 | 0 | 0.80 (0.90) |  | 110 | 0 | 2 | 0 |\n"));
        Assert.That(table, Does.Contain("| link-slow | mariadb | 1 | 0 | 0 | 1 | 0 |").And.Contain("- link-slow, mariadb, 11-22 02:00:00, load 0.5, abc: rtoWithin: nothing was seen\n"));
    }

    private static CampaignPlay Play(string scenario, string flavor, int hour) => new(
        scenario, flavor, "MySQL 9.7.4", "abc", new DateTimeOffset(2026, 11, 22, hour, 0, 0, TimeSpan.Zero), 0, 0.5,
        new SortedDictionary<string, double>(StringComparer.Ordinal) { ["rtoWithin.rtoMs"] = 700, ["noLostWrites.acked"] = 100, ["noLostWrites.lost"] = 0 }, "");
}
