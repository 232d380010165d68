using System.Globalization;
using System.Text;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace Verify.NodeHost.Metrics;

/// <summary>Renders OpenTelemetry's metrics in the Prometheus text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats),
/// pulled at each request. Names get underscores; counters end in _total.</summary>
public sealed class PrometheusText : BaseExporter<Metric>
{
    private readonly BaseExportingMetricReader _reader;
    private readonly Lock _gate = new();
    private string _last = "";

    public PrometheusText() => _reader = new(this) { TemporalityPreference = MetricReaderTemporalityPreference.Cumulative };

    /// <summary>The reader to add to a MeterProvider.</summary>
    public MetricReader Reader => _reader;

    /// <summary>Collects now and gives the page.</summary>
    public string Collect()
    {
        lock (_gate)
        {
            _reader.Collect();
            return _last;
        }
    }

    public override ExportResult Export(in Batch<Metric> batch)
    {
        var pages = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var metric in batch)
        {
            var name = NameOf(metric);
            pages[name] = Render(name, metric);
        }

        _last = string.Concat(pages.Values);
        return ExportResult.Success;
    }

    private static string NameOf(Metric metric)
    {
        var name = metric.Name.Replace('.', '_').Replace('-', '_');
        var isCounter = metric.MetricType is MetricType.LongSum or MetricType.DoubleSum;
        return isCounter && !name.EndsWith("_total", StringComparison.Ordinal) ? name + "_total" : name;
    }

    private static string Render(string name, Metric metric)
    {
        var text = new StringBuilder();
        if (metric.Description.Length > 0) text.Append($"# HELP {name} {metric.Description.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\n", @"\n", StringComparison.Ordinal)}\n");
        var kind = metric.MetricType switch
        {
            MetricType.LongSum or MetricType.DoubleSum => "counter",
            MetricType.Histogram => "histogram",
            _ => "gauge",
        };
        text.Append($"# TYPE {name} {kind}\n");
        foreach (ref readonly var point in metric.GetMetricPoints())
        {
            var labels = Labels(point.Tags);
            switch (metric.MetricType)
            {
                case MetricType.LongSum or MetricType.LongSumNonMonotonic:
                    Line(text, name, labels, point.GetSumLong().ToString(CultureInfo.InvariantCulture));
                    break;
                case MetricType.DoubleSum or MetricType.DoubleSumNonMonotonic:
                    Line(text, name, labels, Number(point.GetSumDouble()));
                    break;
                case MetricType.LongGauge:
                    Line(text, name, labels, point.GetGaugeLastValueLong().ToString(CultureInfo.InvariantCulture));
                    break;
                case MetricType.DoubleGauge:
                    Line(text, name, labels, Number(point.GetGaugeLastValueDouble()));
                    break;
                case MetricType.Histogram:
                    Histogram(text, name, labels, point);
                    break;
            }
        }

        return text.ToString();
    }

    private static void Histogram(StringBuilder text, string name, string labels, in MetricPoint point)
    {
        var sum = 0L;
        foreach (var bucket in point.GetHistogramBuckets())
        {
            sum += bucket.BucketCount;
            var bound = double.IsPositiveInfinity(bucket.ExplicitBound) ? "+Inf" : Number(bucket.ExplicitBound);
            Line(text, name + "_bucket", labels.Length > 0 ? $"{labels},le=\"{bound}\"" : $"le=\"{bound}\"", sum.ToString(CultureInfo.InvariantCulture));
        }

        Line(text, name + "_sum", labels, Number(point.GetHistogramSum()));
        Line(text, name + "_count", labels, point.GetHistogramCount().ToString(CultureInfo.InvariantCulture));
    }

    private static void Line(StringBuilder text, string name, string labels, string value) =>
        text.Append(name).Append(labels.Length > 0 ? "{" + labels + "}" : "").Append(' ').Append(value).Append('\n');

    private static string Labels(ReadOnlyTagCollection tags)
    {
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in tags) labels[key.Replace('.', '_')] = Escape(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "");
        return string.Join(",", labels.Select(l => $"{l.Key}=\"{l.Value}\""));
    }

    private static string Escape(string value) =>
        value.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", @"\n", StringComparison.Ordinal);

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
