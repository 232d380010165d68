namespace Verify.Sim.Exhaustive;

/// <summary>How much may happen in an exploration of everything that can happen: small numbers, because each multiplies the states.</summary>
public sealed record ExhaustiveBounds
{
    public const int NodesMax = 5;
    public const int TermsMax = 7;
    public const int LogMax = 8;
    private const int CountMax = 15;

    public int Nodes { get; init; } = 3;

    /// <summary>No election timer fires at a node that is in this term.</summary>
    public int Terms { get; init; } = 2;

    /// <summary>Commands that leaders are asked to append, in the whole group together.</summary>
    public int Proposals { get; init; } = 2;

    /// <summary>A node stops and starts again from its disk.</summary>
    public int Crashes { get; init; } = 1;

    /// <summary>Election timers that fire; at a leader: the check that finds no quorum.</summary>
    public int Timeouts { get; init; } = 2;
    public int Heartbeats { get; init; }

    /// <summary>False: what has been sent can arrive at any time, never, or many times, so that no message is ever taken from the network (as
    /// in most TLA+ specifications of consensus); every loss, repetition and order is in it, and there are far fewer states. True: each
    /// message arrives once, but for so many duplicates and drops.</summary>
    public bool CountsMessages { get; init; }

    /// <summary>A message is delivered and stays under way. Only when messages are counted.</summary>
    public int Duplicates { get; init; }

    /// <summary>A message is lost. Only when messages are counted; a late message may never arrive, so this shows no other faults.</summary>
    public int Drops { get; init; }

    /// <summary>Entries in one Append message.</summary>
    public int AppendEntries { get; init; } = 1024;

    /// <summary>States that differ only in the names of nodes count as one (Clarke, Enders, Filkorn and Jha, "Exploiting symmetry in
    /// temporal logic model checking", 1996).</summary>
    public bool UsesSymmetry { get; init; } = true;

    /// <summary>What changes no node and says nothing is not gone into: the state after it has one message, or one allowance, less than
    /// the state before and can do nothing that the other cannot.</summary>
    public bool SkipsIdleSteps { get; init; } = true;

    /// <summary>Messages of which nothing can come any more are forgotten (see Fate): far fewer states, and the same nodes in them. Only without counting.</summary>
    public bool ForgetsDeadMessages { get; init; } = true;

    /// <summary>Counts also what there is of nodes, past and allowances whatever is under way: what a reduction of messages must not change.</summary>
    public bool CountsPictures { get; init; }

    /// <exception cref="ImpossibleBoundException">A bound that the exploration has no room for; the message says which.</exception>
    public void Validate()
    {
        Require(Nodes is >= 1 and <= NodesMax, $"nodes: 1 to {NodesMax}");
        Require(Terms is >= 1 and <= TermsMax, $"terms: 1 to {TermsMax}");
        foreach (var (name, count) in new[]
        {
            ("proposals", Proposals), ("crashes", Crashes), ("timeouts", Timeouts), ("heartbeats", Heartbeats), ("duplicates", Duplicates), ("drops", Drops),
        })
            Require(count is >= 0 and <= CountMax, $"{name}: 0 to {CountMax}");
        Require(Terms + Proposals <= LogMax, $"terms and proposals together: at most {LogMax}, the entries of the longest log (each leader appends a barrier)");
        Require(CountsMessages || Duplicates + Drops == 0, "duplicates and drops are numbers only when messages are counted; otherwise any number is explored");
        Require(AppendEntries >= 1, "entries of an append: at least 1");
    }

    public string Describe() =>
        FormattableString.Invariant($"{Nodes} nodes, {Terms} terms, {Proposals} proposals, {Crashes} crashes, {Timeouts} timeouts, {Heartbeats} heartbeats, ")
        + (CountsMessages ? FormattableString.Invariant($"{Duplicates} duplicates, {Drops} drops") : "any loss, repetition and order")
        + FormattableString.Invariant($"{(AppendEntries < LogMax ? FormattableString.Invariant($", {AppendEntries} entries per append") : "")}")
        + (UsesSymmetry ? "" : ", without symmetry") + (SkipsIdleSteps ? "" : ", with idle steps") + (ForgetsDeadMessages || CountsMessages ? "" : ", with dead messages");

    private static void Require(bool condition, string rule)
    {
        if (!condition) throw new ImpossibleBoundException(rule);
    }
}

/// <summary>A bound that an exploration has no room for; the message names the rule.</summary>
public sealed class ImpossibleBoundException(string rule) : Exception($"This bound is not possible: {rule}.");
