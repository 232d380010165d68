using System.CommandLine;
using Verify.Chaos.Commands;

var root = new RootCommand("""
    verify-chaos: plays scenarios against clusters of verify-node, in simulation and against real processes and servers,
    judges what clients saw, and writes a report.
    Exit codes: 0 valid, 1 a property was violated, 2 unknown, 3 the harness or the machine failed.
    """)
{
    RunCommand.Create(),
    ReplayCommand.Create(),
    ReportCommand.Create(),
    ScenariosCommand.Create(),
    BenchCommand.Create(),
    DeterminismCommand.Create(),
    LiveCommand.Create(),
    FuzzCommand.Create(),
    MutantsCommand.Create(),
    SwarmCommand.Create(),
};
var result = root.Parse(args);
if (result.Errors.Count > 0)
{
    foreach (var error in result.Errors) Console.Error.WriteLine($"verify-chaos: {error.Message}");
    Console.Error.WriteLine("See verify-chaos --help, or --help of the command.");
    return ProgramErrors.HarnessFailed;
}

return await result.InvokeAsync();
