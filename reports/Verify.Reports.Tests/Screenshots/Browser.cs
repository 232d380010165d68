using System.ComponentModel;

namespace Verify.Reports.Tests.Screenshots;

/// <summary>Headless Chromium, as a person's browser that has no network: found on the PATH, or installed on Debian and Ubuntu as root.</summary>
internal sealed class Browser
{
    private static readonly TimeSpan ShotLimit = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan InstallLimit = TimeSpan.FromMinutes(15);
    private readonly string _program;

    private Browser(string program) => _program = program;

    /// <summary>Ends the test as ignored, with the reason, where no browser can be had; as failed when live tests are required.</summary>
    public static Browser FindOrIgnore()
    {
        if (Found() is { } there) return new(there);
        var trouble = Install();
        if (Found() is { } installed) return new(installed);
        if (Environment.GetEnvironmentVariable("VERIFY_REQUIRE_LIVE") == "1") Assert.Fail(trouble);
        Assert.Ignore(trouble);
        return null!;
    }

    /// <summary>Opens the file, waits until it is drawn, and saves what a window of that size shows.</summary>
    public void Shoot(string htmlFile, string pngFile, int width, int height)
    {
        var profile = Directory.CreateTempSubdirectory("verify-browser-").FullName;
        try
        {
            var run = ProgramRun.Of(
                _program,
                [
                    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
                    "--disable-component-update", "--disable-sync", "--disable-extensions", "--hide-scrollbars", "--force-device-scale-factor=1",
                    "--host-resolver-rules=MAP * ~NOTFOUND", $"--user-data-dir={profile}", $"--window-size={width},{height}", $"--screenshot={pngFile}", new Uri(htmlFile).AbsoluteUri,
                ],
                ShotLimit, ("HOME", profile));
            Assert.That(run.TimedOut, Is.False, $"{_program} took longer than {ShotLimit.TotalSeconds:0} s:\n{run.Output}");
            Assert.That(File.Exists(pngFile), Is.True, $"{_program} ended with {run.ExitCode} and left no picture:\n{run.Output}");
        }
        finally
        {
            Directory.Delete(profile, recursive: true);
        }
    }

    private static string? Found() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Append("/usr/bin")
            .SelectMany(d => new[] { "chromium", "chromium-browser", "google-chrome" }.Select(p => Path.Combine(d, p))).FirstOrDefault(File.Exists);

    /// <summary>What stood in the way; empty when it went well.</summary>
    private static string Install()
    {
        if (Environment.GetEnvironmentVariable("VERIFY_NO_INSTALL") == "1") return "no chromium on the PATH, and VERIFY_NO_INSTALL=1 forbids to install it";
        if (!OperatingSystem.IsLinux() || !File.Exists("/usr/bin/apt-get")) return "no chromium on the PATH, and this is no Debian or Ubuntu where it could be installed: install Chromium";
        if (!Environment.IsPrivilegedProcess) return "no chromium on the PATH, and only root may install it: apt-get install chromium";
        TestContext.Progress.WriteLine("no chromium on the PATH: installing it with apt-get from this machine's own package sources (VERIFY_NO_INSTALL=1 forbids it)");
        try
        {
            (string, string) quietly = ("DEBIAN_FRONTEND", "noninteractive");
            var update = ProgramRun.Of("/usr/bin/apt-get", ["update"], InstallLimit, quietly);
            var install = ProgramRun.Of("/usr/bin/apt-get", ["install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", "chromium"], InstallLimit, quietly);
            return install.Succeeded ? "" : $"chromium could not be installed: apt-get update ended with {update.ExitCode}, apt-get install with {install.ExitCode}:\n{install.Output}";
        }
        catch (Win32Exception e)
        {
            return $"chromium could not be installed: {e.Message}";
        }
    }
}
