using System.CommandLine;
namespace Verify.Chaos.Commands;
internal static class MutantsCommand { public static Command Create() => new("mutants", "wip"); }
