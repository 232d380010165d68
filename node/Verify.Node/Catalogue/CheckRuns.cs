using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.Node.Recovery;
using Verify.Node.State;
using Verify.Node.State.Catalogue;
using Verify.Node.Topology;

namespace Verify.Node.Catalogue;

/// <summary>Keeps one driver going for every check that this node owns, and turns what they see into reports: only what changes the
/// status, and the first result of each driver, goes into the log. Lives on the loop.</summary>
internal sealed class CheckRuns
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(50);
    private readonly INodeServices _services;
    private readonly ReplicatedState _state;
    private readonly Action<Question> _ask;
    private readonly CheckProbe _probe;
    private readonly LoopTurn _turn;
    private readonly SortedDictionary<(string Instance, string Check), CheckRun> _runs = [];
    private (CatalogueState? State, long Index) _seen = (null, 0);
    private TimeSpan _nextLook;
    private int _atOnce;

    /// <param name="ask">For a question whose answer nobody waits for.</param>
    public CheckRuns(INodeServices services, ReplicatedState state, Action<Question> ask)
    {
        (_services, _state, _ask, _turn) = (services, state, ask, new(services));
        _probe = new(services, new MySqlDoor(services), _turn);
    }

    public void Tick()
    {
        var catalogue = _state.Catalogue;
        if (_seen == (catalogue, catalogue.Index) || _services.Now < _nextLook) return;
        _seen = (catalogue, catalogue.Index);
        _nextLook = _services.Now + LookEvery;
        Look(catalogue);
    }

    private void Look(CatalogueState catalogue)
    {
        var self = _services.Config.Self.Name;
        foreach (var (key, run) in _runs.ToArray())
        {
            if (CheckOf(key.Instance, key.Check) is { } check && check.DefinedIndex == run.DefinedIndex) continue;
            run.IsOver = true;
            _runs.Remove(key);
        }

        if (catalogue.OwnedBy(self) == 0) return;
        foreach (var instance in catalogue.All)
        {
            if (instance.Spec.Node != self) continue;
            foreach (var check in instance.Checks)
            {
                if (!check.Spec.IsActive || _runs.ContainsKey((instance.Id, check.Spec.Id))) continue;
                var run = new CheckRun(instance.Id, check.Spec, check.DefinedIndex);
                _runs.Add((instance.Id, check.Spec.Id), run);
                Drivers.Start(_services, "a service's check", () => RunAsync(run));
            }
        }
    }

    /// <summary>As it is now, when it is still this node's to run.</summary>
    private ServiceCheck? CheckOf(string instance, string check) =>
        _state.Catalogue.Get(instance) is { } found && found.Spec.Node == _services.Config.Self.Name
            ? found.Checks.FirstOrDefault(c => c.Spec.Id == check) : null;

    private async Task RunAsync(CheckRun run)
    {
        while (!run.IsOver && !_services.Stopping.IsCancellationRequested)
        {
            if (_atOnce >= _services.Config.Catalogue.ChecksAtOnceMax)
            {
                await _turn.Pause(_services.Config.Timing.Tick);
                continue;
            }

            var began = _services.Now;
            _atOnce++;
            CheckResult result;
            try
            {
                result = await _probe.RunAsync(run.Spec);
            }
            finally
            {
                _atOnce--;
            }

            if (!run.IsOver) Take(run, result);
            var next = began + TimeSpan.FromMilliseconds(run.Spec.IntervalMs) - _services.Now;
            await _turn.Pause(next > _services.Config.Timing.Tick ? next : _services.Config.Timing.Tick);
        }
    }

    private void Take(CheckRun run, CheckResult result)
    {
        if (CheckOf(run.Instance, run.Spec.Id) is not { } known || run.Count(result.Status, known.Status) is not { } status) return;
        if (status == known.Status && run.HasReported) return;
        // What is not answered well is said again after the next run: the state tells what it has not heard.
        _ask(new(
            new LeaderRequest.Client(new ApiRequest.ReportCheck(run.Instance, run.Spec.Id, status, result.Output, _services.Config.Self.Name, run.DefinedIndex)),
            wasForwarded: false, _services.Now + _services.Config.Timing.RequestTimeout,
            reply => run.HasReported |= reply is LeaderReply.Client(ApiReply.Done)));
    }
}

/// <summary>One check that this node runs.</summary>
internal sealed class CheckRun(string instance, CheckSpec spec, long definedIndex)
{
    private int _good;
    private int _bad;

    public string Instance => instance;
    public CheckSpec Spec => spec;
    public long DefinedIndex => definedIndex;

    /// <summary>The check is another node's, another one, or gone.</summary>
    public bool IsOver { get; set; }
    public bool HasReported { get; set; }

    /// <summary>What the check is after this result; null: not enough results yet to say so.</summary>
    public CheckStatus? Count(CheckStatus result, CheckStatus known)
    {
        (_good, _bad) = result == CheckStatus.Critical ? (0, _bad + 1) : (_good + 1, 0);
        if (result == known) return result;
        return result == CheckStatus.Critical ? _bad >= spec.FailuresBeforeCritical ? result : null : _good >= spec.SuccessBeforePassing ? result : null;
    }
}

/// <summary>What one run of a check gave.</summary>
internal readonly record struct CheckResult(CheckStatus Status, string Output);
