using Verify.Chaos.Running;
using Verify.Chaos.Swarms;
using Verify.Sim.RaftOnly;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Exploring;

/// <summary>The production Raft core alone.</summary>
/// <param name="strategy">null: coverage-guided.</param>
internal sealed class RaftExplored(Strategy? strategy) : IExplored
{
    private const int FeedbackBlock = 1024;
    private const int LearningBlock = 128;
    private const int UsualBlock = 16;

    /// <summary>What feedback begins with, in turn. Learning is not among them: it would have to be learned again before each repetition.</summary>
    private static readonly string[] Fresh = ["fifo", "random", "pos", "prioritization:3", "fifo", "probabilistic", "delay-bounding"];

    public string Name => "raft";
    public string Arguments => $"--world raft --strategy {strategy?.ToString() ?? ExploreStrategies.Feedback}";
    public string Story => "the production Raft core alone, every promise watched after each event";
    public int BlockSize => strategy is null ? FeedbackBlock : strategy.Learns ? LearningBlock : UsualBlock;

    public IExploredSession Open() => new Session(strategy);

    private static string ClassOf(SwarmViolation violation) => violation.Promise switch
    {
        "Live" => FailureClass.Liveness,
        "Invariant" or "Starts" => FailureClass.Crash,
        _ => FailureClass.Safety,
    };

    private sealed class Session : IExploredSession
    {
        private readonly Strategy? _strategy;
        private readonly Timeline _timeline;
        private LearnedValues _learned = new();
        private Feedback? _feedback;

        public Session(Strategy? strategy)
        {
            _strategy = strategy;
            _timeline = new Timeline(Seen);
        }

        public PatternSet Seen { get; } = new();

        public void BeginBlock()
        {
            _learned = new LearnedValues();
            if (_strategy is null) _feedback = new Feedback([.. Fresh.Select(Strategy.Parse)]);
        }

        public bool Teaches(ulong seed) => _strategy is null || _strategy.OfSchedule(seed).Name == "q-learning";

        public ExploredTrial Play(ulong seed, Action<string>? tell)
        {
            if (_feedback is not null) return PlayGuided(_feedback, seed, tell);
            var one = _strategy!.OfSchedule(seed);
            _timeline.Begin();
            var result = RaftSwarm.Run(seed, null, choices => new SwarmWatch
            {
                Tell = tell, Actors = one.Name == "fifo" ? null : one.Create(choices, _learned), Timeline = _timeline,
            });
            return TrialOf(result, one.ToString());
        }

        private ExploredTrial PlayGuided(Feedback feedback, ulong seed, Action<string>? tell)
        {
            var result = feedback.Play(seed, (choices, actors, timeline) =>
                RaftSwarm.Run(RaftSwarmOptions.Draw(choices), choices, new SwarmWatch { Tell = tell, Actors = actors, Timeline = timeline }));
            if (feedback.Timeline.News > 0) Seen.Join(feedback.Seen);
            return TrialOf(result, ExploreStrategies.Feedback);
        }

        private static ExploredTrial TrialOf(RaftSwarmResult result, string strategy) =>
            new(RaftSwarmTrials.TrialOf(result), strategy, result.Violation is { } violation ? ClassOf(violation) : "");
    }
}
