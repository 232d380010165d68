using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace Verify.NodeHost.Metrics;

/// <summary>Renders OpenTelemetry's metrics in the Prometheus text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats),
/// pulled at each request. Names get underscores; counters end in _total. An instrument that nothing was measured with yet is there
/// all the same, so that dashboards and alerts find every name from the start.</summary>
public sealed class PrometheusText : BaseExporter<Metric>
{
    private readonly BaseExportingMetricReader _reader;
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, string> _unmeasured = new(StringComparer.Ordinal);
    private readonly MeterListener _listener = new();
    private string _last = "";

    public PrometheusText()
    {
        _reader = new(this) { TemporalityPreference = MetricReaderTemporalityPreference.Cumulative };
        _listener.InstrumentPublished = (instrument, _) => Published(instrument);
        _listener.Start();
    }

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
        SortedDictionary<string, string> pages;
        lock (_unmeasured) pages = new(_unmeasured, StringComparer.Ordinal);
        foreach (var metric in batch)
        {
            var name = NameOf(metric.Name, metric.MetricType is MetricType.LongSum or MetricType.DoubleSum);
            pages[name] = Render(name, metric);
        }

        _last = string.Concat(pages.Values);
        return ExportResult.Success;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _listener.Dispose();
        base.Dispose(disposing);
    }

    private void Published(Instrument instrument)
    {
        if (!instrument.Meter.Name.StartsWith("Verify.", StringComparison.Ordinal)) return;
        var type = instrument.GetType();
        var isCounter = Is(type, typeof(Counter<>)) || Is(type, typeof(ObservableCounter<>));
        var isHistogram = Is(type, typeof(Histogram<>));
        var name = NameOf(instrument.Name, isCounter);
        var text = new StringBuilder();
        Head(text, name, instrument.Description ?? "", isCounter ? "counter" : isHistogram ? "histogram" : "gauge");
        if (isHistogram)
        {
            Line(text, name + "_bucket", "le=\"+Inf\"", "0");
            Line(text, name + "_sum", "", "0");
            Line(text, name + "_count", "", "0");
        }

        lock (_unmeasured) _unmeasured[name] = text.ToString();
    }

    private static bool Is(Type type, Type generic) => type.IsGenericType && type.GetGenericTypeDefinition() == generic;

    private static string NameOf(string instrument, bool isCounter)
    {
        var name = instrument.Replace('.', '_').Replace('-', '_');
        return isCounter && !name.EndsWith("_total", StringComparison.Ordinal) ? name + "_total" : name;
    }

    private static void Head(StringBuilder text, string name, string description, string kind)
    {
        if (description.Length > 0) text.Append($"# HELP {name} {description.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\n", @"\n", StringComparison.Ordinal)}\n");
        text.Append($"# TYPE {name} {kind}\n");
    }

    private static string Render(string name, Metric metric)
    {
        var text = new StringBuilder();
        var kind = metric.MetricType switch
        {
            MetricType.LongSum or MetricType.DoubleSum => "counter",
            MetricType.Histogram => "histogram",
            _ => "gauge",
        };
        Head(text, name, metric.Description, kind);
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
