using System.Collections.Immutable;
using System.Text.Json;

namespace Verify.Raft.Tests.Rules;

/// <summary>The arithmetic of majorities against etcd's own tables (shared/data/etcd-raft-quorum; facts only).</summary>
public sealed class QuorumTests
{
    private static readonly string? TablePath = FindTable();

    private static IEnumerable<TestCaseData> Cases()
    {
        if (TablePath is null)
        {
            yield return new TestCaseData(default(JsonElement)).SetArgDisplayNames("the tables are not here");
            yield break;
        }
        using var document = JsonDocument.Parse(File.ReadAllText(TablePath));
        foreach (var item in document.RootElement.GetProperty("cases").EnumerateArray())
            yield return new TestCaseData(item.Clone()).SetArgDisplayNames(item.GetProperty("source").GetString()!);
    }

    [TestCaseSource(nameof(Cases))]
    public void Etcd_table(JsonElement table)
    {
        if (TablePath is null)
        {
            const string Sentence = "shared/data/etcd-raft-quorum/quorum-cases.json was not found above the test assembly.";
            if (Environment.GetEnvironmentVariable("VERIFY_REQUIRE_LIVE") is "1") Assert.Fail(Sentence);
            Assert.Ignore(Sentence);
        }
        var joint = new JointQuorum(Voters(table, "voters"), Voters(table, "votersOutgoing"));
        var expected = table.GetProperty("expected");
        if (table.GetProperty("kind").GetString() is "committed")
        {
            var acked = table.GetProperty("acked").EnumerateObject()
                .ToDictionary(p => new NodeId(p.Name), p => new LogIndex(p.Value.GetInt64()));
            Assert.That(joint.Committed(acked).Value, Is.EqualTo(expected.GetInt64()), joint.Describe(acked));
        }
        else
        {
            var votes = table.GetProperty("votes").EnumerateObject()
                .ToDictionary(p => new NodeId(p.Name), p => p.Value.GetBoolean());
            Assert.That($"Vote{joint.Outcome(votes)}", Is.EqualTo(expected.GetString()));
        }
    }

    [Test]
    public void All_cases_of_both_kinds_are_there()
    {
        if (TablePath is null) Assert.Ignore("The tables are not here.");
        Assert.That(Cases().Count(), Is.EqualTo(64));
    }

    [Test]
    public void The_description_draws_who_holds_the_others_back()
    {
        var quorum = new Quorum([new("a"), new("b"), new("c")]);
        var acked = new Dictionary<NodeId, LogIndex> { [new("a")] = new(100), [new("b")] = new(99) };
        Assert.That(quorum.Describe(acked), Is.EqualTo(
            """
            x>     100  (a) *
            >       99  (b) *
            ?        0  (c)
            agreed: 99

            """));
    }

    [TestCase(new long[] { 5 }, 5)]
    [TestCase(new long[] { 5, 9 }, 5)]
    [TestCase(new long[] { 5, 9, 7 }, 7)]
    [TestCase(new long[] { 1, 2, 3, 4 }, 2)]
    [TestCase(new long[] { 9, 0, 0, 8, 7 }, 7)]
    public void A_majority_has_reached_the_median(long[] reached, long agreed) =>
        Assert.That(Quorum.ReachedByMajority(reached), Is.EqualTo(agreed));

    private static ImmutableArray<NodeId> Voters(JsonElement table, string name) =>
        table.GetProperty(name) is { ValueKind: JsonValueKind.Array } voters
            ? [.. voters.EnumerateArray().Select(v => new NodeId(v.GetRawText()))]
            : [];

    private static string? FindTable()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            var path = Path.Combine(at.FullName, "shared", "data", "etcd-raft-quorum", "quorum-cases.json");
            if (File.Exists(path)) return path;
        }
        return null;
    }
}
