using System.Collections.Immutable;
using Verify.MySql;
using Verify.Node.Loop;
using Verify.Node.State.Ledger;
using Verify.Node.Topology;

namespace Verify.Node.Recovery;

/// <summary>The last step of a recovery: every server that lost its source is pointed at one that has all its transactions, or is named as lost
/// with the reason.</summary>
internal sealed class Repointing(INodeServices services, TopologyModel model, LoopTurn turn, RecoveryServers servers, ReplicaAttachment attachment)
{
    /// <summary>A replica that is let in fetches within milliseconds.</summary>
    private static readonly TimeSpan FetchLimit = TimeSpan.FromSeconds(3);

    public async ValueTask<StepResult> RunAsync(RecoveryRecord recovery, Func<bool> mayGoOn)
    {
        var moves = new List<Task<string>>();
        foreach (var instance in Movers(recovery)) moves.Add(OneAsync(instance, PlacesFor(instance, recovery), mayGoOn));
        await Task.WhenAll(moves);
        await servers.HangUpAsync();
        var told = moves.Select(r => r.Result).Concat(Carried(recovery)).ToImmutableArray();
        return new(Succeeded: true, told.IsEmpty ? "no other replicas" : string.Join("; ", told));
    }

    private IEnumerable<Instance> Movers(RecoveryRecord recovery)
    {
        if (!RecoveryPlan.ReplacesPrimary(recovery.Kind)) return servers.Others(recovery).Where(i => model.View(i.Key).Source == recovery.Failed && i.Key != PrimaryOf(recovery));
        var old = recovery.Kind == RecoveryKind.GracefulTakeover ? servers.Of(recovery, recovery.Failed) : null;
        var others = servers.Concerned(recovery).Where(i => i.Key != recovery.Successor);
        return old is null ? others : others.Append(old);
    }

    private IEnumerable<string> Carried(RecoveryRecord recovery)
    {
        if (!RecoveryPlan.ReplacesPrimary(recovery.Kind)) return [];
        var moved = servers.Concerned(recovery).Select(i => i.Key).ToImmutableArray();
        return servers.Others(recovery).Where(i => !moved.Contains(i.Key) && i.Key != recovery.Successor)
            .Select(i => $"{i.Key} stays below {model.View(i.Key).Source}");
    }

    /// <summary>Where it may go, the best place first. Below a new primary there is one. Children of a dead intermediate primary go to a
    /// sibling of that in their own data centre, so that the line between the data centres carries the stream once; the
    /// primary, which has everything, takes whom no sibling can.</summary>
    private ImmutableArray<InstanceKey> PlacesFor(Instance instance, RecoveryRecord recovery)
    {
        if (RecoveryPlan.ReplacesPrimary(recovery.Kind)) return [recovery.Successor!.Value];
        var primary = PrimaryOf(recovery);
        if (model.View(primary).DataCenter == instance.DataCenter) return [primary];
        var siblings = servers.Others(recovery)
            .Where(i => i.Key != instance.Key && i.DataCenter == instance.DataCenter && services.Policy.MaintenanceOf(i.Key) is null)
            .Where(i => model.View(i.Key) is { IsAnswering: true, Replica: { IoThread: not MySql.ThreadState.Stopped, SqlThread: not MySql.ThreadState.Stopped } } view
                && view.Source == primary)
            .Select(i => i.Key).Order();
        return [.. siblings, primary];
    }

    private async Task<string> OneAsync(Instance instance, ImmutableArray<InstanceKey> places, Func<bool> mayGoOn)
    {
        if (!servers.IsAnswering(instance.Key)) return RepointDetail.Lost(instance.Key, "not reachable");
        var why = "";
        foreach (var place in places)
        {
            // Each its own session with the source: one statement at a time per session.
            var source = servers.AnotherLink(place);
            var ended = await attachment.AttachAsync(servers.Link(instance.Key), instance.DataCenter, source, mayGoOn);
            await source.HangUpAsync();
            switch (ended)
            {
                case Attached.Following:
                    if (await WhyNotFetchingAsync(instance.Key) is not { } silent) return $"{instance.Key} follows {place}";
                    why = RepointDetail.Lost(instance.Key, $"was pointed at {place}, and {silent}");
                    break;
                case Attached.Errant e:
                    why = RepointDetail.LeftAlone(instance.Key, $"it has {e.Gtids}");
                    break;
                case Attached.Failed f:
                    why = RepointDetail.Lost(instance.Key, f.Why);
                    break;
                default:
                    throw new System.Diagnostics.UnreachableException();
            }
        }

        return why;
    }

    /// <summary>START REPLICA says nothing about whether the source lets it in, has what it needs, or is reached at all: it is asked until it fetches.
    /// One that is stopped by an error, or does not fetch within the limit, is named with the server's own words; it goes on trying by itself.</summary>
    private async ValueTask<string?> WhyNotFetchingAsync(InstanceKey replica)
    {
        var began = services.Now;
        while (true)
        {
            try
            {
                if (await servers.Link(replica).ReadReplicaStatusAsync(servers.Limit) is not { } status) return "is no replica any more";
                if (status.IoThread == MySql.ThreadState.Running) return null;
                var words = status.LastIoErrno != 0 ? status.LastIoError : "gave no reason";
                if (status.IoThread == MySql.ThreadState.Stopped && status.LastIoErrno != 0) return $"stopped: {words}";
                if (services.Now - began > FetchLimit) return $"does not fetch after {FetchLimit.TotalSeconds:0} s: {words}";
            }
            catch (Exception e) when (e is MySqlException or IOException or FormatException)
            {
                return $"could not be asked whether it fetches: {e.Message}";
            }

            await turn.Pause(services.Config.Timing.Tick);
        }
    }

    private InstanceKey PrimaryOf(RecoveryRecord recovery) => services.Ha.Cluster(recovery.Cluster)!.Primary;
}

/// <summary>How the last step's outcome names servers that did not come along: written here, read where recoveries are shown.</summary>
internal static class RepointDetail
{
    private const string LostWord = " lost: ", LeftWord = " left alone: ";

    public static string Lost(InstanceKey instance, string why) => $"{instance}{LostWord}{Clean(why)}";

    public static string LeftAlone(InstanceKey instance, string why) => $"{instance}{LeftWord}{Clean(why)}";

    /// <summary>The servers that a recovery lost, each with the reason.</summary>
    public static ImmutableArray<(string Instance, string Why)> LostIn(RecoveryRecord recovery)
    {
        var detail = recovery.Steps.LastOrDefault(s => s.Step == RecoveryStep.RepointReplicas)?.Detail ?? "";
        var lost = ImmutableArray.CreateBuilder<(string, string)>();
        foreach (var part in detail.Split("; ", StringSplitOptions.RemoveEmptyEntries))
        {
            var word = part.Contains(LostWord, StringComparison.Ordinal) ? LostWord : LeftWord;
            var at = part.IndexOf(word, StringComparison.Ordinal);
            if (at > 0) lost.Add((part[..at], part[(at + word.Length)..]));
        }

        return lost.ToImmutable();
    }

    private static string Clean(string why) => why.Replace("; ", ", ", StringComparison.Ordinal);
}
