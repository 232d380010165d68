using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Verify.Raft.Tests.Groups;

namespace Verify.Raft.Tests.Transcripts;

/// <summary>The commands of a transcript. One line each:
/// <code>
/// group 3 [entriesMax=…] [inflight=…]  start a new group: heartbeat every 2 ticks, election after 10
/// patience n1 4         n1 waits 4 ticks longer before elections
/// tick n1 10            n1's time passes
/// tick all 3            the time of all nodes passes, one tick after the other
/// work n1               n1 carries out its work: what it saves, sends, applies, answers
/// take n1 / sync n1     the two halves of it: the disk is slow
/// deliver n2 [2]        n2 receives what is under way to it (only the first 2)
/// lose n2 [2]           the same messages are lost instead
/// keep n2 [2]           the same messages are received, and are under way once more (duplicates)
/// late n2               the first message under way to n2 goes to the end of the queue
/// settle / quiet        everything works and is delivered until nothing is under way (quiet: without printing)
/// campaign n1           ticks until n1's patience ends, then quiet
/// propose n1 text / fill n1 100 / read n1 7 / transfer n1 n2
/// cut n1 … / cutway n1 n2 / heal / crash n1 / restart n1
/// status [n1] / log n1 / network / count
/// </code></summary>
internal sealed class TranscriptGroup
{
    private TestGroup _group = new(1);
    private StringBuilder _out = new();

    public string Run(string line)
    {
        _out = new StringBuilder();
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        try
        {
            Run(words);
        }
        catch (InvariantBrokenException broken)
        {
            Print(broken.Message);
        }
        return _out.Length == 0 ? "ok" : _out.ToString();
    }

    private void Run(string[] words)
    {
        switch (words[0])
        {
            case "group": Start(words); break;
            case "patience": _group.Patience[new NodeId(words[1])] = Number(words[2]); break;
            case "tick": Tick(words[1], words.Length > 2 ? Number(words[2]) : 1); break;
            case "work": Take(words[1]); Sync(words[1]); break;
            case "take": Take(words[1]); break;
            case "sync": Sync(words[1]); break;
            case "deliver": EachMessage(words, "", m => _group.Deliver(m)); break;
            case "lose": EachMessage(words, "lost: ", m => _group.Network.Remove(m)); break;
            case "keep": EachMessage(words, "", m => { _group.Deliver(m); _group.Network.Add(m); }); break;
            case "late": EachMessage([.. words, "1"], "late: ", m => { _group.Network.Remove(m); _group.Network.Add(m); }); break;
            case "settle": Settle(); break;
            case "quiet": _group.Settle(); break;
            case "campaign": _group.Tick(words[1], 10 + _group.Patience[new NodeId(words[1])]); _group.Settle(); break;
            case "cut": _group.Cut(words[1..]); break;
            case "cutway": _group.Cuts.Add((new NodeId(words[1]), new NodeId(words[2]))); break;
            case "heal": _group.Heal(); break;
            case "crash": _group[words[1]].Crash(); break;
            case "restart": _group[words[1]].Restart(); break;
            default: Ask(words); break;
        }
    }

    private void Ask(string[] words)
    {
        switch (words[0])
        {
            case "propose": Propose(words[1], string.Join(' ', words[2..])); break;
            case "fill": for (var i = 0; i < Number(words[2]); i++) _group.Propose(words[1], "x"); break;
            case "read": _group[words[1]].Core.RequestRead(new ReadTicket(Number(words[2]))); break;
            case "transfer": Print(_group[words[1]].Core.TransferLeadership(new NodeId(words[2])) ? "begun" : "refused"); break;
            case "join": Change(words[1], m => m.WithLearner(new NodeId(words[2]), Contact.Unknown)); break;
            case "promote": Change(words[1], m => m.WithVoter(new NodeId(words[2]))); break;
            case "demote": Change(words[1], m => m.Demoted(new NodeId(words[2]))); break;
            case "remove": Change(words[1], m => m.Without(new NodeId(words[2]))); break;
            case "voters": Change(words[1], m => m with { Voters = Ids(words[2..]), Learners = [.. m.Learners.Except(Ids(words[2..]))] }); break;
            case "snapshot": _group.Snapshot(words[1]); break;
            case "freeze": _group[words[1]].FreezeSnapshot(); break;
            case "finish": _group[words[1]].FinishSnapshot(); break;
            case "lease": Print(_group[words[1]].Core.TryLeaseRead(out var at) ? $"granted at {at}" : "refused"); break;
            case "status": foreach (var n in Named(words)) Print(n.IsUp ? Words.Of(n.Core.Status) : $"{n.Id}  down"); break;
            case "log": Print($"disk {Words.Of([.. _group[words[1]].Disk])}"); break;
            case "network": foreach (var m in _group.Network) Print(Words.Of(m)); break;
            case "count": Print($"{_group.Delivered} messages delivered so far"); break;
            default: Assert.Fail($"no such command: {string.Join(' ', words)}"); break;
        }
    }

    private static ImmutableArray<NodeId> Ids(string[] names) => [.. names.Select(name => new NodeId(name)).Order()];

    private IEnumerable<TestNode> Named(string[] words) => words.Length > 1 ? words[1..].Select(w => _group[w]) : _group.Nodes;

    private void Start(string[] words)
    {
        int Option(string name, int fallback)
        {
            var word = words.FirstOrDefault(w => w.StartsWith(name + "=", StringComparison.Ordinal));
            return word is null ? fallback : Number(word[(name.Length + 1)..]);
        }

        _group = new TestGroup(Number(words[1]), (_, options) => options with
        {
            AppendEntriesMax = Option("entriesMax", options.AppendEntriesMax),
            InflightMax = Option("inflight", options.InflightMax),
            UncommittedEntriesMax = Option("uncommitted", options.UncommittedEntriesMax),
            TrailingEntries = Option("trailing", options.TrailingEntries),
        }, waiting: Option("waiting", 0));
    }

    private void Tick(string name, int ticks)
    {
        for (var i = 0; i < ticks; i++)
        {
            foreach (var node in _group.Nodes.Where(n => n.IsUp && (name is "all" || n.Id == new NodeId(name)))) node.Core.Tick();
            if (name is "all") _group.Settle();
        }
    }

    private void Take(string name)
    {
        var node = _group[name];
        while (node.TakeWork(_group.Send) is { } work) Print(Words.Of(node.Id, work));
    }

    private void Sync(string name)
    {
        var node = _group[name];
        while (node.HasUnsynced)
        {
            node.SyncAll(_group.Send);
            // What the disk's answer made possible (a commit) is part of the same command.
            Take(name);
        }
    }

    private void EachMessage(string[] words, string prefix, Action<Envelope> act)
    {
        var to = new NodeId(words[1]);
        var messages = _group.Network.Where(m => m.To == to).ToArray();
        if (words.Length > 2) messages = messages[..Math.Min(messages.Length, Number(words[2]))];
        foreach (var message in messages)
        {
            Print(prefix + Words.Of(message));
            act(message);
        }
    }

    private void Settle()
    {
        for (var steps = 0; ; steps++)
        {
            Assert.That(steps, Is.LessThan(10_000), "a group that is left alone comes to rest");
            var before = _out.Length;
            foreach (var node in _group.Nodes)
            {
                Take(node.Id.Name);
                Sync(node.Id.Name);
            }
            foreach (var message in _group.Network.ToArray())
            {
                Print(Words.Of(message));
                _group.Deliver(message);
            }
            if (_out.Length == before) return;
        }
    }

    private void Propose(string name, string text) => Print(_group[name].Core.Propose(Encoding.UTF8.GetBytes(text)));

    private void Change(string name, Func<Membership, Membership> change)
    {
        var core = _group[name].Core;
        Print(core.ChangeMembership(change(core.Membership)));
    }

    private void Print(ProposeResult result)
    {
        Print(result switch
        {
            ProposeResult.Accepted accepted => $"accepted as {accepted.Id}",
            ProposeResult.NotLeader refusal => $"not the leader; that is {refusal.Leader?.Name ?? "unknown"}",
            ProposeResult.Overloaded refusal => $"overloaded: {refusal.Reason}",
            ProposeResult.Refused refusal => $"refused: {refusal.Reason}",
            _ => throw new System.Diagnostics.UnreachableException(),
        });
    }

    private void Print(string text) => _out.Append(text.TrimEnd('\n')).Append('\n');

    private static int Number(string word) => int.Parse(word, CultureInfo.InvariantCulture);
}
