using System.Text.Json;
using YamlDotNet.RepresentationModel;

namespace Verify.NodeHost.Tests;

/// <summary>Dashboard and alert rules have the form that Grafana and Prometheus load. That they name what a node exposes is held by
/// <see cref="RunningNodesTests"/>.</summary>
public sealed class MonitoringTests
{
    private static string Text(string name) => File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, "Monitoring", name));

    [Test]
    public void The_dashboard_has_panels_with_queries_that_do_not_lie_on_each_other()
    {
        using var document = JsonDocument.Parse(Text("grafana-verify.json"));
        var panels = document.RootElement.GetProperty("panels").EnumerateArray().ToList();
        Assert.That(panels, Has.Count.GreaterThan(10));
        Assert.That(panels.Select(p => p.GetProperty("id").GetInt32()), Is.Unique);
        Assert.That(panels.Select(p => $"{p.GetProperty("gridPos").GetProperty("x")} {p.GetProperty("gridPos").GetProperty("y")}"), Is.Unique);
        foreach (var target in panels.SelectMany(p => p.GetProperty("targets").EnumerateArray())) ShouldBalance(target.GetProperty("expr").GetString()!);
    }

    [Test]
    public void Every_alert_has_an_expression_a_severity_and_words_for_a_person()
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(Text("verify-alerts.yaml")));
        var groups = (YamlSequenceNode)stream.Documents.Single().RootNode["groups"];
        var rules = groups.SelectMany(g => (YamlSequenceNode)g["rules"]).ToList();
        Assert.That(rules, Has.Count.GreaterThan(8));
        Assert.That(rules.Select(r => r["alert"].ToString()), Is.Unique);
        foreach (var rule in rules)
        {
            ShouldBalance(rule["expr"].ToString());
            Assert.That(rule["labels"]["severity"].ToString(), Is.AnyOf("critical", "warning"));
            Assert.That(rule["annotations"]["summary"].ToString(), Is.Not.Empty);
            Assert.That(rule["annotations"]["description"].ToString(), Is.Not.Empty);
        }
    }

    private static void ShouldBalance(string expression)
    {
        foreach (var (open, close) in new[] { ('(', ')'), ('{', '}'), ('[', ']') })
            Assert.That(expression.Count(c => c == open), Is.EqualTo(expression.Count(c => c == close)), expression);
        Assert.That(expression.Count(c => c == '"') % 2, Is.Zero, expression);
    }
}
