using Verify.MySql;

namespace Verify.Node.Recovery;

/// <summary>From looks at one server's sessions to the time since which the same commits have been in its storage engine. Synchronous, owns what it has seen.</summary>
internal sealed class StuckCommits
{
    private SortedSet<long> _sessions = [];
    private TimeSpan _first;
    private TimeSpan _last;

    /// <summary>Since when, seen at two looks at least, the second no longer ago than <paramref name="ageMax"/>; null: nothing of the kind.</summary>
    public TimeSpan? Since(TimeSpan now, TimeSpan ageMax) => _sessions.Count > 0 && _last > _first && now - _last <= ageMax ? _first : null;

    /// <summary>One look.</summary>
    /// <param name="processes">The answer to <see cref="Statement.ShowProcessList"/>.</param>
    /// <param name="askedAt">When it was begun.</param>
    public void Saw(ResultTable processes, TimeSpan askedAt)
    {
        SortedSet<long> sessions = [];
        for (var row = 0; row < processes.Rows.Count; row++)
            if (IsInCommit(processes.Text(row, "State")) && processes.Text(row, "Time") is not ("0" or null) && long.TryParse(processes.Text(row, "Id"), out var id)) sessions.Add(id);
        if (_sessions.Overlaps(sessions)) sessions.IntersectWith(_sessions);
        else _first = askedAt;
        (_sessions, _last) = (sessions, askedAt);
    }

    public void Forget() => _sessions = [];

    /// <summary>In the storage engine's commit: MySQL 9.7.4, MariaDB 10.11, MariaDB 10.11 at what it does not log; with a file system that was frozen. Whoever waits for a
    /// lock, a backup or a semi-sync acknowledgement is in another state (MySQL manual, "General Thread States").</summary>
    private static bool IsInCommit(string? state) => state is "waiting for handler commit" or "Commit" or "Updating status";
}
