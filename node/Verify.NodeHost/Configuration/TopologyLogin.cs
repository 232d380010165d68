using Verify.MySql;

namespace Verify.NodeHost.Configuration;

/// <summary>User and password with which servers are probed: from the settings, or from a file in the form of MySQL's own (my.cnf: section
/// [client], user and password), as orchestrator's MySQLTopologyCredentialsConfigFile; what the file says counts.</summary>
internal static class TopologyLogin
{
    private const string FileKey = "MySQLTopologyCredentialsConfigFile";

    public static MySqlLogin Of(ConfigValues values)
    {
        var (user, password) = (values.Text("MySQLTopologyUser", ""), values.Secret("MySQLTopologyPassword"));
        var path = values.Text(FileKey, "", "path of a file with [client], user=, password=");
        if (path.Length == 0) return new(user, password);
        try
        {
            var isClient = false;
            foreach (var line in File.ReadLines(path).Select(static l => l.Trim()))
            {
                if (line.StartsWith('[')) isClient = line.Equals("[client]", StringComparison.OrdinalIgnoreCase);
                if (!isClient || line.Split('=', 2, StringSplitOptions.TrimEntries) is not [var name, var value]) continue;
                var plain = values.Expanded(FileKey, value.Trim('"', '\''));
                if (name.Equals("user", StringComparison.OrdinalIgnoreCase)) user = plain;
                if (name.Equals("password", StringComparison.OrdinalIgnoreCase)) password = plain;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            values.Problem(FileKey, $"a file that this process can read ({e.Message})");
        }

        return new(user, password);
    }
}
