using Verify.Checks.Timelines;

namespace Verify.Checks;

/// <summary>So long after another primary was opened, no node tells an application or a proxy that the old one holds the lease: the view
/// that clients go by must not outlive the right to write (tarantool/cartridge#2342: routers of the isolated side kept their old leader).</summary>
public sealed class PrimaryNamedWithinCheck(TimeSpan bound) : ICheck
{
    public string Name => "primaryNamedWithin";

    public Finding Judge(RunFacts facts)
    {
        var opened = facts.Events.Where(e => e.Is(EventKinds.Opened)).Select(e => (e.AtUs, Server: facts.Server(e["instance"]))).ToArray();
        string? PrimaryAt(long atUs) => opened.LastOrDefault(o => o.AtUs <= atUs).Server;

        // Published, and about to be opened: a guardian takes the lease and arms the dead-man switch first.
        bool IsNext(string? server, long atUs) => opened.FirstOrDefault(o => o.AtUs > atUs) is { Server: not null } next && next.Server == server && next.AtUs <= atUs + bound.Us();

        // A node that was cut off hears at first what was sent to it before the cut, and cannot know how old that is; it has the bound to catch up.
        var back = facts.Events.Where(e => e.Is(EventKinds.QuorumSeen) && e.IsTrue("inQuorum")).ToLookup(e => e.Subject, e => e.AtUs, StringComparer.Ordinal);
        bool IsJustBack(RunEvent e) => back[e.Subject].Any(at => at <= e.AtUs && e.AtUs < at + bound.Us());

        var told = facts.Events.Where(e => e.Is(EventKinds.Told) && e["primary"].Length > 0).ToArray();
        var late = told.Where(e => opened.Any(o => o.AtUs < e.AtUs - bound.Us()) && PrimaryAt(e.AtUs) == PrimaryAt(e.AtUs - bound.Us())).ToArray();
        var wrong = late.Where(e => e.IsTrue("leased") && facts.Server(e["primary"]) != PrimaryAt(e.AtUs) && !IsNext(facts.Server(e["primary"]), e.AtUs) && !IsJustBack(e)).ToArray();
        var changes = opened.Zip(opened.Skip(1)).Count(pair => pair.First.Server != pair.Second.Server);
        var hasAsked = changes > 0 && late.Any(e => PrimaryAt(e.AtUs) != opened[0].Server);
        return new Finding(
            Name, wrong.Length > 0 ? Verdict.Invalid : !hasAsked ? Verdict.Unknown : Verdict.Valid,
            "no node says that an old primary holds the lease longer than the bound after another was opened, or after it came back to the quorum",
            changes == 0 ? "no other primary was opened" : $"{changes} changes of the primary; asked {late.Length} times after the bound, {wrong.Length} times the old one was named with a lease",
            Durations.Ms(bound))
        {
            AtUs = wrong.Select(e => e.AtUs).Take(100).ToArray(),
            Evidence = string.Join('\n', wrong.Take(20).Select(e => $"{OpText.Seconds(e.AtUs)}: {e.Subject} says that {e["primary"]} is the primary with a lease; {PrimaryAt(e.AtUs)} is")),
            Figures = Durations.Figures(("asked", late.Length), ("oldPrimaryNamed", wrong.Length)),
        };
    }
}
