using Verify.Fleet.Tests;

if (args is [KilledHarness.Argument, var cache])
{
    await KilledHarness.RunAsync(cache);
    return 0;
}

await Console.Error.WriteLineAsync("These are tests: dotnet test");
return 2;
