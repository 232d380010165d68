using System.Xml.Linq;
using Verify.Chaos.Explaining;
using Verify.Checks;
using Verify.Reports.SpaceTime;
using Verify.Sim.RaftOnly;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Tests.Explaining;

/// <summary>What an explanation says, and that its page shows each link of it.</summary>
public sealed class ChainTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    [Test]
    public void A_stale_read_is_explained_by_the_cut_the_other_leader_and_the_write_that_the_reader_s_node_could_not_know()
    {
        var explanation = Explanation.Of(HandMade.StaleRead())!;
        var text = string.Join('\n', explanation.Lines());
        Assert.Multiple(() =>
        {
            Assert.That(text, Does.Contain("n1 leads term 3"));
            Assert.That(text, Does.Contain("step 1: partition n1 | n2, n3 begins; it holds 1 messages (1 from n1 to n2, the first sent at 1.100 s)"));
            Assert.That(text, Does.Contain("n2 stands for election in term 4").And.Contain("n2 leads term 4"));
            Assert.That(text, Does.Contain("n2 answers client 2: it writes x='5'"));
            Assert.That(text, Does.Contain("client 2 had been told by n2 that it writes x='5' before client 3 asked; n1 still answers '1', which client 1 had written earlier"));
            Assert.That(text, Does.Match(@"n1 could know nothing of .*\(\d+\): what it knew of n2 is from 0\.150 s"));
            Assert.That(text, Does.Not.Contain("n1 is a follower in term 3"), "that came afterwards");
            Assert.That(explanation.Chain.Links.Select(l => l.AtUs), Is.Ordered);
            Assert.That(explanation.Chain.Links[^1].Style, Is.EqualTo(MarkStyle.Violation));
        });
    }

    [Test]
    public void The_message_that_first_carried_the_news_is_the_arrow_of_the_chain()
    {
        var chain = Explanation.Of(HandMade.StaleRead())!.Chain;
        var told = chain.Influences.Select(i => (chain.Links[i.FromLink].Text, i.Message.SentStep, i.Message.Step)).ToList();
        Assert.That(told, Has.Some.Matches<(string Text, long Sent, long Arrived)>(i => i.Text.StartsWith("n1 leads term 3", StringComparison.Ordinal) && i is { Sent: 1, Arrived: 2 }), "n1's first word as leader reached n2");
        Assert.That(chain.Influences.Select(i => i.Message), Has.None.Matches<TracedMessage>(m => m.IsHeld), "what a cut holds influences nobody");
    }

    [Test]
    public void The_page_is_well_formed_needs_no_network_and_shows_every_link_and_who_it_happened_to()
    {
        var explanation = Explanation.Of(HandMade.StaleRead())!;
        var html = ExplanationPage.Html(explanation.Story);
        var page = XDocument.Parse(html["<!DOCTYPE html>\n".Length..]);
        Assert.Multiple(() =>
        {
            for (var i = 1; i <= explanation.Chain.Links.Count; i++)
            {
                var link = page.Descendants(Svg + "g").SingleOrDefault(g => (string?)g.Attribute("id") == $"link-{i}");
                Assert.That(link?.Element(Svg + "title")?.Value, Does.EndWith(explanation.Chain.Links[i - 1].Text), $"link {i}");
                Assert.That(page.Descendants("li").ElementAt(i - 1).Value, Does.Contain(explanation.Chain.Links[i - 1].Text));
            }

            foreach (var track in new[] { "n1", "n2", "n3", "client 3" }) Assert.That(page.Descendants(Svg + "text").Select(t => t.Value), Does.Contain(track));
            Assert.That(page.Descendants(Svg + "rect").Count(r => (string?)r.Attribute("class") == "leader"), Is.GreaterThanOrEqualTo(2));
            Assert.That(page.Descendants(Svg + "rect").Count(r => (string?)r.Attribute("class") == "wrongOperation"), Is.EqualTo(1));
            Assert.That(html, Does.Not.Contain("src=").And.Not.Contain("@import").And.Not.Contain("<script"));
            Assert.That(html.Replace("http://www.w3.org/2000/svg", "", StringComparison.Ordinal), Does.Not.Contain("http"));
        });
    }

    [Test]
    public void Two_leaders_of_one_term_are_both_anchors()
    {
        var account = HandMade.StaleRead();
        account = account with
        {
            Findings = [new("singleLeader", Verdict.Invalid, "at most one leader per term", "1 term with two leaders", "0")], Ops = [],
            Events = [.. account.Events.Append(HandMade.E(3_100_000, 16, EventKinds.RoleChanged, "n1", ("role", "Leader"), ("term", "4"), ("leader", "n1")))],
        };
        var links = Explanation.Of(account)!.Chain.Links;
        Assert.That(links.Where(l => l.IsAnchor).Select(l => l.Actor), Is.EqualTo(new[] { "n2", "n1" }));
        Assert.That(links[^1].Text, Does.StartWith("n1 leads term 4 too, which n2 leads already"));
    }

    [Test]
    public void A_run_that_broke_nothing_has_no_explanation()
    {
        var account = HandMade.StaleRead();
        Assert.That(Explanation.Of(account with { Findings = [account.Findings[0] with { Verdict = Verdict.Valid }] }), Is.Null);
    }

    [Test]
    public void A_told_schedule_of_the_core_becomes_events_with_causes()
    {
        var reader = new RaftTaleReader();
        foreach (var line in new[]
        {
            "1: n1 Candidate t1 last=0.0 commit=0: save 1/n1 [durable n2: t1 VoteRequest { LastEntry = 0.0, IsPreVote = False, IsTransfer = False }]", "2: n1 has synced",
            "3: n1 -> n2 arrives: 1 VoteRequest { LastEntry = 0.0, IsPreVote = False, IsTransfer = False }",
            "3: n2 Follower t1 last=0.0 commit=0: save 1/n1 [durable n1: t1 VoteReply { Granted = True, IsPreVote = False }]", "4: n2 has synced",
            "5: the network is now cut: n1-x->n3 n3-x->n1", "6: n2 -> n1 arrives: 1 VoteReply { Granted = True, IsPreVote = False }", "6: n1 Leader t1 last=1.1 commit=0: append 1.1..1.1",
            "9: n3 crashes with 1 writes not synced",
        }) reader.Take(line);
        var result = RaftSwarm.Run(1) with { Violation = new("MoreThanOneLeader", 9, "n1 and n3 both lead term 1") };
        var account = reader.Account(1, result);
        var history = new CausalHistory(account);
        var explanation = Explanation.Of(account)!;
        Assert.Multiple(() =>
        {
            Assert.That(history.Messages.Select(m => (m.From, m.SentUs, m.To, m.AtUs)), Is.EqualTo(new[] { ("n1", 2L, "n2", 3L), ("n2", 4L, "n1", 6L) }), "sent when durable");
            Assert.That(account.Events.Select(e => e.Kind), Does.Contain(EventKinds.FaultBegun).And.Contain(EventKinds.NodeDown).And.Contain(SwarmKinds.Voted).And.Contain(SwarmKinds.Appended));
            Assert.That(explanation.Story.TimeText(9), Is.EqualTo("step 9"));
            Assert.That(string.Join('\n', explanation.Lines()), Does.Contain("n3 goes down (crashes with 1 writes not synced)"));
        });
    }

    [Test]
    public void Every_line_that_the_swarm_tells_of_a_message_finds_the_event_that_sent_it()
    {
        // Pieces of snapshots are sent without being told; a message may be told at the very moment it is cut.
        foreach (var seed in new ulong[] { 3, 17, 101, 4711 })
        {
            var account = RaftTaleReader.Of(seed, new SeededChoices(seed));
            var arrivals = account.Steps.Where(s => s.Name.Contains(" <- ", StringComparison.Ordinal) && !s.Name.Contains("Snapshot", StringComparison.Ordinal)).ToList();
            Assert.That(arrivals, Has.Count.GreaterThan(10), $"seed {seed}");
            Assert.That(arrivals.Count(a => a.Cause == 0), Is.LessThanOrEqualTo(arrivals.Count / 50), $"seed {seed}: {string.Join('\n', arrivals.Where(a => a.Cause == 0).Take(3))}");
            foreach (var arrival in arrivals.Where(a => a.Cause > 0)) Assert.That(arrival.Cause, Is.LessThan(arrival.Step));
        }
    }
}
