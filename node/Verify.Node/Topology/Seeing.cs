using System.Collections.Immutable;
using Verify.MySql;
using Verify.MySql.Gtid;
using Verify.Node.Failures;
using Verify.Node.Loop;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Node.Topology;

/// <summary>Puts together what is known of a cluster's servers: this node's own eyes, and what the others told. Reads only.</summary>
internal sealed class Seeing(INodeServices services, TopologyModel model)
{
    /// <summary>Errors of the client library that mean "the source is not reached" (errmsg of MySQL 8 and MariaDB 10: 1129, 1130, 1040, 2002–2013, 2026).</summary>
    private static bool IsConnectError(int code) => code is 1040 or 1129 or 1130 or 1158 or 1159 or 1160 or 1161 or 2002 or 2003 or 2005 or 2006 or 2012 or 2013 or 2026;

    public SeenCluster Of(LiveCluster spec)
    {
        var primary = services.Ha.Primary(spec.Alias);
        var ageMax = services.Config.Timing.ObservationAgeMax;
        InstanceKey[] keys = [.. spec.Instances.Select(static i => i.Key)];
        var members = model.Sights(services.Now, services.Raft.Membership, keys).Select(static m => (m.Node, Sights: m.Instances.ToDictionary(static i => i.Key))).ToArray();
        var servers = ImmutableArray.CreateBuilder<SeenServer>(keys.Length);
        foreach (var instance in spec.Instances)
        {
            var sights = Array.ConvertAll(members, m => (m.Node, Sight: m.Sights.GetValueOrDefault(instance.Key)));
            ImmutableArray<Vote> votes = [.. sights.Select(s => FailureAnalysis.VoteOf(s.Node, s.Sight, ageMax))];
            servers.Add(Of(instance, votes, Newest(sights.Select(static s => s.Sight), ageMax), isPrimary: instance.Key == primary));
        }

        return new(spec.Alias, primary, servers.MoveToImmutable());
    }

    private SeenServer Of(Instance instance, ImmutableArray<Vote> votes, InstanceSight? newest, bool isPrimary)
    {
        var view = model.View(instance.Key);
        var down = votes.Count(static v => v.Kind == VoteKind.Down);
        var fresh = votes.Count(static v => v.Kind != VoteKind.Stale);
        var isDown = isPrimary ? down * 2 > votes.Length : down * 2 > fresh && down >= Math.Min(2, votes.Length);
        var errno = view.Replica?.LastIoErrno ?? 0;
        return new(instance.Key, instance.DataCenter)
        {
            Votes = votes, IsReached = !isDown, IsReachedPartly = newest is not null, Source = newest?.Source ?? view.Source,
            IoThread = newest?.IoThread, SqlThread = newest?.SqlThread ?? view.Replica?.SqlThread, IsFailingToConnect = newest?.IoThread == ThreadState.Connecting && IsConnectError(errno),
            LagSeconds = view.Look?.Detected.LagSeconds ?? newest?.LagSeconds ?? view.Replica?.SecondsBehind, DelaySeconds = view.Replica?.DelaySeconds ?? 0,
            UsesGtid = view.Replica?.UsesGtid ?? false, IsReadOnly = view.Facts?.IsReadOnly ?? false, Version = view.Version,
            HasBinlog = view.Facts?.HasBinlog ?? false, IsDowntimed = services.Policy.DowntimeOf(instance.Key) is not null, Errant = ErrantOf(view), Details = view.Look?.Details,
        };
    }

    private static InstanceSight? Newest(IEnumerable<InstanceSight?> sights, TimeSpan ageMax)
    {
        InstanceSight? newest = null;
        foreach (var sight in sights)
        {
            if (sight is { State: SightState.Up } && sight.Age <= ageMax && (newest is null || sight.Age < newest.Age)) newest = sight;
        }

        return newest;
    }

    /// <summary>What the server has and its source has not. Only what was read from the server before the source was asked can be compared:
    /// anything else may be on its way.</summary>
    public string ErrantOf(InstanceView view)
    {
        if (view.Source is not { } source || view.Facts is not { } facts) return "";
        var above = model.View(source);
        if (above.Facts is not { } atSource || atSource.Flavor != facts.Flavor) return "";
        var then = view.FactsAt <= above.FactsAskedAt ? facts : view.FactsBefore is { } before && view.FactsBeforeAt <= above.FactsAskedAt ? before : null;
        if (then is null) return "";
        var errant = then.Executed.Except(atSource.Executed);

        // Of co-primaries each has written what the other has not read yet.
        return errant.IsEmpty || above.Source == view.Key ? "" : errant.ToString();
    }
}
