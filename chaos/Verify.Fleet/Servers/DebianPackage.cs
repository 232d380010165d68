using Verify.Fleet.Processes;

namespace Verify.Fleet.Servers;

/// <summary>Installs a package of the machine's own distribution with apt-get, when we are root; its service is not started.</summary>
public static class DebianPackage
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(5);

    /// <returns>Null when it is installed now, else why not.</returns>
    public static async Task<string?> InstallAsync(string package, Action<string> say, CancellationToken cancel)
    {
        if (!File.Exists("/usr/bin/apt-get")) return "this machine has no apt-get";
        if (!Libc.IsRoot) return "that needs root";
        say($"installing {package} with apt-get");
        try
        {
            // policy-rc.d is asked before a service is started; RUNLEVEL=1 is what invoke-rc.d takes for "not now".
            var install = new Command("apt-get", ["install", "--no-install-recommends", "-y", package])
            {
                Environment = [("DEBIAN_FRONTEND", "noninteractive"), ("RUNLEVEL", "1")],
            };
            if ((await install.RunAsync(Deadline, cancel)).ExitCode == 0) return null;
            var lists = await new Command("apt-get", ["update"]).RunAsync(Deadline, cancel);
            if (lists.ExitCode != 0) return "apt-get update failed";
            var again = await install.RunAsync(Deadline, cancel);
            return again.ExitCode == 0 ? null : $"apt-get ended with exit code {again.ExitCode}";
        }
        catch (FleetException e)
        {
            return e.Message;
        }
    }

    /// <summary>The first line that a program prints for --version; empty when it cannot be run.</summary>
    public static async Task<string> VersionAsync(string program, CancellationToken cancel)
    {
        try
        {
            var said = await new Command(program, ["--version"]).RunAsync(TimeSpan.FromSeconds(10), cancel);
            return said.Output.Split('\n')[0].Trim();
        }
        catch (FleetException)
        {
            return "";
        }
    }
}
