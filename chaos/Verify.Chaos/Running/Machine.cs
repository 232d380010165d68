using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Verify.Chaos.Running;

/// <summary>Facts about where a run took place, for the report.</summary>
public static class Machine
{
    public static IReadOnlyDictionary<string, string> Environment()
    {
        var facts = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["os"] = RuntimeInformation.OSDescription,
            ["architecture"] = RuntimeInformation.OSArchitecture.ToString(),
            ["cores"] = System.Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture),
            ["runtime"] = RuntimeInformation.FrameworkDescription,
            ["memoryGiB"] = (GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024.0 * 1024 * 1024)).ToString("0.0", CultureInfo.InvariantCulture),
        };
#if DEBUG
        facts["build"] = "Debug";
#else
        facts["build"] = "Release";
#endif
        return facts;
    }

    /// <summary>The commit of the checkout, with "+changes" when files differ; "unknown" without git.</summary>
    public static string Commit(string directory)
    {
        var head = Git(directory, "rev-parse --short=12 HEAD");
        if (head.Length == 0) return "unknown";
        return Git(directory, "status --porcelain --untracked-files=no").Length > 0 ? head + "+changes" : head;
    }

    /// <summary>The root of the checkout: the nearest directory above that holds Verify.sln.</summary>
    public static string? CheckoutRoot()
    {
        foreach (var start in new[] { Directory.GetCurrentDirectory(), AppContext.BaseDirectory })
        {
            for (var at = new DirectoryInfo(start); at is not null; at = at.Parent)
            {
                if (File.Exists(Path.Combine(at.FullName, "Verify.sln"))) return at.FullName;
            }
        }

        return null;
    }

    private static string Git(string directory, string arguments)
    {
        try
        {
            using var git = Process.Start(new ProcessStartInfo("git", arguments) { WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false });
            if (git is null) return "";
            var output = git.StandardOutput.ReadToEnd().Trim();
            return git.WaitForExit(5000) && git.ExitCode == 0 ? output : "";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return ""; // No git on this machine.
        }
    }
}
