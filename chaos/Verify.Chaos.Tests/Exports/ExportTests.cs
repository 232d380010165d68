using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Verify.Chaos.Exports;
using Verify.Chaos.Explaining;
using Verify.Chaos.Output;
using Verify.Chaos.Running;
using Verify.Chaos.Simulated;
using Verify.Chaos.Tests.Explaining;
using Verify.Checks;
using Verify.Sim.RaftOnly;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Tests.Exports;

/// <summary>What is written for other tools, read back by small readers that know only the other tool's format.</summary>
public sealed class ExportTests
{
    private static readonly Lazy<(RunAccount Account, int[] Choices, string Hash)> Unfenced = new(() =>
    {
        var (account, run, choices) = ScenarioAccount.Played(Commands.ScenarioFiles.Read("dc-fencing").Scenario, 1, new SimulatedOptions { FencingOff = true }, "dc-fencing:1");
        return (account, [.. choices.Select(c => c.Value)], run.TraceHash);
    });

    [Test]
    public void A_failing_run_opens_in_perfetto_slices_nest_and_every_arrow_has_two_ends()
    {
        using var stream = new MemoryStream();
        PerfettoTrace.Write(stream, Unfenced.Value.Account);
        using var json = JsonDocument.Parse(stream.ToArray());
        var events = json.RootElement.GetProperty("traceEvents").EnumerateArray().ToList();
        foreach (var e in events)
        {
            Assert.That(e.GetProperty("name").ValueKind, Is.EqualTo(JsonValueKind.String));
            Assert.That(e.GetProperty("ts").TryGetInt64(out _) && e.GetProperty("pid").TryGetInt32(out _) && e.GetProperty("tid").TryGetInt32(out _), Is.True, e.ToString());
        }

        string Ph(JsonElement e) => e.GetProperty("ph").GetString()!;
        Assert.That(events.Select(Ph).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal), Is.EqualTo(new[] { "C", "M", "X", "b", "e", "f", "i", "s" }));
        var (starts, ends) = (events.Where(e => Ph(e) == "s").ToDictionary(Id, Ts), events.Where(e => Ph(e) == "f").ToDictionary(Id, Ts));
        Assert.That(starts, Has.Count.GreaterThan(1000));
        Assert.That(ends.Keys, Is.EquivalentTo(starts.Keys));
        Assert.That(starts.All(s => s.Value <= ends[s.Key]), Is.True, "no message arrives before it was sent");
        Assert.That(events.Where(e => Ph(e) is "b").Select(Id), Is.EquivalentTo(events.Where(e => Ph(e) is "e").Select(Id)));
        foreach (var track in events.Where(e => Ph(e) == "X" && e.GetProperty("cat").GetString() is not ("message" or "held")).GroupBy(e => (e.GetProperty("pid").GetInt32(), e.GetProperty("tid").GetInt32())))
        {
            var spans = track.Select(e => (From: Ts(e), To: Ts(e) + e.GetProperty("dur").GetInt64())).OrderBy(s => s.From).ThenByDescending(s => s.To).ToList();
            for (var i = 1; i < spans.Count; i++) Assert.That(spans[i].From >= spans[i - 1].To || spans[i].To <= spans[i - 1].To, Is.True, $"slices of track {track.Key} nest");
        }

        var names = events.Where(e => Ph(e) == "M" && e.GetProperty("name").GetString() == "process_name").Select(e => e.GetProperty("args").GetProperty("name").GetString()).ToList();
        Assert.That(names, Does.Contain("n1 (east)").And.Contain("db3 (north)").And.Contain("faults"));
        Assert.That(events.Any(e => Ph(e) == "X" && e.GetProperty("name").GetString() == "leads term 2"), Is.True);

        static long Id(JsonElement e) => e.GetProperty("id").GetInt64() + (e.GetProperty("ph").GetString() is "b" or "e" ? 1L << 40 : 0);
        static long Ts(JsonElement e) => e.GetProperty("ts").GetInt64();
    }

    [Test]
    public void The_log_for_shiviz_has_clocks_that_count_each_host_s_own_events_and_never_run_backwards()
    {
        using var writer = new StringWriter();
        ShiVizLog.Write(writer, Unfenced.Value.Account);
        var text = writer.ToString();
        var entries = Regex.Matches(text, ShiVizLog.Expression, RegexOptions.None, TimeSpan.FromSeconds(20));
        Assert.That(entries, Has.Count.EqualTo(text.Count(c => c == '\n') / 2).And.Count.GreaterThan(50));
        var known = new Dictionary<string, Dictionary<string, long>>(StringComparer.Ordinal);
        var learned = 0;
        foreach (Match entry in entries)
        {
            var (host, clock) = (entry.Groups["host"].Value, JsonSerializer.Deserialize<Dictionary<string, long>>(entry.Groups["clock"].Value)!);
            var before = known.GetValueOrDefault(host) ?? [];
            Assert.That(clock[host], Is.EqualTo(before.GetValueOrDefault(host) + 1), $"{host}'s own number goes up by one: {entry.Value}");
            foreach (var (other, number) in before) Assert.That(clock[other], Is.GreaterThanOrEqualTo(number));
            foreach (var (other, number) in clock.Where(c => c.Key != host))
            {
                Assert.That(number, Is.LessThanOrEqualTo(known[other][other]), $"{host} knows nothing of {other} that has not happened yet");
                if (number > before.GetValueOrDefault(other)) learned++;
            }

            known[host] = clock;
        }

        Assert.That(learned, Is.GreaterThan(20), "messages join the hosts");
        Assert.That(text, Does.Contain("n3 leads term 2"));
    }

    [Test]
    public void A_history_in_edn_has_one_completion_per_invocation_and_no_process_goes_on_after_info()
    {
        var account = Unfenced.Value.Account;
        account = account with { Ops = [.. account.Ops, HandMade.Put(99_999, 1, "k\"\\1", "a\nb", account.EndUs - 10, long.MaxValue, "", OpOutcome.Unknown)] };
        using var writer = new StringWriter();
        JepsenHistory.Write(writer, account);
        var maps = EdnReader.Maps(writer.ToString());
        Assert.That(maps, Has.Count.EqualTo(account.Ops.Count * 2));
        Assert.That(maps.Select(m => (long)m[":index"]!), Is.EqualTo(Enumerable.Range(0, maps.Count).Select(i => (long)i)));
        Assert.That(maps.Select(m => (long)m[":time"]!), Is.Ordered);
        var busy = new Dictionary<long, IReadOnlyDictionary<string, object?>>();
        var retired = new HashSet<long>();
        foreach (var map in maps)
        {
            var process = (long)map[":process"]!;
            Assert.That(retired, Does.Not.Contain(process), "a process that ended with :info takes no more");
            if ((string)map[":type"]! == ":invoke")
            {
                Assert.That(busy.TryAdd(process, map), Is.True, $"process {process} does one thing at a time");
                continue;
            }

            Assert.That(busy.Remove(process, out var invoked), Is.True);
            Assert.That(map[":f"], Is.EqualTo(invoked![":f"]));
            Assert.That(KeyOf(map), Is.EqualTo(KeyOf(invoked)), "the same key");
            if ((string)map[":type"]! == ":info") retired.Add(process);
        }

        static object? KeyOf(IReadOnlyDictionary<string, object?>? map) => ((List<object?>)map![":value"]!)[0];
        Assert.That(maps.Select(m => m[":f"]).Distinct(), Is.SupersetOf(new[] { ":read", ":write", ":cas", ":insert" }));
        Assert.That(maps.Where(m => (string)m[":type"]! == ":invoke" && (string)m[":f"]! == ":read").All(m => ((List<object?>)m[":value"]!)[1] is null), Is.True);
        Assert.That(maps, Has.Some.Matches<IReadOnlyDictionary<string, object?>>(m => m?[":value"] is List<object?> and ["k\"\\1", "a\nb"]));
    }

    [Test]
    public void A_schedule_in_coyote_s_form_makes_the_same_run_again()
    {
        var (_, choices, hash) = Unfenced.Value;
        var text = CoyoteTrace.Write("dc-fencing:1", 1, choices);
        using (var json = JsonDocument.Parse(text))
        {
            Assert.That(json.RootElement.GetProperty("CoyoteVersion").GetString(), Is.EqualTo("1.7.11.0"));
            Assert.That(json.RootElement.GetProperty("Settings").GetProperty("Strategy").GetString(), Is.EqualTo("random"));
            Assert.That(json.RootElement.GetProperty("Steps")[0].GetString(), Does.Match(@"^op\(0:0\),int\(\d+\)$"));
        }

        var replay = new ValueReplay(CoyoteTrace.Read(text, "a.trace").Values);
        var (_, run, _) = ScenarioAccount.Played(Commands.ScenarioFiles.Read("dc-fencing").Scenario, 1, new SimulatedOptions { FencingOff = true, Named = () => replay }, "x");
        Assert.That(run.TraceHash, Is.EqualTo(hash));
        Assert.That(replay.Position, Is.EqualTo(choices.Length));
    }

    [Test]
    public void A_schedule_of_the_core_in_coyote_s_form_makes_the_same_schedule_again_and_one_that_does_not_fit_says_where()
    {
        var recording = new RecordingChoices(new SeededChoices(7));
        var first = RaftSwarm.Run(RaftSwarmOptions.Draw(recording), recording);
        int[] values = [.. recording.Recorded.Select(c => c.Value)];
        var replay = new ValueReplay(CoyoteTrace.Read(CoyoteTrace.Write("raft:7", 7, values), "a.trace").Values);
        Assert.That(RaftSwarm.Run(RaftSwarmOptions.Draw(replay), replay).TraceHash, Is.EqualTo(first.TraceHash));
        values[5] = int.MaxValue;
        var spoilt = new ValueReplay(values);
        Assert.That(() => RaftSwarm.Run(RaftSwarmOptions.Draw(spoilt), spoilt), Throws.TypeOf<ReplayDepartureException>().With.Message.Contains("choice 5 is 2147483647"));
    }

    [Test]
    public void Of_a_trace_that_coyote_wrote_the_integers_and_booleans_are_the_choices()
    {
        const string written = """
            { "TestName": "T.Main", "CoyoteVersion": "1.7.11.0", "Settings": { "Strategy": "prioritization", "StrategyBound": 10, "PortfolioMode": "fair" },
              "Steps": [ "op(0:0),sp(Create),next(1:1)", "op(1:1),int(4)", "op(1:1),bool(True)", "op(1:1),sp(Complete),next(0:0)", "op(0:0),int(0)" ] }
            """;
        var (test, values) = CoyoteTrace.Read(written, "a.trace");
        Assert.That((test, string.Join(' ', values)), Is.EqualTo(("T.Main", "4 1 0")));
        Assert.That(() => CoyoteTrace.Read("""{ "Steps": [ "op(0:0),float(1)" ] }""", "b.trace"), Throws.TypeOf<HarnessFolderException>().With.Message.StartsWith("b.trace: step 0 is 'op(0:0),float(1)'"));
        Assert.That(() => CoyoteTrace.Read("{}", "c.trace"), Throws.TypeOf<HarnessFolderException>());
        Assert.That(() => CoyoteTrace.Read("hello", "d.trace"), Throws.TypeOf<HarnessFolderException>());
    }

    [Test]
    public void The_page_of_a_history_without_an_order_shows_the_longest_order_and_what_does_not_fit()
    {
        var html = LinearizationExport.Render(HandMade.StaleRead());
        var page = XDocument.Parse(html["<!DOCTYPE html>\n".Length..]);
        XNamespace svg = "http://www.w3.org/2000/svg";
        var operations = page.Descendants(svg + "g").Where(g => ((string?)g.Attribute("class"))?.Split(' ')[0] == "op").ToList();
        var points = page.Descendants(svg + "g").Where(g => (string?)g.Attribute("class") == "point").ToList();
        Assert.Multiple(() =>
        {
            Assert.That(operations, Has.Count.EqualTo(3));
            Assert.That(points, Has.Count.EqualTo(2), "two of three operations can be put in order");
            Assert.That(page.Descendants("ol").Single().Elements("li").Select(l => (string?)l.Attribute("data-step")), Is.EqualTo(new[] { "1", "2" }));
            Assert.That(operations.Count(o => ((string?)o.Attribute("class"))!.Contains("misfit", StringComparison.Ordinal)), Is.EqualTo(1));
            Assert.That(operations.All(o => o.Element(svg + "title") is not null), Is.True, "pointing at an operation tells its story");
            Assert.That(page.Descendants("p").First().Value, Does.Contain("n1 still answers '1'"));
            Assert.That(page.Descendants("script").Single().Value, Does.Contain("addEventListener('click'"));
            Assert.That(page.Descendants("script").Single().Attribute("src"), Is.Null);
        });
    }

    [Test]
    public void A_history_that_can_be_put_in_order_has_no_such_page() =>
        Assert.That(() => LinearizationExport.Render(HandMade.StaleRead() with { Ops = [HandMade.Put(1, 1, "x", "1", 0, 10, "n1")] }), Throws.TypeOf<HarnessException>().With.Message.Contains("no failure to draw"));

    [Test]
    public void A_run_without_fencing_is_explained_by_the_recovery_that_did_not_wait_for_the_fence()
    {
        var explanation = Explanation.Of(Unfenced.Value.Account)!;
        var text = string.Join('\n', explanation.Lines());
        Assert.That(text, Does.Contain("n1 leads term 1").And.Contain("partition").And.Contain("n3 leads term 2").And.Contain("fencing is switched off"));
        Assert.That(text, Does.Contain("db1 still takes writes").And.Contain("db3 takes writes while db1 still does: two primaries"));
        Assert.That(text, Does.Not.Contain("harness").And.Not.Contain("clients-"), "those are no parties");
        Assert.That(explanation.Chain.Links, Has.Count.InRange(6, 26));
    }
}
