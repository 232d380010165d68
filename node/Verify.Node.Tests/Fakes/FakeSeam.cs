using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Verify.Node.Telemetry;

namespace Verify.Node.Tests.Fakes;

/// <summary>Keeps what a node says of itself.</summary>
internal sealed class FakeEvents : INodeEvents
{
    private readonly List<NodeEvent> _all = [];

    public IReadOnlyList<NodeEvent> All => _all;
    public Action<NodeEvent>? Told { get; set; }

    public void Emit(NodeEvent happened)
    {
        _all.Add(happened);
        Told?.Invoke(happened);
    }
}

/// <summary>Meters that nobody reads.</summary>
internal sealed class FakeMeters : IMeterFactory
{
    public Meter Create(MeterOptions options) => new(options);
    public void Dispose() { }
}

/// <summary>Keeps the node's log lines.</summary>
internal sealed class FakeLogs : ILoggerFactory, ILogger
{
    public List<string> Lines { get; } = [];

    public ILogger CreateLogger(string categoryName) => this;
    public void AddProvider(ILoggerProvider provider) { }
    public void Dispose() { }
    public bool IsEnabled(LogLevel logLevel) => true;
    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Lines.Add(formatter(state, exception));
}
