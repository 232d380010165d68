using Verify.Scenarios.Reading;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Verify.Scenarios;

/// <summary>Reads a scenario from YAML (scenarios/README.md). Goes on after an error and reports all of them, each with line and
/// column and with what is allowed there.</summary>
public static class ScenarioReader
{
    /// <exception cref="ScenarioException">Everything that is wrong.</exception>
    public static Scenario ReadFile(string path) => Read(File.ReadAllText(path), Path.GetFileName(path));

    /// <param name="file">Named in errors.</param>
    /// <exception cref="ScenarioException">Everything that is wrong.</exception>
    public static Scenario Read(string yaml, string file = "scenario")
    {
        var errors = new ErrorList(file);
        var scenario = Root(yaml, errors) is { } root ? Scenario(root, errors) : null;
        errors.ThrowIfAny();
        return scenario ?? throw new ScenarioException([new ScenarioError(file, 1, 1, "the file is empty")]);
    }

    private static YamlNode? Root(string yaml, ErrorList errors)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(yaml));
        }
        catch (YamlException wrong)
        {
            errors.Add(wrong.Start, $"this is not YAML: {wrong.Message}");
            return null;
        }

        if (stream.Documents.Count != 1)
        {
            errors.Add(Mark.Empty, "a file holds exactly one scenario");
            return null;
        }

        return stream.Documents[0].RootNode;
    }

    private static Scenario? Scenario(YamlNode root, ErrorList errors)
    {
        var map = MapReader.Of(root, "a scenario", errors, "name", "story", "fleet", "workload", "warmUp", "settle", "steps", "expect");
        if (map is null)
        {
            return null;
        }

        var fleet = FleetReader.Read(map.Require("fleet"), errors);
        var workload = WorkloadReader.Read(map.Require("workload"), fleet, errors);
        var whole = new Scenario
        {
            Name = map.Text("name") ?? "",
            Story = map.Text("story") ?? "",
            Fleet = fleet!,
            Workload = workload!,
            Steps = new StepReader(fleet, workload, errors).Read(map.Find("steps")),
            Expect = new ExpectationReader(fleet, workload, errors).Read(map.Require("expect")),
        };
        return whole with
        {
            WarmUp = map.Duration("warmUp", isRequired: false) ?? whole.WarmUp,
            Settle = map.Duration("settle", isRequired: false) ?? whole.Settle,
        };
    }
}
