using System.Security.Cryptography;
using System.Text;
using Verify.MySql;

namespace Verify.Fleet.Servers;

/// <summary>The accounts of a fleet, the same on every server, with passwords drawn for this run.</summary>
/// <param name="Topology">For the nodes and the harness: every right.</param>
/// <param name="Application">For the workload: reads and writes in schema app and nothing that a read-only server would not
/// bind (no SUPER, READ_ONLY ADMIN or CONNECTION_ADMIN).</param>
/// <param name="Replication">For replicas to fetch with.</param>
public sealed record FleetUsers(MySqlLogin Topology, MySqlLogin Application, MySqlLogin Replication)
{
    private const string PasswordLetters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    private const int PasswordLength = 24;

    public static FleetUsers Draw() => new(
        new("verify_topology", Password()), new("verify_app", Password()), new("verify_repl", Password()));

    /// <summary>What the server runs before it opens its port, once. Nothing of it reaches the binary log: there it would be
    /// a transaction that only this server has. The accounts' names and passwords are plain letters and digits.</summary>
    internal string InitFile(Flavor flavor)
    {
        var text = new StringBuilder();
        if (flavor == Flavor.MySql) text.Append("SET GLOBAL super_read_only = OFF;\n");
        text.Append("SET SESSION sql_log_bin = 0;\n");
        if (flavor == Flavor.MariaDb)
        {
            // The system tables come with root accounts for 127.0.0.1 and ::1 without a password.
            text.Append("DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host <> 'localhost');\nFLUSH PRIVILEGES;\n");
        }

        Account(text, Topology, "ALL PRIVILEGES ON *.*", " WITH GRANT OPTION");
        Account(text, Application, "SELECT, INSERT, UPDATE, DELETE ON app.*", "");
        Account(text, Replication, "REPLICATION SLAVE ON *.*", "");
        text.Append("SET GLOBAL read_only = ON;\n");
        if (flavor == Flavor.MySql) text.Append("SET GLOBAL super_read_only = ON;\n");
        return text.ToString();
    }

    private static void Account(StringBuilder text, MySqlLogin login, string rights, string option) => text
        .Append($"CREATE USER IF NOT EXISTS '{login.User}'@'%' IDENTIFIED BY '{login.Password}';\n")
        .Append($"GRANT {rights} TO '{login.User}'@'%'{option};\n");

    private static string Password() => RandomNumberGenerator.GetString(PasswordLetters, PasswordLength);
}
