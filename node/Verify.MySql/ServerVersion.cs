namespace Verify.MySql;

/// <summary>The two families whose statements and answers differ.</summary>
public enum Flavor { MySql, MariaDb }

/// <summary>What the greeting says of a server. MariaDB's "5.5.5-" prefix is already removed.</summary>
public readonly record struct ServerVersion(Flavor Flavor, int Major, int Minor, int Patch)
{
    /// <summary>Reads "9.7.4", "8.0.36-28", "5.5.5-10.11.18-MariaDB-deb12", "11.4.2-MariaDB".</summary>
    /// <exception cref="MySqlProtocolException">The text does not begin with a version.</exception>
    public static ServerVersion Parse(string text) => throw new NotImplementedException();

    public override string ToString() => $"{(Flavor == Flavor.MySql ? "MySQL" : "MariaDB")} {Major}.{Minor}.{Patch}";
}
