using System.Globalization;
using Verify.MySql;

namespace Verify.Sim.Tests.Fleet;

/// <summary>Plays a transcript on a stage and compares every answer. The grammar, one line each:
/// <code>
/// start s1 s2            starts servers           kill s1 / pause s1 / resume s1
/// open t1 topology s1    opens a session (users: topology, application, replication); "close t1" ends it
/// t1: Insert a 1         sends a statement and waits for the answer; with " > col, col" only those columns are compared
/// a1 sends: Insert a 1   sends and does not wait; then "a1 waits" (nothing within 300 ms) and "a1 gets" with the answer
/// until t2: ReadIds      asks again until the answer is as expected, for 15 s at most
/// let 500 ms pass
/// </code>
/// Answers: rows "| a | b" (in the server's order; those of ListSessions sorted), "ok", "error 1062" (with a text: part of the message), "closed".
/// What differs by nature is named: &lt;s1&gt; is the uuid of s1, &lt;s1.port&gt; its port, users by their role.</summary>
internal sealed class TranscriptRunner
{
    private static readonly TimeSpan AnswerDeadline = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Silence = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(40);

    private readonly ITranscriptStage _stage;
    private readonly SortedDictionary<string, MySqlSession> _sessions = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, (Task<List<string>> Answer, string[] Columns)> _sent = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _uuids = new(StringComparer.Ordinal);
    private readonly TranscriptStatement _statements;

    public TranscriptRunner(ITranscriptStage stage)
    {
        _stage = stage;
        _statements = new(stage, name => _sessions[name].SessionId, WithUuids);
    }

    /// <summary>Plays to the end and tells all differences at once.</summary>
    public async Task PlayAsync(Transcript transcript)
    {
        var differences = new List<string>();
        foreach (var step in transcript.Steps)
        {
            try
            {
                await PlayAsync(step);
            }
            catch (Exception e) when (e is MySqlException or IOException or FormatException or KeyNotFoundException or InvalidOperationException)
            {
                differences.Add($"line {step.Line}: '{step.Words}': {e.GetType().Name}: {e.Message}");
            }
        }

        foreach (var session in _sessions.Values) await session.DisposeAsync();
        Assert.That(differences, Is.Empty, $"{transcript.Name}, {_stage.Flavor}:\n{string.Join('\n', differences)}");

        async Task PlayAsync(TranscriptStep step)
        {
            var actual = await DoAsync(step);
            if (actual is null) return;
            if (Matches(step.Expected, actual)) return;
            differences.Add($"line {step.Line}: '{step.Words}'\n    expected: {string.Join(" ## ", step.Expected)}\n    but was:  {string.Join(" ## ", actual)}");
        }
    }

    /// <returns>The answer in the transcript's own words; null when the line has none.</returns>
    private async Task<List<string>?> DoAsync(TranscriptStep step)
    {
        var words = step.Words.Split(' ');
        switch (words)
        {
            case ["start", ..]:
                foreach (var server in words[1..]) await _stage.StartAsync(server);
                foreach (var server in words[1..]) await LearnUuidAsync(server);
                return null;
            case ["kill", var server]: await _stage.KillAsync(server); return null;
            case ["pause", var server]: await _stage.PauseAsync(server); return null;
            case ["resume", var server]: await _stage.ResumeAsync(server); return null;
            case ["open", var name, var user, var server]: return await OpenAsync(name, server, LoginOf(user));
            case ["close", var name]:
                await _sessions[name].DisposeAsync();
                _sessions.Remove(name);
                return null;
            case ["let", var ms, "ms", "pass"]:
                await Task.Delay(TimeSpan.FromMilliseconds(int.Parse(ms, CultureInfo.InvariantCulture)), _stage.Time);
                return null;
            case [var name, "waits"]: return await IsSilentAsync(name) ? null : ["an answer"];
            case [var name, "gets"]: return await TakeAsync(name);
            case [var name, "sends:", ..]:
                var (sql, columns) = Split(step.Words[(name.Length + 8)..]);
                _sent[name] = (AskAsync(name, sql, columns), columns);
                return null;
            case ["until", ..]: return await UntilAsync(step);
            default:
                var colon = step.Words.IndexOf(':', StringComparison.Ordinal);
                if (colon < 0) throw new FormatException($"'{step.Words}' is no line of a transcript");
                var (text, shown) = Split(step.Words[(colon + 2)..]);
                return await AskAsync(step.Words[..colon], text, shown);
        }
    }

    private async Task<List<string>> UntilAsync(TranscriptStep step)
    {
        var words = step.Words["until ".Length..];
        var colon = words.IndexOf(':', StringComparison.Ordinal);
        var (sql, columns) = Split(words[(colon + 2)..]);
        var begin = _stage.Time.GetTimestamp();
        while (true)
        {
            var answer = await AskAsync(words[..colon], sql, columns);
            if (Matches(step.Expected, answer) || _stage.Time.GetElapsedTime(begin) > Patience) return answer;
            await Task.Delay(Pause, _stage.Time);
        }
    }

    private async Task<bool> IsSilentAsync(string name)
    {
        await Task.Delay(Silence, _stage.Time);
        return !_sent[name].Answer.IsCompleted;
    }

    private async Task<List<string>> TakeAsync(string name)
    {
        var (answer, _) = _sent[name];
        _sent.Remove(name);
        return await answer;
    }

    private async Task<List<string>> OpenAsync(string name, string server, MySqlLogin login)
    {
        try
        {
            _sessions[name] = await _stage.OpenAsync(server, login);
            return ["ok"];
        }
        catch (MySqlServerException refused)
        {
            return [$"error {refused.Code} {refused.ServerMessage}"];
        }
    }

    private async Task<List<string>> AskAsync(string name, string statement, string[] columns)
    {
        try
        {
            var table = await _sessions[name].QueryAsync(_statements.Parse(statement), AnswerDeadline);
            if (table.Columns.Count == 0) return ["ok"];
            if (columns is ["columns"]) return [$"| {string.Join(' ', table.Columns)}"];
            var rows = new List<string>();
            for (var row = 0; row < table.Rows.Count; row++) rows.Add("| " + string.Join(" | ", Shown(table, row, columns)));
            if (statement.StartsWith("ListSessions", StringComparison.Ordinal)) rows.Sort(StringComparer.Ordinal);
            if (rows.Count == 0) rows.Add("|");
            return rows;
        }
        catch (MySqlServerException refused)
        {
            return [$"error {refused.Code} {WithNames(refused.ServerMessage)}"];
        }
        catch (MySqlProtocolException)
        {
            return ["closed"];
        }
    }

    private IEnumerable<string> Shown(ResultTable table, int row, string[] columns)
    {
        foreach (var column in columns.Length == 0 ? table.Columns : columns.Select(NameOf))
        {
            if (!table.Has(column)) throw new FormatException($"no column {column}");
            yield return table.Text(row, column) is { } text ? WithNames(text.Replace("\n", "", StringComparison.Ordinal)) : "NULL";
        }
    }

    /// <summary>The words of MySQL stand for MariaDB's, too.</summary>
    private string NameOf(string column)
    {
        if (_stage.Flavor == Flavor.MySql) return column;
        return column switch
        {
            "Replica_IO_State" => "Slave_IO_State",
            "Replica_SQL_Running_State" => "Slave_SQL_Running_State",
            _ => column.Replace("Replica_", "Slave_", StringComparison.Ordinal).Replace("Source", "Master", StringComparison.Ordinal),
        };
    }

    private static (string Statement, string[] Columns) Split(string words)
    {
        var arrow = words.IndexOf(" > ", StringComparison.Ordinal);
        return arrow < 0 ? (words, []) : (words[..arrow], words[(arrow + 3)..].Split(", "));
    }

    private static bool Matches(IReadOnlyList<string> expected, List<string> actual)
    {
        if (expected.Count != actual.Count) return false;
        for (var i = 0; i < expected.Count; i++)
        {
            var isError = expected[i].StartsWith("error ", StringComparison.Ordinal);
            if (!isError && !string.Equals(expected[i], actual[i].TrimEnd(), StringComparison.Ordinal)) return false;
            if (isError && !IsThatError(expected[i], actual[i])) return false;
        }

        return true;
    }

    /// <summary>The number must be the same; words behind it must be in the message.</summary>
    private static bool IsThatError(string expected, string actual)
    {
        var words = expected.Split(' ', 3);
        return (actual + " ").StartsWith($"error {words[1]} ", StringComparison.Ordinal)
            && (words.Length < 3 || actual.Contains(words[2], StringComparison.Ordinal));
    }

    private MySqlLogin LoginOf(string user) => user switch
    {
        "topology" => _stage.Topology,
        "application" => _stage.Application,
        "replication" => _stage.Replication,
        "stranger" => new MySqlLogin("stranger", "x") { Tls = _stage.Topology.Tls },
        "impostor" => _stage.Topology with { Password = "wrong" },
        _ => throw new FormatException($"no user '{user}'"),
    };

    private async Task LearnUuidAsync(string server)
    {
        if (_stage.Flavor != Flavor.MySql || _uuids.ContainsKey(server)) return;
        await using var session = await _stage.OpenAsync(server, _stage.Topology);
        var facts = ServerFacts.Read(await session.QueryAsync(new Statement.ReadFacts().Sql(_stage.Flavor), AnswerDeadline), _stage.Flavor);
        _uuids[server] = facts.ServerUuid;
    }

    private string WithUuids(string text)
    {
        foreach (var (server, uuid) in _uuids) text = text.Replace($"<{server}>", uuid, StringComparison.Ordinal);
        return text;
    }

    private string WithNames(string text)
    {
        foreach (var (server, uuid) in _uuids) text = text.Replace(uuid, $"<{server}>", StringComparison.Ordinal);

        // Servers sort a set of GTIDs by uuid, and those are drawn anew each time.
        if (text.StartsWith("<s", StringComparison.Ordinal) && text.Contains(",<s", StringComparison.Ordinal)) text = string.Join(',', text.Split(',').Order(StringComparer.Ordinal));
        if (text.Equals(_stage.Topology.User, StringComparison.Ordinal)) return "topology";
        if (text.Equals(_stage.Application.User, StringComparison.Ordinal)) return "application";
        if (text.Equals(_stage.Replication.User, StringComparison.Ordinal)) return "replication";
        for (var i = 1; i <= 3; i++)
        {
            var port = _stage.AddressOf($"s{i}").Port.ToString(CultureInfo.InvariantCulture);
            if (text.Equals(port, StringComparison.Ordinal)) return $"<s{i}.port>";
        }

        return text;
    }
}
