using System.Globalization;
using Verify.MySql;
using Verify.Node.State;
using Verify.Node.State.Throttle;
using Verify.Node.State.Time;

namespace Verify.Node.Throttle.Backend;

/// <summary>Decides from what the backend's row says whether this node leads, and what a change makes of the row. On the loop.
/// <list type="number">
/// <item>The lease counts from before its question was sent, on this node's monotonic clock, and ends a tenth of its term early: a server
/// that counts from later lets nobody else in before that, as long as the two clocks differ by less than a tenth in their pace.</item>
/// <item>Nothing but an answer of the backend prolongs it. A node that does not reach the backend leads no longer (freno's keeps its
/// leadership then, and two nodes may have it).</item>
/// <item>Whoever begins to hold the lease gets a larger token, also the same process again, and each write asks for that token, for a lease that
/// goes on by the server's clock, and for the content that it began from.</item>
/// </list></summary>
internal sealed class BackendDesk(string holder, TimeSpan term)
{
    private const int ContentCharsMax = 1_000_000;
    private static readonly long Epoch2000Ms = new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();
    private long? _token;
    private TimeSpan _until;
    private string _address = "";
    private (long Ms, TimeSpan HeardAt)? _clock;

    /// <summary>As the backend had it last, less what has ended since.</summary>
    public ThrottleState Throttled { get; private set; } = new();

    /// <summary>The version of <see cref="Throttled"/>; below zero: nothing was read yet.</summary>
    public long Changes { get; private set; } = -1;

    /// <summary>Until then, on this node's clock, nobody else can lead; null: this node does not lead.</summary>
    public TimeSpan? LeadsUntil(TimeSpan now) => _token is not null && now < _until ? _until : null;

    /// <summary>Where the leader listens; null: nobody is known to lead now.</summary>
    public string? Leader(TimeSpan now) => _address.Length > 0 && now < _until ? _address : null;

    /// <summary>The row was read.</summary>
    /// <param name="askedAt">When the question was sent.</param>
    /// <param name="heardAt">When the answer was there.</param>
    /// <exception cref="FormatException">The row is not as a node leaves it: as if it had not been read.</exception>
    public void Heard(TimeSpan askedAt, TimeSpan heardAt, ResultTable row)
    {
        if (row.Rows.Count != 1) throw new FormatException("the backend's row is not there");
        var (left, changes) = (TimeSpan.FromMicroseconds(Number(row, "left_us")), Number(row, "changes"));
        if (changes != Changes) (Throttled, Changes) = (BackendContent.Read(row.Text(0, "content") ?? throw new FormatException("the backend's content is missing")), changes);
        _clock = ((Number(row, "now_us") / 1_000) + Epoch2000Ms, heardAt);
        _address = row.Text(0, "address") ?? "";
        _token = string.Equals(row.Text(0, "holder"), holder, StringComparison.Ordinal) ? Number(row, "token") : null;
        _until = askedAt + (left < term ? left : term) - (term / 10);
        End(heardAt);
    }

    /// <summary>Takes away what has ended by the backend's clock: late by the time of an answer, never early.</summary>
    public void End(TimeSpan now)
    {
        IExpires expiring = Throttled;
        if (NowMs(now) is { } ms && expiring.NextDeadlineMs <= ms) expiring.Expire(ms, Changes);
    }

    /// <summary>What is to be written so that the command is done.</summary>
    public BackendChange ChangeOf(ThrottleCommand command, TimeSpan now)
    {
        if (LeadsUntil(now) is null || _token is not { } token || NowMs(now) is not { } ms) return new BackendChange.NotLeader();
        var next = ThrottleState.Of(Throttled.Apps, Throttled.Hosts);
        if (next.Apply(command, ms, Changes + 1) is CommandResult.Rejected(var why)) return new BackendChange.Refused(why);
        var content = BackendContent.Write(next);
        return content.Length > ContentCharsMax
            ? new BackendChange.Refused($"a backend keeps at most {ContentCharsMax} characters of throttled applications and skipped hosts")
            : new BackendChange.Write(token, Changes, content, next);
    }

    /// <summary>The backend has taken it.</summary>
    public void Saved(BackendChange.Write change)
    {
        // Anything else was read meanwhile: then that is newer.
        if (Changes == change.From) (Throttled, Changes) = (change.Next, change.From + 1);
    }

    private long? NowMs(TimeSpan now) => _clock is { } clock ? clock.Ms + (long)(now - clock.HeardAt).TotalMilliseconds : null;

    private static long Number(ResultTable row, string column) =>
        long.TryParse(row.Text(0, column), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : throw new FormatException($"the backend's {column} is no number");
}

/// <summary>What a command comes to. The list is closed.</summary>
internal abstract record BackendChange
{
    private BackendChange() { }

    public sealed record NotLeader : BackendChange;
    public sealed record Refused(string Why) : BackendChange;

    /// <param name="From">The version that it was made from.</param>
    public sealed record Write(long Token, long From, string Content, ThrottleState Next) : BackendChange;
}
