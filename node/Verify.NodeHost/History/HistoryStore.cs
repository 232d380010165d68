using System.Diagnostics.Metrics;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Verify.Node.Api;
using Verify.Node.Telemetry;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Http;

namespace Verify.NodeHost.History;

/// <summary>Keeps the history store up to date: takes what the node says of itself, asks it for recoveries and members, and writes both
/// into SQLite once a second. Never in the way of the node: when the file cannot be written events wait, the oldest are dropped
/// first, and when that lasts too long <see cref="GivenUp"/> ends the node, as orchestrator's nodes leave without their backend.</summary>
internal sealed class HistoryStore : INodeEvents, IAsyncDisposable
{
    private const int EventsMax = 10_000;
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ProjectEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PurgeEvery = TimeSpan.FromHours(1);
    private readonly HistorySettings _settings;
    private readonly INodeEvents _next;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly Queue<(DateTimeOffset At, NodeEvent What)> _events = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource<string> _givenUp = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private HistoryDatabase? _database;
    private Task _running = Task.CompletedTask;
    private long? _failingSince;
    private long? _projected;
    private long? _purged;
    private long _dropped;

    /// <param name="next">Who else hears the events.</param>
    public HistoryStore(HistorySettings settings, INodeEvents next, ILogger log, TimeProvider time, IMeterFactory meters)
    {
        (_settings, _next, _log, _time) = (settings, next, log, time);
        var meter = meters.Create(new MeterOptions("Verify.NodeHost"));
        meter.CreateObservableGauge("verify_history_failing_seconds", () => FailingFor.TotalSeconds, description: "For how long the history store could not be written; 0 when it can.");
        meter.CreateObservableCounter("verify_history_events_dropped", () => Interlocked.Read(ref _dropped), description: "Events that the history store will never hold.");
    }

    /// <summary>Completes with a sentence when the store stayed away for too long; never when it is not required.</summary>
    public Task<string> GivenUp => _givenUp.Task;

    public TimeSpan FailingFor => _failingSince is { } since ? _time.GetElapsedTime(since) : TimeSpan.Zero;

    public void Emit(NodeEvent happened)
    {
        _next.Emit(happened);
        if (happened is NodeEvent.Applied) return; // Every entry of the log is no history for people.
        lock (_gate)
        {
            if (_events.Count == EventsMax)
            {
                _events.Dequeue();
                Interlocked.Increment(ref _dropped);
            }

            _events.Enqueue((_time.GetUtcNow(), happened));
        }
    }

    public void Start(INodeApi node) => _running = RunAsync(node);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        _database?.Dispose();
        _stopping.Dispose();
    }

    /// <summary>One round: what has come since the last, into the file.</summary>
    internal async Task WriteOnceAsync(INodeApi node)
    {
        var isFresh = _database is null || !File.Exists(_settings.File);
        var projects = isFresh || _projected is not { } last || _time.GetElapsedTime(last) >= ProjectEvery;
        IReadOnlyList<RecoveryPicture> recoveries = [];
        ClusterView? view = null;
        if (projects)
        {
            if (await node.AskAsync(new ApiRequest.Recoveries()) is ApiReply.RecoveryList(var list)) recoveries = list;
            if (await node.AskAsync(new ApiRequest.ClusterStatus()) is ApiReply.Cluster(var cluster)) view = cluster;
        }

        (DateTimeOffset, NodeEvent)[] events;
        lock (_gate) events = [.. _events];
        try
        {
            if (isFresh) Open();
            if (events.Length > 0 || projects) _database!.Write(events, recoveries, view, _time.GetUtcNow());
            lock (_gate)
            {
                // Events that were dropped meanwhile were the oldest, and are written now.
                for (var i = 0; i < events.Length && _events.Count > 0 && ReferenceEquals(_events.Peek().What, events[i].Item2); i++) _events.Dequeue();
            }

            if (projects) _projected = _time.GetTimestamp();
            Purge();
            Succeeded();
        }
        catch (Exception e) when (e is SqliteException or IOException or UnauthorizedAccessException)
        {
            Failed(e);
        }
    }

    private async Task RunAsync(INodeApi node)
    {
        using var timer = new PeriodicTimer(Every, _time);
        try
        {
            do await WriteOnceAsync(node);
            while (await timer.WaitForNextTickAsync(_stopping.Token));
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            await WriteOnceAsync(node);
        }
    }

    private void Open()
    {
        _database?.Dispose();
        _database = null;
        _database = new(_settings.File!);
        _projected = null;
    }

    private void Purge()
    {
        if (_purged is { } last && _time.GetElapsedTime(last) < PurgeEvery) return;
        _database!.Purge(_time.GetUtcNow() - _settings.AuditKept);
        _purged = _time.GetTimestamp();
    }

    private void Succeeded()
    {
        if (_failingSince is null) return;
        HistoryLog.Back(_log, _settings.File!, FailingFor.TotalSeconds);
        _failingSince = null;
    }

    private void Failed(Exception cause)
    {
        _database?.Dispose();
        _database = null;
        if (_failingSince is null)
        {
            _failingSince = _time.GetTimestamp();
            HistoryLog.Away(_log, _settings.File!, cause.Message, _settings.IsRequired ? $"the node leaves in {_settings.GiveUpAfter.TotalSeconds:0} s" : "the node keeps trying");
        }

        if (!_settings.IsRequired || FailingFor < _settings.GiveUpAfter) return;
        _givenUp.TrySetResult($"the history store {_settings.File} could not be written for {FailingFor.TotalSeconds:0} s ({cause.Message}). "
            + "This node hands over and stops. Repair the store, or remove the file (it is made anew), or set HistoryStoreRequired to false to go on without it.");
    }
}

internal static partial class HistoryLog
{
    [LoggerMessage(30, LogLevel.Error, "The history store {File} cannot be written: {Why}; {What}")]
    public static partial void Away(ILogger log, string file, string why, string what);

    [LoggerMessage(31, LogLevel.Information, "The history store {File} is written again, after {Seconds} s")]
    public static partial void Back(ILogger log, string file, double seconds);
}
