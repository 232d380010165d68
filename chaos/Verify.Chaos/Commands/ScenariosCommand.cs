using System.CommandLine;
using Verify.Chaos.Running;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos scenarios: the library, each file checked.</summary>
internal static class ScenariosCommand
{
    public static Command Create()
    {
        var command = new Command("scenarios", "Lists the scenarios of the library and the regressions, and checks each file. Exit code 3 when one is wrong.");
        command.SetAction((_, _) => ProgramErrors.GuardAsync(() =>
        {
            var wrong = 0;
            foreach (var name in ScenarioFiles.Names())
            {
                try
                {
                    var (scenario, _) = ScenarioFiles.Read(name);
                    Console.WriteLine($"{scenario.Name,-24} {scenario.Story}");
                }
                catch (HarnessException e)
                {
                    wrong++;
                    Console.Error.WriteLine(e.Message);
                }
            }

            return Task.FromResult(wrong == 0 ? 0 : ProgramErrors.HarnessFailed);
        }));
        return command;
    }
}
