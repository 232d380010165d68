namespace Verify.MySql;

/// <summary>The two families whose statements and answers differ.</summary>
public enum Flavor { MySql, MariaDb }

/// <summary>What the greeting says of a server. MariaDB's "5.5.5-" prefix is already removed.</summary>
public readonly record struct ServerVersion(Flavor Flavor, int Major, int Minor, int Patch)
{
    /// <summary>MariaDB before 11 puts it before its version, for replicas of old MySQL that cannot read two digits.</summary>
    private const string MariaPrefix = "5.5.5-";

    /// <summary>Reads "9.7.4", "8.0.36-28", "5.5.5-10.11.18-MariaDB-deb12", "11.4.2-MariaDB".</summary>
    /// <exception cref="MySqlProtocolException">The text does not begin with a version.</exception>
    public static ServerVersion Parse(string text)
    {
        var isMaria = text.Contains("MariaDB", StringComparison.OrdinalIgnoreCase);
        var left = text.AsSpan();
        if (left.StartsWith(MariaPrefix, StringComparison.Ordinal) && left.Length > MariaPrefix.Length && char.IsAsciiDigit(left[MariaPrefix.Length]))
        {
            isMaria = true;
            left = left[MariaPrefix.Length..];
        }

        Span<int> parts = stackalloc int[3];
        for (var i = 0; i < parts.Length; i++)
        {
            var digits = left.IndexOfAnyExceptInRange('0', '9') is >= 0 and var end ? end : left.Length;
            if (!int.TryParse(left[..digits], out parts[i])) throw NoVersion(text);
            left = left[digits..];
            if (i == 2) break;
            if (!left.StartsWith('.')) throw NoVersion(text);
            left = left[1..];
        }

        return new(isMaria ? Flavor.MariaDb : Flavor.MySql, parts[0], parts[1], parts[2]);
    }

    public override string ToString() => $"{(Flavor == Flavor.MySql ? "MySQL" : "MariaDB")} {Major}.{Minor}.{Patch}";

    private static MySqlProtocolException NoVersion(string text) =>
        new($"the server's version '{(text.Length > 60 ? text[..60] + "…" : text)}' does not begin with three numbers (major.minor.patch)");
}
