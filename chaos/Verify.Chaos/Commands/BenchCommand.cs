using System.CommandLine;
namespace Verify.Chaos.Commands;
internal static class BenchCommand { public static Command Create() => new("bench", "wip"); }
