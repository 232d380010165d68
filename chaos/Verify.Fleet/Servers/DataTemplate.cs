using System.Text;
using Verify.Fleet.Processes;
using Verify.MySql;

namespace Verify.Fleet.Servers;

/// <summary>Initialises the data directory that servers are copied from: MySQL by --initialize-insecure, MariaDB by feeding
/// its system tables to --bootstrap, as mariadb-install-db does (its own script needs tools that are not unpacked).</summary>
internal static class DataTemplate
{
    /// <summary>Sizes that are fixed when a data directory is made; the servers run with the same.</summary>
    public const string SystemTablespace = "ibdata1:12M:autoextend";

    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(3);

    public static async Task CreateAsync(InstalledServer server, string directory, CancellationToken cancel)
    {
        Directory.CreateDirectory(directory);
        var result = server.Flavor == Flavor.MySql
            ? await InitializeAsync(server, directory, cancel)
            : await BootstrapAsync(server, directory, cancel);
        if (result.ExitCode != 0)
        {
            throw new FleetException($"{server.Version} ({server.Origin}) cannot initialise a data directory: {result.Complaint}");
        }

        // Every server gets an identity of its own.
        File.Delete(Path.Combine(directory, "auto.cnf"));
    }

    private static async Task<CommandResult> InitializeAsync(InstalledServer server, string directory, CancellationToken cancel) =>
        await new Command(server.Command[0],
        [
            .. server.Command[1..], "--no-defaults", "--initialize-insecure", .. ServerOptions.AsRoot, .. server.PathOptions, $"--datadir={directory}",
            $"--innodb-data-file-path={SystemTablespace}", "--innodb-redo-log-capacity=16M", "--innodb-use-native-aio=OFF",
            "--secure-file-priv=NULL", "--log-error-verbosity=2",
        ]).RunAsync(Deadline, cancel);

    private static async Task<CommandResult> BootstrapAsync(InstalledServer server, string directory, CancellationToken cancel)
    {
        var text = new StringBuilder("CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n");
        foreach (var file in new[] { "mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql", "maria_add_gis_sp_bootstrap.sql" })
        {
            foreach (var line in await File.ReadAllLinesAsync(Path.Combine(server.ShareDirectory, file), cancel))
            {
                // Lines with this variable make accounts for the host's own name, without a password.
                if (!line.Contains("@current_hostname", StringComparison.Ordinal)) text.Append(line).Append('\n');
            }
        }

        return await new Command(server.Command[0],
        [
            .. server.Command[1..], "--no-defaults", "--bootstrap", .. ServerOptions.AsRoot, .. server.PathOptions, $"--datadir={directory}",
            $"--innodb-data-file-path={SystemTablespace}", "--innodb-log-file-size=16M", "--innodb-use-native-aio=OFF", "--log-warnings=0",
        ])
        { Input = text.ToString() }.RunAsync(Deadline, cancel);
    }
}
