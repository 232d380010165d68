using System.Diagnostics;

namespace Verify.NodeHost.Tests;

/// <summary>A real client of the node: installed from the machine's own packages where that is allowed, and missed only where nobody insists on it.</summary>
internal static class LiveProgram
{
    private static readonly TimeSpan InstallLimit = TimeSpan.FromMinutes(5);

    /// <summary>Skips the test where the program is missing and cannot be installed; fails it with VERIFY_REQUIRE_LIVE=1.</summary>
    public static async Task RequireAsync(string program, string package)
    {
        if (File.Exists(program)) return;
        var mayFetch = Environment.GetEnvironmentVariable("VERIFY_NO_INSTALL") is null or "" or "0";
        var why = !mayFetch ? "fetching is forbidden (VERIFY_NO_INSTALL)" : !File.Exists("/usr/bin/apt-get") ? "this machine has no apt-get" : Environment.UserName != "root" ? "that needs root" : null;
        if (why is null)
        {
            var install = $"install --no-install-recommends -y {package}";
            if (!await AptAsync(install)) await AptAsync("update");
            if (File.Exists(program) || await AptAsync(install)) return;
            why = $"apt-get could not install {package}";
        }

        if (Environment.GetEnvironmentVariable("VERIFY_REQUIRE_LIVE") is "1") Assert.Fail($"no {program}, and {why}");
        Assert.Ignore($"no {program}, and {why}");
    }

    /// <summary>No service of the package is started: RUNLEVEL tells its scripts that the machine is in maintenance.</summary>
    private static async Task<bool> AptAsync(string words)
    {
        var start = new ProcessStartInfo("apt-get", words) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        (start.Environment["DEBIAN_FRONTEND"], start.Environment["RUNLEVEL"]) = ("noninteractive", "1");
        using var apt = Process.Start(start)!;
        var (output, errors) = (apt.StandardOutput.ReadToEndAsync(), apt.StandardError.ReadToEndAsync());
        await apt.WaitForExitAsync().WaitAsync(InstallLimit);
        await Task.WhenAll(output, errors);
        return apt.ExitCode == 0;
    }
}
