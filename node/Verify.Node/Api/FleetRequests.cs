using Verify.Node.State;
using Verify.Node.State.Fleet;
using Verify.Node.Topology;

namespace Verify.Node.Api;

/// <summary>What operators ask of the leader about servers: to find and forget them, to name and tag them. Lives on the loop.</summary>
internal sealed class FleetRequests(ApiParts parts, Writes writes, LeaderClock clock)
{
    private const int NameCharsMax = 255;
    private const int ValueCharsMax = 4_000;

    /// <summary>As leader.</summary>
    public void Change(FleetCommand command, Question question)
    {
        if (!parts.LeadsSettled)
        {
            question.Answer(new ApiReply.Overloaded("this leader has just begun", parts.RetryAfter));
            return;
        }

        if (Objection(command) is { } objection)
        {
            question.Answer(new ApiReply.Refused(objection));
            return;
        }

        var stamped = command is FleetCommand.Forget forget
            ? forget with { AgainAfterMs = (long)parts.Config.Discovery.ForgottenFor.TotalMilliseconds, Stamp = clock.Now } : command;
        var refusal = writes.Enter(new Command.Fleet(stamped), new Proposer(null, result => question.Answer(OperatorReplies.Of(result, parts.State.Applied.Index))));
        if (refusal is not null) question.Answer(refusal);
    }

    private string? Objection(FleetCommand command) => command switch
    {
        FleetCommand.Forget(var instance, _, _) when IsConfigured(instance) => $"{instance} stands in the configuration (MySQLClusters): take it out there, on every node",
        FleetCommand.ForgetCluster(var cluster) when HasConfigured(cluster) => $"{cluster} stands in the configuration (MySQLClusters): take it out there, on every node",
        FleetCommand.Manage(var cluster, _) when HasConfigured(cluster) => $"{cluster} stands in the configuration (MySQLClusters), so it is managed",
        FleetCommand.SetAlias(var cluster, var alias) => !HasCluster(cluster) ? $"there is no cluster {cluster}" : Text(alias, "an alias", NameCharsMax) ?? TakenBy(cluster, alias),
        FleetCommand.Tag(var instance, var name, var value) => !IsKnown(instance) ? $"{instance} is not known"
            : name.Length == 0 ? "a tag has a name" : Text(name, "a tag's name", NameCharsMax) ?? Text(value, "a tag's value", ValueCharsMax),
        FleetCommand.Unresolve(_, var host) => Text(host, "a virtual name", NameCharsMax),
        FleetCommand.Learn => "what is found, the leader writes by itself",
        _ => null,
    };

    private bool IsConfigured(InstanceKey instance) => parts.Config.Clusters.Any(c => c.Instances.Any(i => i.Key == instance));
    private bool HasConfigured(string cluster) => parts.Config.Clusters.Any(c => Same(c.Alias, cluster));
    private bool HasCluster(string cluster) => HasConfigured(cluster) || parts.State.Fleet.Clusters.ContainsKey(cluster);
    private bool IsKnown(InstanceKey instance) => IsConfigured(instance) || parts.State.Fleet.Servers.ContainsKey(instance);

    private string? TakenBy(string cluster, string alias)
    {
        var other = parts.State.Fleet.Clusters.Values.FirstOrDefault(c => !Same(c.Name, cluster) && (Same(c.Alias, alias) || Same(c.Name, alias)))?.Name
            ?? parts.Config.Clusters.FirstOrDefault(c => !Same(c.Alias, cluster) && Same(c.Alias, alias))?.Alias;
        return alias.Length > 0 && other is not null ? $"{other} is called {alias} already" : null;
    }

    private static string? Text(string text, string what, int charsMax) => text.Length > charsMax ? $"{what} has at most {charsMax} characters" : null;
    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.Ordinal);
}
