namespace Verify.Checks.Tests;

/// <summary>Finds the public corpora, which lie beside the checkout and are not part of it.</summary>
internal static class SharedData
{
    public static string Folder(string name)
    {
        for (var at = new DirectoryInfo(TestContext.CurrentContext.TestDirectory); at is not null; at = at.Parent)
        {
            var folder = Path.Combine(at.FullName, "shared", "data", name);
            if (Directory.Exists(folder))
            {
                return folder;
            }
        }

        var missing = $"no folder shared/data/{name} above the tests: the corpus is not on this machine";
        if (Environment.GetEnvironmentVariable("VERIFY_REQUIRE_LIVE") is "1")
        {
            Assert.Fail(missing);
        }

        Assert.Ignore(missing);
        return "";
    }
}
