using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Verify.Checks;
using Verify.Reports.Model;
using Verify.Reports.Pages;

namespace Verify.Reports;

/// <summary>Renders a suite as one HTML file that opens without a network and stays small: what is cut off is in the run's folder.</summary>
public static class ReportPage
{
    private const int RunsEmbeddedMax = 40;
    private const int TextEmbeddedMax = 2000;

    // The default encoder escapes '<', so that the JSON cannot end its script element.
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter() },
        Encoder = JavaScriptEncoder.Default,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    public static string Render(SuiteRecord suite)
    {
        var services = new ServiceCollection();
        services.AddLogging();
        using var provider = services.BuildServiceProvider();
        using var renderer = new HtmlRenderer(provider, provider.GetRequiredService<ILoggerFactory>());
        var parameters = ParameterView.FromDictionary(new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            [nameof(ReportDocument.Suite)] = suite,
            [nameof(ReportDocument.Styles)] = Asset("report.css"),
            [nameof(ReportDocument.Record)] = JsonSerializer.Serialize(Embedded(suite), Json),
        });
        var rendering = renderer.Dispatcher.InvokeAsync(async () => (await renderer.RenderComponentAsync<ReportDocument>(parameters)).ToHtmlString());
        var html = rendering.GetAwaiter().GetResult();
        return "<!DOCTYPE html>\n" + html;
    }

    /// <summary>The worst runs first, without events, operations and evidence.</summary>
    private static EmbeddedRecord Embedded(SuiteRecord suite)
    {
        var shown = suite.Runs.OrderByDescending(r => r.World == "live").ThenByDescending(r => r.Verdict).ThenBy(r => r.Seed);
        var runs = shown.Take(RunsEmbeddedMax).Select(r => r with
        {
            Events = [],
            Ops = [],
            Findings = [.. r.Findings.Select(f => f with { Evidence = "", Observed = VerdictText.Cut(f.Observed, TextEmbeddedMax) })],
        }).ToList();
        return new(suite.Runs.Count - runs.Count, suite with
        {
            Runs = runs,
            ScenarioText = VerdictText.Cut(suite.ScenarioText, 30 * TextEmbeddedMax),
        });
    }

    private static string Asset(string name)
    {
        using var stream = typeof(ReportPage).Assembly.GetManifestResourceStream($"Verify.Reports.Assets.{name}")
            ?? throw new InvalidOperationException($"{name} is not embedded");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>What the page carries for programs.</summary>
    /// <param name="RunsLeftOut">Runs that are only in run.json.</param>
    private sealed record EmbeddedRecord(int RunsLeftOut, SuiteRecord Suite);
}
