using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Verify.Reports.Model;
using Verify.Reports.Pages;

namespace Verify.Reports;

/// <summary>Renders a suite as one HTML file that opens without a network.</summary>
public static class ReportPage
{
    // The default encoder escapes '<', so that the JSON cannot end its script element.
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter() }, Encoder = JavaScriptEncoder.Default };

    public static string Render(SuiteRecord suite)
    {
        var bare = suite with { Runs = [.. suite.Runs.Select(r => r with { Events = [], Ops = [], Findings = [.. r.Findings.Select(f => f with { Evidence = "" })] })] };
        var services = new ServiceCollection();
        services.AddLogging();
        using var provider = services.BuildServiceProvider();
        var renderer = new HtmlRenderer(provider, provider.GetRequiredService<ILoggerFactory>());
        var parameters = ParameterView.FromDictionary(new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            [nameof(ReportDocument.Suite)] = suite,
            [nameof(ReportDocument.Styles)] = Asset("report.css"),
            [nameof(ReportDocument.Record)] = JsonSerializer.Serialize(bare, Json),
        });
        var html = renderer.Dispatcher.InvokeAsync(async () => (await renderer.RenderComponentAsync<ReportDocument>(parameters)).ToHtmlString()).GetAwaiter().GetResult();
        renderer.Dispose();
        return "<!DOCTYPE html>\n" + html;
    }

    private static string Asset(string name)
    {
        using var stream = typeof(ReportPage).Assembly.GetManifestResourceStream($"Verify.Reports.Assets.{name}") ?? throw new InvalidOperationException($"{name} is not embedded");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
