using Verify.Chaos.Running;
using Verify.Chaos.Commands;
using YamlDotNet.RepresentationModel;

namespace Verify.Chaos.Tests.Exploring;

/// <summary>The manifest for Kubernetes fits the program that it starts.</summary>
public sealed class ExploreJobTests
{
    [Test]
    public void The_indexed_job_uses_options_that_the_program_has_and_as_many_shards_as_it_has_pods()
    {
        var file = Path.Combine(Machine.CheckoutRoot()!, "chaos", "kubernetes", "explore-job.yaml");
        var yaml = new YamlStream();
        using (var reader = new StreamReader(file)) yaml.Load(reader);
        var job = yaml.Documents.Single().RootNode;
        Assert.That(((string?)job["kind"], (string?)job["apiVersion"], (string?)job["spec"]["completionMode"]), Is.EqualTo(("Job", "batch/v1", "Indexed")));
        var container = job["spec"]["template"]["spec"]["containers"][0];
        var args = ((YamlSequenceNode)container["args"]).Select(a => ((YamlScalarNode)a).Value!).ToArray();
        Assert.That(args[0], Is.EqualTo("explore"));
        var completions = (string)job["spec"]["completions"]!;
        Assert.That(args, Does.Contain($"--shard=$(JOB_COMPLETION_INDEX)/{completions}"));
        Assert.That((string?)container["env"][0]["name"], Is.EqualTo("JOB_COMPLETION_INDEX"));

        var played = args[1..].Select(a => a.Replace("$(JOB_COMPLETION_INDEX)", "7", StringComparison.Ordinal)).ToArray();
        Assert.That(ExploreCommand.Create().Parse(played).Errors, Is.Empty);
        Assert.That(ExploreCommand.Create().Parse([.. played, "--no-such-option"]).Errors, Is.Not.Empty);
        Assert.That(Verify.Chaos.Exploring.Shard.Parse($"7/{completions}").Count, Is.EqualTo(8));
    }
}
