using Microsoft.Extensions.Logging;
using Verify.Sim.Scheduling;

namespace Verify.Sim.Hosts;

/// <summary>One line of a host's log, with virtual time.</summary>
public readonly record struct LogLine(long Micros, string Host, LogLevel Level, string Category, string Text)
{
    public override string ToString() => $"{Tracing.Trace.TimeText(Micros)} {Host} {Level} {Category}: {Text}";
}

/// <summary>The last lines that all hosts logged. Output only: shown when something failed.</summary>
public sealed class SimLogs
{
    private readonly Queue<LogLine> _lines = new();
    private readonly SimScheduler _scheduler;
    private readonly LogLevel _levelMin;
    private readonly int _linesKept;

    internal SimLogs(SimScheduler scheduler, LogLevel levelMin, int linesKept) =>
        (_scheduler, _levelMin, _linesKept) = (scheduler, levelMin, linesKept);

    public IReadOnlyCollection<LogLine> Lines => _lines;

    internal ILoggerFactory For(SimHost host) => new HostLogs(this, host.Name);

    private void Write(string host, LogLevel level, string category, string text)
    {
        if (_linesKept == 0) return;
        if (_lines.Count == _linesKept) _lines.Dequeue();
        _lines.Enqueue(new LogLine(_scheduler.Now, host, level, category, text));
    }

    private sealed class HostLogs(SimLogs logs, string host) : ILoggerFactory
    {
        public ILogger CreateLogger(string categoryName) => new HostLogger(logs, host, categoryName);

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("the simulator keeps the logs itself");

        public void Dispose() { }
    }

    private sealed class HostLogger(SimLogs logs, string host, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= logs._levelMin && logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel)) return;
            var text = formatter(state, exception);
            logs.Write(host, logLevel, category, exception is null ? text : $"{text} [{exception.GetType().Name}: {exception.Message}]");
        }
    }
}
