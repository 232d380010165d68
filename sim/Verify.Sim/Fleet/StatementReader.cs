using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Verify.MySql;

namespace Verify.Sim.Fleet;

/// <summary>What a client asked: a statement of the node's closed list, or one of the workload's. A closed list.</summary>
internal abstract record Request
{
    private Request() { }

    public sealed record OfNode(Statement Statement) : Request;
    public sealed record Write(RowChange Change) : Request;
    public sealed record ReadIds : Request;
}

/// <summary>Recognises the statements that we send, and nothing else: the texts without values are taken from the very records
/// that make them, so that a new or changed statement that the simulation does not know fails loudly (1064).</summary>
internal sealed class StatementReader
{
    private const string InsertHead = "INSERT INTO app.writes (id, client) VALUES (";
    private const string KillHead = "KILL ";
    private const string FeedHead = "UPDATE verify_guard.dead_man SET due_us = ";
    private readonly Dictionary<string, Request> _fixed = new(StringComparer.Ordinal);
    private readonly Flavor _flavor;
    private readonly string _waitHead;
    private readonly string _changeHead;
    private readonly string _word;

    public StatementReader(Flavor flavor)
    {
        _flavor = flavor;
        _waitHead = flavor == Flavor.MySql ? "SELECT WAIT_FOR_EXECUTED_GTID_SET(" : "SELECT MASTER_GTID_WAIT(";
        _changeHead = flavor == Flavor.MySql ? "CHANGE REPLICATION SOURCE TO " : "CHANGE MASTER TO ";
        _word = flavor == Flavor.MySql ? "SOURCE" : "MASTER";
        Statement[] withoutValues =
        [
            new Statement.ReadFacts(), new Statement.ReadReplicaStatus(), new Statement.ListSessions(), new Statement.ShowProcessList(), new Statement.ListIdleCoordinators(),
            new Statement.ReadVariables(), new Statement.ReadCounters(), new Statement.ListReplicas(), new Statement.ListDumps(), new Statement.ReadBinlogPosition(),
            new Statement.StartReplica(), new Statement.StartReplicaSqlThread(),
            new Statement.SetReadOnly(On: true), new Statement.SetReadOnly(On: false),
            new Statement.SetSemiSync(On: true), new Statement.SetSemiSync(On: false), new Statement.ReadPersistedReadOnly(), new Statement.PersistReadOnly(), new Statement.SetSemiSyncReplica(On: true), new Statement.SetSemiSyncReplica(On: false),
            new Statement.StopReplica(OnlyIoThread: true), new Statement.StopReplica(OnlyIoThread: false),
            new Statement.ResetReplicaAll(), new Statement.AdoptBinlogPosition(), new Statement.ReadBinlogState(),
            new Statement.SkipBinlog(), new Statement.LiftSuperReadOnly(), new Statement.EnableEvents(), new Statement.ReadDeadMan(), new Statement.ClearDeadMan(),
            .. Enum.GetValues<Statement.DeadManPart>().Select(static part => new Statement.InstallDeadMan(part)),
        ];
        foreach (var statement in withoutValues) _fixed.Add(statement.Sql(flavor).Text, new Request.OfNode(statement));
        _fixed.Add(WorkloadStatements.CreateSchema.Text, new Request.Write(new RowChange.CreateSchema()));
        _fixed.Add(WorkloadStatements.CreateTable.Text, new Request.Write(new RowChange.CreateTable()));
        _fixed.Add(WorkloadStatements.ReadIds.Text, new Request.ReadIds());
    }

    public bool TryRead(string text, [NotNullWhen(true)] out Request? request)
    {
        if (_fixed.TryGetValue(text, out request)) return true;
        request = ReadInsert(text) as Request ?? ReadKill(text) ?? ReadWait(text) ?? ReadFeed(text) ?? ReadPatience(text) ?? ReadChange(text) ?? ReadConfigured(text);
        return request is not null;
    }

    private static Request.Write? ReadInsert(string text)
    {
        var cursor = new Cursor(text);
        return cursor.Take(InsertHead) && cursor.Literal(out var id) && cursor.Take(", ") && cursor.Number(out var client) && cursor.Take(")") && cursor.IsAtEnd
            ? new(new RowChange.Insert(id, (int)client)) : null;
    }

    private static Request.OfNode? ReadKill(string text)
    {
        var cursor = new Cursor(text);
        return cursor.Take(KillHead) && cursor.Number(out var id) && cursor.IsAtEnd ? new(new Statement.KillSession(id)) : null;
    }

    /// <summary>Of the queries that operators write the model knows one kind: SELECT 'text'.</summary>
    private static Request.OfNode? ReadConfigured(string text)
    {
        var cursor = new Cursor(text);
        return cursor.Take("SELECT ") && cursor.Literal(out _) && cursor.IsAtEnd ? new(new Statement.AskConfigured(text)) : null;
    }

    private Request.OfNode? ReadWait(string text)
    {
        var cursor = new Cursor(text);
        return cursor.Take(_waitHead) && cursor.Literal(out var gtids) && cursor.Take(", ") && cursor.Number(out var seconds) && cursor.Take(") AS waited") && cursor.IsAtEnd
            ? new(new Statement.WaitForGtids(gtids, (int)seconds)) : null;
    }

    private Request.OfNode? ReadFeed(string text)
    {
        var cursor = new Cursor(text);
        if (!(cursor.Take(FeedHead) && cursor.Number(out var due) && cursor.Take(", token = ") && cursor.Number(out var token))) return null;
        var feed = new Statement.FeedDeadMan(due, token);
        return string.Equals(feed.Sql(_flavor).Text, text, StringComparison.Ordinal) ? new(feed) : null;
    }

    /// <summary>On MariaDB, where the number is not in the text, it is 1.</summary>
    private Request.OfNode? ReadPatience(string text)
    {
        const string word = "GREATEST(";
        var at = text.IndexOf(word, StringComparison.Ordinal) + word.Length;
        var end = at >= word.Length ? text.IndexOf(',', at) : -1;
        var patience = new Statement.SetSemiSyncPatience(end > 0 && int.TryParse(text.AsSpan(at, end - at), NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : 1);
        return string.Equals(patience.Sql(_flavor).Text, text, StringComparison.Ordinal) ? new(patience) : null;
    }

    private Request.OfNode? ReadChange(string text)
    {
        var cursor = new Cursor(text);
        if (!(cursor.Take(_changeHead) && cursor.Take($"{_word}_HOST=") && cursor.Literal(out var host)
            && cursor.Take($", {_word}_PORT=") && cursor.Number(out var port)
            && cursor.Take($", {_word}_USER=") && cursor.Literal(out var user)
            && cursor.Take($", {_word}_PASSWORD=") && cursor.Literal(out var password))) return null;
        var change = new Statement.ChangeSource(host, (int)port, user, password);

        // The tail has no values: it must be what the statement itself would write.
        return string.Equals(change.Sql(_flavor).Text, text, StringComparison.Ordinal) ? new(change) : null;
    }

    /// <summary>Walks over one statement from left to right.</summary>
    private ref struct Cursor(ReadOnlySpan<char> text)
    {
        private ReadOnlySpan<char> _left = text;

        public readonly bool IsAtEnd => _left.IsEmpty;

        public bool Take(ReadOnlySpan<char> fixedPart)
        {
            if (!_left.StartsWith(fixedPart, StringComparison.Ordinal)) return false;
            _left = _left[fixedPart.Length..];
            return true;
        }

        public bool Number(out long value)
        {
            var length = 0;
            while (length < _left.Length && (char.IsAsciiDigit(_left[length]) || (length == 0 && _left[0] == '-'))) length++;
            var isNumber = long.TryParse(_left[..length], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);
            _left = _left[length..];
            return isNumber;
        }

        /// <summary>A string between quotes (a doubled quote stands for one), or in hexadecimal.</summary>
        public bool Literal(out string value)
        {
            value = "";
            if (Take("_utf8mb4 0x"))
            {
                var digits = 0;
                while (digits < _left.Length && char.IsAsciiHexDigit(_left[digits])) digits++;
                if (digits % 2 != 0) return false;
                value = Encoding.UTF8.GetString(Convert.FromHexString(_left[..digits]));
                _left = _left[digits..];
                return true;
            }

            if (!Take("'")) return false;
            while (true)
            {
                var end = _left.IndexOf('\'');
                if (end < 0) return false;
                value += _left[..end].ToString();
                _left = _left[(end + 1)..];
                if (_left.IsEmpty || _left[0] != '\'') return true;
                value += '\'';
                _left = _left[1..];
            }
        }
    }
}
