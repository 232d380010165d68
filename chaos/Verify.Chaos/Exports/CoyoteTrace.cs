using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Verify.Chaos.Output;
using Verify.Sim.Scheduling;

namespace Verify.Chaos.Exports;

/// <summary>A schedule as Microsoft Coyote 1.7 writes it for `coyote replay`: JSON with the test's name, the settings and the steps, of which an
/// integer choice is "op(id:sequence),int(value)" and a scheduling decision "op(…),sp(kind),next(…)". All choices of a world of ours, values and
/// picks of actors alike, are integer choices of the one operation that runs the test (choice mode). The other way round, the integers
/// and booleans of a trace are the choices of a world, in order.</summary>
/// <remarks>Written after Coyote's TraceReport and ExecutionTrace (version 1.7.11, read 2026-11). The package cannot be restored on the machines this
/// was built on: that Coyote reads what is written here has not been seen.</remarks>
internal static partial class CoyoteTrace
{
    public const string FileName = "coyote.trace";
    public const string VersionWritten = "1.7.11.0";
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <param name="test">What is played; on reading, the name of the test.</param>
    public static string Write(string test, uint? seed, IEnumerable<int> values) => JsonSerializer.Serialize(new Report
    {
        TestName = test, CoyoteVersion = VersionWritten, Settings = new() { Seed = seed }, Steps = [.. values.Select(v => string.Create(CultureInfo.InvariantCulture, $"op(0:0),int({v})"))],
    }, Json);

    /// <exception cref="HarnessFolderException">Not such a file; names the step.</exception>
    public static (string Test, IReadOnlyList<int> Values) Read(string text, string file)
    {
        Report? report;
        try
        {
            report = JsonSerializer.Deserialize<Report>(text, Json);
        }
        catch (JsonException e)
        {
            throw new HarnessFolderException($"{file} is no trace of Coyote: {e.Message}");
        }

        if (report?.Steps is null) throw new HarnessFolderException($"{file} is no trace of Coyote: it has no Steps");
        var values = new List<int>();
        for (var i = 0; i < report.Steps.Count; i++)
        {
            var step = Step().Match(report.Steps[i]);
            if (!step.Success) throw new HarnessFolderException($"{file}: step {i} is '{report.Steps[i]}', which is neither a choice nor a scheduling decision");
            if (step.Groups["kind"].Value == "int") values.Add(int.Parse(step.Groups["value"].Value, CultureInfo.InvariantCulture));
            else if (step.Groups["kind"].Value == "bool") values.Add(bool.Parse(step.Groups["value"].Value) ? 1 : 0);
        }

        return (report.TestName ?? "", values);
    }

    [GeneratedRegex(@"^op\(\d+:\d+\),(?<kind>int|bool|sp)\((?<value>-?\w+)\)(?:,next\(\d+:\d+\))?$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Step();

    private sealed record Report
    {
        public string? TestName { get; init; }
        public string? CoyoteVersion { get; init; }
        public Settings? Settings { get; init; }
        public List<string>? Steps { get; init; }
    }

    /// <summary>Coyote's own defaults; a replay looks at the steps.</summary>
    private sealed record Settings
    {
        public string Strategy { get; init; } = "random";
        public int StrategyBound { get; init; }
        public uint? Seed { get; init; }
        public int MaxFairSchedulingSteps { get; init; } = 100_000_000;
        public int MaxUnfairSchedulingSteps { get; init; } = 100_000_000;
        public uint TimeoutDelay { get; init; } = 10;
        public uint DeadlockTimeout { get; init; } = 1000;
        public string PortfolioMode { get; init; } = "none";
        public bool IsLivenessCheckingEnabled { get; init; } = true;
        public int LivenessTemperatureThreshold { get; init; } = 50_000_000;
        public bool IsCollectionAccessRaceCheckingEnabled { get; init; }
        public bool IsLockAccessRaceCheckingEnabled { get; init; }
        public bool IsAtomicOperationRaceCheckingEnabled { get; init; }
        public bool IsVolatileOperationRaceCheckingEnabled { get; init; }
        public bool IsMemoryAccessRaceCheckingEnabled { get; init; }
        public bool IsControlFlowRaceCheckingEnabled { get; init; }
        public bool IsPartiallyControlledConcurrencyAllowed { get; init; } = true;
        public bool IsPartiallyControlledDataNondeterminismAllowed { get; init; } = true;
        public uint UncontrolledConcurrencyResolutionAttempts { get; init; } = 10;
        public uint UncontrolledConcurrencyResolutionDelay { get; init; } = 1000;
    }
}

/// <summary>Makes choices from a list of values, whatever they are about. A value that does not fit is a departure and says where.</summary>
internal sealed class ValueReplay(IReadOnlyList<int> values) : INamedChoices, IChoiceSource
{
    /// <summary>How many have been made.</summary>
    public int Position { get; private set; }
    public int Count => values.Count;

    public int Next(ChoiceKind kind, int n) => n <= 1 ? 0 : Take(n, kind.ToString());

    public int Next(in ChoicePlace place, ChoiceKind kind, int n, IChoiceSource source) => Take(n, $"{kind} for '{place.Name}'");

    public int Pick(in ChoicePlace place, ReadOnlySpan<string> actors, ReadOnlySpan<Candidate> enabled, IActorScheduler strategy) => Take(enabled.Length, $"who goes first of {string.Join(", ", actors)}");

    private int Take(int n, string about)
    {
        if (Position >= values.Count) throw new ReplayDepartureException($"the record ends after {values.Count} choices, but a choice of {n} is asked for ({about})");
        var value = values[Position];
        if ((uint)value >= (uint)n) throw new ReplayDepartureException($"choice {Position} is {value} in the record, but asked for is one of {n} ({about})");
        Position++;
        return value;
    }
}
