using System.Diagnostics;
using Verify.Node.State;
using Verify.Node.State.Catalogue;
using Verify.Raft;

namespace Verify.Node.Api.Catalogue;

/// <summary>Answers what concerns services: changes as leader through the log, questions from what this node has applied. Lives on the
/// loop.</summary>
/// <param name="enter">The leader's way into the log.</param>
internal sealed class CatalogueDesk(ApiParts parts, LeaderClock clock, Action<Command, Question> enter)
{
    private readonly ServicePicks _picks = new(parts.Dice.Fork("service picks"));
    private readonly ServiceWaits _waits = new(parts);

    private CatalogueState State => parts.State.Catalogue;

    /// <summary>True: it was a request of this kind, and is taken care of.</summary>
    public bool Leads(ApiRequest request, Question question)
    {
        if (!CatalogueApiCodec.Knows(request)) return false;
        switch (CommandOf(request))
        {
            case (null, var answer):
                question.Answer(answer!);
                break;
            case (var command, _):
                enter(new Command.Catalogue(command!, clock.Now, IdOf(request)), question);
                break;
        }

        return true;
    }

    /// <summary>True: it was a request of this kind, and is taken care of.</summary>
    public bool Waits(ApiRequest request, Question question)
    {
        if (request is not ApiRequest.AwaitServices wait) return false;
        _waits.Ask(question, wait);
        return true;
    }

    /// <summary>An entry was applied, or the state was replaced.</summary>
    public void Look() => _waits.Look();

    public void Tick(TimeSpan now) => _waits.Tick(now);

    /// <summary>Answers a read from the state as it is.</summary>
    public ApiReply Read(ApiRequest request, TimeSpan? age) => request switch
    {
        ApiRequest.QueryServices(var query, _) => Answer([.. Matching(query)], query.Name, age),
        ApiRequest.PickService(var query, var strategy, _) => Pick(query, strategy ?? State.Strategy, age),
        _ => throw new UnreachableException(),
    };

    private ApiReply Pick(ServiceQuery query, PickStrategy strategy, TimeSpan? age)
    {
        var candidates = Matching(query with { AtWorst = query.AtWorst ?? CheckStatus.Passing }).ToArray();
        var turn = query.Name ?? string.Join('\n', query.Tags.Concat(query.Meta.Select(static pair => $"{pair.Key}={pair.Value}")));
        return Answer(candidates.Length == 0 ? [] : [_picks.Pick(candidates, strategy, turn)], query.Name, age) with { Strategy = strategy };
    }

    private IEnumerable<ServiceInstance> Matching(ServiceQuery query) =>
        (query.InstanceId is { } id ? State.Get(id) is { } one ? [one] : [] : query.Name is { } name ? State.Of(query.NameIgnoresCase ? State.Spelling(name) : name) : State.All).Where(query.Takes)
#if VERIFY_MUTANTS
            .Where(instance => !Mutant.Is("M71", deviates: instance.DeadlineMs - parts.State.Time.NowMs < parts.NowMs - parts.State.Time.WallMs))
#endif
            ;

    private ApiReply.Services Answer(IReadOnlyList<ServiceInstance> instances, string? name, TimeSpan? age) => new(
        instances, name is null ? State.Index : State.IndexOf(name), parts.State.Applied.Index.Value, State.Strategy,
        parts.State.Time.NowMs, parts.State.Time.WallMs) { Age = age };

    /// <summary>What the log is to be told; or, where nothing needs to be done or nothing can be, the answer.</summary>
    private (CatalogueCommand? Command, ApiReply? Answer) CommandOf(ApiRequest request)
    {
        switch (request)
        {
            case ApiRequest.RegisterService(var spec, _, _) when State.Get(spec.Id) is null && State.Count >= CatalogueLimits.InstancesMax:
                return (null, new ApiReply.Refused($"{CatalogueLimits.InstancesMax} instances are registered already: deregister some"));
            case ApiRequest.RegisterService(var spec, var expected, _):
                return (new CatalogueCommand.Register(spec, expected), null);
            case ApiRequest.DeregisterService(var name, var instance, var expected, _):
                return (new CatalogueCommand.Deregister(name, instance, expected), null);
            case ApiRequest.ServiceHeartbeat beat:
                return Meant(beat.Name, beat.InstanceId) switch
                {
                    (null, var answer) => (null, answer),
#if VERIFY_MUTANTS
                    _ when Mutant.Is("M70", deviates: true) => (null, new ApiReply.Done(parts.State.Applied.Index.Value)),
#endif
                    (var id, _) => (new CatalogueCommand.Heartbeat(id, beat.Connections), null),
                };
            case ApiRequest.ReportCheck report:
                return Report(report);
            case ApiRequest.SetCheck(var id, var check):
                if (State.Get(id) is not { } target) return (null, NotFound);
                if (target.Checks.Length >= CatalogueLimits.ChecksMax && target.Checks.All(c => c.Spec.Id != check.Id))
                    return (null, new ApiReply.Refused($"instance {id} has {CatalogueLimits.ChecksMax} checks already"));
                return (new CatalogueCommand.SetCheck(id, check), null);
            case ApiRequest.RemoveCheck(var id, var check):
                return CheckMeant(id, check) switch
                {
                    (null, var answer) => (null, answer),
                    (var found, _) => (new CatalogueCommand.RemoveCheck(found.Value.Instance.Id, check), null),
                };
            case ApiRequest.SetPickStrategy(var strategy):
                return (new CatalogueCommand.SetStrategy(strategy), null);
            case ApiRequest.ImportServices(var instances, var replaces, _):
                return (new CatalogueCommand.Import([.. instances], replaces), null);
            default:
                throw new UnreachableException();
        }
    }

    private (CatalogueCommand?, ApiReply?) Report(ApiRequest.ReportCheck report)
    {
        var (found, answer) = CheckMeant(report.InstanceId, report.CheckId);
        if (found is not var (instance, check)) return (null, answer);
        if (check.Spec.IsActive != report.By is not null)
            return (null, new ApiReply.Refused($"check {report.CheckId} is no TTL check: node {instance.Spec.Node} finds out how it is"));
        return (new CatalogueCommand.Report(instance.Id, report.CheckId, report.Status, report.Output, report.By, report.DefinedIndex), null);
    }

    private ApiReply.NotFound NotFound => new(parts.State.Applied.Index.Value);

    private (string? Id, ApiReply? Answer) Meant(string? name, string? id)
    {
        if (id is not null) return State.Get(id) is { } given && (name is null || given.Name == name) ? (id, null) : (null, NotFound);
        if (State.Get(name!) is { } own && own.Name == name) return (own.Id, null);
        var ids = State.Of(name!).Select(static instance => instance.Id).Take(4).ToArray();
        return ids.Length switch
        {
            0 => (null, NotFound),
            1 => (ids[0], null),
            _ => (null, new ApiReply.Refused($"{name} has several instances ({string.Join(", ", ids)}…): say which with ?id=")),
        };
    }

    private ((ServiceInstance Instance, ServiceCheck Check)? Found, ApiReply? Answer) CheckMeant(string? instance, string check)
    {
        var candidates = instance is null ? State.All : State.Get(instance) is { } one ? [one] : [];
        var found = candidates.SelectMany(i => i.Checks.Where(c => c.Spec.Id == check).Select(c => (Instance: i, Check: c))).Take(2).ToArray();
        return found.Length switch
        {
            0 => (null, NotFound),
            1 => (found[0], null),
            _ => (null, new ApiReply.Refused($"several instances have a check {check} ({found[0].Instance.Id}, {found[1].Instance.Id}): give it an id of its own, or name the instance")),
        };
    }

    private static RequestId? IdOf(ApiRequest request) => request switch
    {
        ApiRequest.RegisterService register => register.Id,
        ApiRequest.DeregisterService deregister => deregister.Id,
        ApiRequest.ImportServices import => import.Id,
        _ => null,
    };
}
