using System.CommandLine;
using Verify.Chaos.Live;
using Verify.Chaos.Running;
using Verify.MySql;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos run: one scenario, in one or both worlds, ending in a report.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var scenario = new Argument<string>("scenario") { Description = "A name of the library (dc-fencing, leader-kill, …) or the path of a YAML file." };
        var world = new Option<string>("--world") { Description = "sim, live or both.", DefaultValueFactory = _ => "both" };
        world.AcceptOnlyFromAmong("sim", "live", "both");
        var seeds = new Option<string>("--seeds") { Description = "Seeds of the simulated runs: 7, 1..100 or 1..50,99.", DefaultValueFactory = _ => "1..100" };
        var jobs = new Option<int>("--jobs") { Description = "Simulated runs side by side.", DefaultValueFactory = _ => Environment.ProcessorCount };
        var flavor = new Option<string>("--flavor") { Description = "mysql or mariadb.", DefaultValueFactory = _ => "mysql" };
        flavor.AcceptOnlyFromAmong("mysql", "mariadb");
        var noInstall = new Option<bool>("--no-install") { Description = "Fetch nothing: use the servers that this machine has." };
        var toxiproxy = new Option<string?>("--toxiproxy") { Description = "URL of a Toxiproxy server on this machine (default: the built-in one)." };
        var noFencing = new Option<bool>("--no-fencing") { Description = "Test only: switch the nodes' fencing off. The run must end INVALID; a harness that cannot fail proves nothing." };
        var hooks = new Option<bool>("--hooks") { Description = "Live: the nodes run a script around every recovery; what it was told is kept in live/nodes/NODE.hooks.txt." };
        var twice = new Option<bool>("--twice") { Description = "Run every simulated seed twice and compare the hashes." };
        var outDirectory = new Option<string>("--out") { Description = "Where runs are kept.", DefaultValueFactory = _ => "artifacts" };
        var json = new Option<bool>("--json") { Description = "Print the record of the run as JSON on standard output; everything for people goes to standard error." };
        var command = new Command("run", """
            Runs a scenario in simulation, live, or both, judges it and writes a report.
            Examples:
              verify-chaos run dc-fencing --world both
              verify-chaos run leader-kill --world sim --seeds 1..1000
              verify-chaos run dc-fencing --world live --flavor mariadb
            Exit codes: 0 valid, 1 a property was violated, 2 unknown, 3 the harness or the machine failed.
            """)
        { scenario, world, seeds, jobs, flavor, noInstall, toxiproxy, noFencing, hooks, twice, outDirectory, json };
        command.SetAction((parse, cancel) => ProgramErrors.GuardAsync(async () =>
        {
            var (read, text) = ScenarioFiles.Read(parse.GetValue(scenario)!);
            var options = new SuiteOptions
            {
                Scenario = read,
                ScenarioText = text,
                ScenarioArgument = parse.GetValue(scenario)!,
                Simulated = parse.GetValue(world) is "sim" or "both",
                Live = parse.GetValue(world) is "live" or "both",
                Seeds = SeedRange.Parse(parse.GetValue(seeds)!),
                Jobs = Math.Max(1, parse.GetValue(jobs)),
                FencingOff = parse.GetValue(noFencing),
                Twice = parse.GetValue(twice),
                OutDirectory = parse.GetValue(outDirectory)!,
                Json = parse.GetValue(json),
                LiveOptions = new LiveOptions
                {
                    Flavor = parse.GetValue(flavor) == "mariadb" ? Flavor.MariaDb : Flavor.MySql,
                    MayInstall = !parse.GetValue(noInstall),
                    ToxiproxyUrl = parse.GetValue(toxiproxy) is { } url ? new Uri(url) : null,
                    FencingOff = parse.GetValue(noFencing),
                    RunsHooks = parse.GetValue(hooks),
                },
            };
            return await new Suite(options).RunAsync(cancel);
        }));
        return command;
    }
}
