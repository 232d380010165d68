using System.CommandLine;
using System.Net;
using Verify.Fleet.Toxiproxy;

namespace Verify.Chaos.Commands;

/// <summary>verify-chaos toxiproxy: the built-in proxies as a process of their own. Live worlds start it for themselves: links that
/// run in the process of clients and checks stand still whenever those are busy, and a leader then loses its quorum to the
/// harness and not to a fault (seen: 200 to 350 ms while the workload was being compiled on a busy machine).</summary>
internal static class ToxiproxyCommand
{
    public const string Verb = "toxiproxy";

    /// <summary>More threads at once than a small machine has cores: none of them waits for another's compilation.</summary>
    private const int ThreadsMin = 16;

    public static Command Create()
    {
        var listen = new Option<string>("--listen") { Description = "Where the HTTP API answers; port 0 is a free one.", DefaultValueFactory = _ => "127.0.0.1:0" };
        var seed = new Option<int>("--seed") { Description = "Draws jitter and toxicity." };
        var ready = new Option<string?>("--ready") { Description = "Write the API's address to this file once it answers." };
        var command = new Command(Verb, """
            Runs the built-in Toxiproxy (the HTTP API of Shopify's, /proxies and /toxics) until SIGTERM or Ctrl-C.
            Examples:
              verify-chaos toxiproxy --listen 127.0.0.1:8474
              verify-chaos run dc-fencing --world live --toxiproxy http://127.0.0.1:8474
            Exit codes: 0 stopped, 3 the address cannot be used.
            """) { listen, seed, ready };
        command.SetAction((parse, cancel) => ProgramErrors.GuardAsync(() => RunAsync(parse.GetValue(listen)!, parse.GetValue(seed), parse.GetValue(ready), cancel)));
        return command;
    }

    private static async Task<int> RunAsync(string listen, int seed, string? ready, CancellationToken cancel)
    {
        if (!IPEndPoint.TryParse(listen, out var endpoint)) throw new Running.HarnessException($"--listen '{listen}' is no address; write 127.0.0.1:8474");
        ThreadPool.GetMinThreads(out var workers, out var ports);
        ThreadPool.SetMinThreads(Math.Max(workers, ThreadsMin), ports);
        await using var server = ToxiproxyServer.Start(endpoint, seed);
        if (ready is not null) await PublishAsync(ready, server.Url);
        Console.WriteLine($"toxiproxy: {server.Url}");
        var stopped = new TaskCompletionSource();
        await using var registration = cancel.Register(stopped.SetResult);
        await stopped.Task;
        return 0;
    }

    /// <summary>Whoever sees the file sees all of it.</summary>
    private static async Task PublishAsync(string file, Uri url)
    {
        await File.WriteAllTextAsync($"{file}.new", url.ToString(), CancellationToken.None);
        File.Move($"{file}.new", file, overwrite: true);
    }
}
