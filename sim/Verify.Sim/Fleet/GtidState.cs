using System.Globalization;
using System.Text;
using Verify.MySql;
using Verify.MySql.Gtid;

namespace Verify.Sim.Fleet;

/// <summary>Which transactions a server has, as its flavour counts them.</summary>
internal abstract class GtidState
{
    public static GtidState Of(SimMySqlOptions options) =>
        options.Flavor == Flavor.MySql ? new MySqlGtidState(options.ServerUuid) : new MariaGtidState(options.ServerId);

    /// <summary>Everything that a check must find here, committed.</summary>
    public abstract string ExecutedText { get; }

    /// <summary>What a replica tells its source that it has (relay log not counted).</summary>
    public abstract string AppliedText { get; }

    /// <summary>The identifier of the next transaction of this server's own.</summary>
    public abstract TransactionId NextOwn();

    /// <summary>It stands in the binary log, committed or not.</summary>
    public abstract void Logged(TransactionId id);

    /// <summary>It is committed.</summary>
    public abstract void Committed(TransactionId id, bool isReplicated);

    public abstract bool IsLogged(TransactionId id);
    public abstract string Format(TransactionId id);

    /// <summary>True when everything in the text is here, as WAIT_FOR_EXECUTED_GTID_SET or MASTER_GTID_WAIT ask.</summary>
    public abstract bool Reaches(Gtids target);
}

/// <summary>Numbers of transactions per server uuid, as ranges (MySQL manual, "GTID Sets"). Mutable, its text is cached.</summary>
internal sealed class GtidRanges
{
    private readonly SortedDictionary<string, List<(long First, long Last)>> _byOrigin = new(StringComparer.Ordinal);
    private string? _text = "";

    public static GtidRanges Parse(string text)
    {
        var ranges = new GtidRanges();
        foreach (var part in MySqlGtidSet.Parse(text).ToString().Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var fields = part.Split(':');
            for (var i = 1; i < fields.Length; i++)
            {
                var ends = fields[i].Split('-');
                if (!long.TryParse(ends[0], CultureInfo.InvariantCulture, out var first)) throw new FormatException($"'{part}': tags are not simulated");
                ranges.ListOf(fields[0]).Add((first, long.Parse(ends[^1], CultureInfo.InvariantCulture)));
            }
        }

        ranges._text = null;
        return ranges;
    }

    public void Add(TransactionId id)
    {
        var list = ListOf(id.Origin);
        _text = null;
        var at = list.Count;
        while (at > 0 && list[at - 1].First > id.Number) at--;
        if (at > 0 && list[at - 1].Last >= id.Number) return;
        var joinsBefore = at > 0 && list[at - 1].Last == id.Number - 1;
        var joinsAfter = at < list.Count && list[at].First == id.Number + 1;
        if (joinsBefore && joinsAfter)
        {
            list[at - 1] = (list[at - 1].First, list[at].Last);
            list.RemoveAt(at);
        }
        else if (joinsBefore) list[at - 1] = (list[at - 1].First, id.Number);
        else if (joinsAfter) list[at] = (id.Number, list[at].Last);
        else list.Insert(at, (id.Number, id.Number));
    }

    public bool Contains(TransactionId id)
    {
        if (!_byOrigin.TryGetValue(id.Origin, out var list)) return false;
        for (var i = list.Count - 1; i >= 0; i--)
        {
            if (list[i].First <= id.Number) return list[i].Last >= id.Number;
        }

        return false;
    }

    /// <summary>The first number of an origin that is free.</summary>
    public long NextOf(string origin) =>
        _byOrigin.TryGetValue(origin, out var list) && list.Count > 0 && list[0].First == 1 ? list[0].Last + 1 : 1;

    /// <summary>The last number of an origin; 0 for none.</summary>
    public long LastOf(string origin) => _byOrigin.TryGetValue(origin, out var list) && list.Count > 0 ? list[^1].Last : 0;

    public void Clear()
    {
        _byOrigin.Clear();
        _text = "";
    }

    /// <summary>As the server shows it: a line per uuid.</summary>
    public override string ToString()
    {
        if (_text is not null) return _text;
        var text = new StringBuilder();
        foreach (var (origin, list) in _byOrigin)
        {
            if (list.Count == 0) continue;
            if (text.Length > 0) text.Append(",\n");
            text.Append(origin);
            foreach (var (first, last) in list)
            {
                text.Append(':').Append(first);
                if (last > first) text.Append('-').Append(last);
            }
        }

        return _text = text.ToString();
    }

    private List<(long First, long Last)> ListOf(string origin)
    {
        if (!_byOrigin.TryGetValue(origin, out var list)) _byOrigin[origin] = list = [];
        return list;
    }
}

/// <summary>gtid_executed of MySQL. While a commit waits for a replica, its transaction is in the binary log and not yet here.</summary>
internal sealed class MySqlGtidState(string uuid) : GtidState
{
    private readonly GtidRanges _logged = new();
    private readonly GtidRanges _executed = new();

    public override string ExecutedText => _executed.ToString();
    public override string AppliedText => _executed.ToString();
    public long LastOwn => _logged.LastOf(uuid);
    public override TransactionId NextOwn() => new(uuid, _logged.NextOf(uuid));
    public override void Logged(TransactionId id) => _logged.Add(id);
    public override void Committed(TransactionId id, bool isReplicated) => _executed.Add(id);
    public override bool IsLogged(TransactionId id) => _logged.Contains(id);
    public override string Format(TransactionId id) => $"{id.Origin}:{id.Number}";
    public override bool Reaches(Gtids target) => MySqlGtidSet.Parse(_executed.ToString()).Contains(target);
}

/// <summary>Positions of MariaDB in domain 0. gtid_binlog_pos counts from the moment a transaction is in the binary log,
/// also while its commit still waits for a replica.</summary>
internal sealed class MariaGtidState(uint serverId) : GtidState
{
    private readonly string _self = serverId.ToString(CultureInfo.InvariantCulture);

    /// <summary>gtid_binlog_state: the last number per server.</summary>
    private readonly SortedDictionary<string, long> _lastByServer = new(StringComparer.Ordinal);
    private TransactionId? _last;
    private TransactionId? _slave;

    public long LastNumber => _last?.Number ?? 0;
    public string BinlogText => Text(_last);
    public string SlaveText => Text(_slave);
    public string BinlogStateText => string.Join(',', _lastByServer.Select(static s => string.Create(CultureInfo.InvariantCulture, $"0-{s.Key}-{s.Value}")));

    /// <summary>The own last transaction where it is further than what was applied as a replica.</summary>
    public string CurrentText => _last is { } last && string.Equals(last.Origin, _self, StringComparison.Ordinal) && last.Number > (_slave?.Number ?? 0)
        ? Text(last) : Text(_slave);

    public override string ExecutedText => _last is { } last && last.Number > (_slave?.Number ?? 0) ? Text(last) : Text(_slave);
    public override string AppliedText => SlaveText;
    public override TransactionId NextOwn() => new(_self, LastNumber + 1);

    public override void Logged(TransactionId id)
    {
        _lastByServer[id.Origin] = id.Number;
        _last = id;
    }

    public override void Committed(TransactionId id, bool isReplicated)
    {
        if (isReplicated) _slave = id;
    }

    /// <summary>True when it stands in this binary log or must stand before what stands there.</summary>
    public override bool IsLogged(TransactionId id) => _lastByServer.TryGetValue(id.Origin, out var last) && last >= id.Number;
    public override string Format(TransactionId id) => $"0-{id.Origin}-{id.Number}";
    public override bool Reaches(Gtids target) => MariaGtid.Parse(SlaveText).Contains(target);

    /// <summary>SET GLOBAL gtid_slave_pos = @@gtid_binlog_pos.</summary>
    public void AdoptBinlogPosition() => _slave = _last;

    /// <summary>The one position of a text that our statements can produce; null for none.</summary>
    public static TransactionId? ParsePosition(string text)
    {
        if (text.Length == 0) return null;
        var parts = MariaGtid.Parse(text).ToString().Split('-');
        if (parts.Length != 3) throw new FormatException($"'{text}': only domain 0 is simulated");
        return new(parts[1], long.Parse(parts[2], CultureInfo.InvariantCulture));
    }

    private string Text(TransactionId? id) => id is { } some ? Format(some) : "";
}
