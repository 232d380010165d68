using Verify.Client.Tests.Fakes;

namespace Verify.Ctl.Tests;

/// <summary>What one call of the program printed, and how it ended.</summary>
internal sealed record CtlRun(int ExitCode, string Output, string Errors)
{
    public static Task<CtlRun> OfAsync(FakeNode node, params string[] arguments) => OfAsync(new SortedDictionary<string, string>(StringComparer.Ordinal), "", ["--endpoint", node.Uri.ToString(), .. arguments]);

    public static async Task<CtlRun> OfAsync(IReadOnlyDictionary<string, string> environment, string input, string[] arguments)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        using var typed = new StringReader(input);
        var code = await CtlProgram.RunAsync(arguments, typed, output, errors, name => environment.TryGetValue(name, out var value) ? value : null, CancellationToken.None);
        return new(code, output.ToString(), errors.ToString());
    }
}
