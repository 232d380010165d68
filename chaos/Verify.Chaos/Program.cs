using System.CommandLine;
using Verify.Chaos.Commands;

var root = new RootCommand("""
    verify-chaos: plays scenarios against clusters of verify-node, in simulation and against real processes and servers,
    judges what clients saw, and writes a report.
    Exit codes: 0 valid, 1 a property was violated, 2 unknown, 3 the harness or the machine failed.
    A failure has a class (in the verdict and in run.json): crash, safety, liveness or nondeterminism with 1, harness with 2 or 3.
    """)
{
    RunCommand.Create(),
    CampaignCommand.Create(),
    ReplayCommand.Create(),
    ExplainCommand.Create(),
    ExportCommand.Create(),
    ShrinkCommand.Create(),
    DiffCommand.Create(),
    BugbaseCommand.Create(),
    ReportCommand.Create(),
    ScenariosCommand.Create(),
    BenchCommand.Create(),
    DeterminismCommand.Create(),
    LiveCommand.Create(),
    FuzzCommand.Create(),
    MutantsCommand.Create(),
    SwarmCommand.Create(),
    ExploreCommand.Create(),
    NightlyCommand.Create(),
    CompareCommand.Create(),
    MergeCommand.Create(),
    ToxiproxyCommand.Create(),
    CheckCommand.Create(),
    ExhaustiveCommand.Create(),
};
var result = root.Parse(args);
if (result.Errors.Count > 0)
{
    foreach (var error in result.Errors) Console.Error.WriteLine($"verify-chaos: {error.Message}");
    Console.Error.WriteLine("See verify-chaos --help, or --help of the command.");
    return ProgramErrors.HarnessFailed;
}

return await result.InvokeAsync();
