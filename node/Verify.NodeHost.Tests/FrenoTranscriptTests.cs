using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Verify.NodeHost.Tests;

/// <summary>freno's clients, unchanged, against a verify-node process that samples two servers: curl as freno's documents use it
/// (testdata/freno-curl.txt), and a migration tool that asks with HEAD.</summary>
[NonParallelizable]
public sealed partial class FrenoTranscriptTests
{
    private string _directory = null!;
    private MiniMySql _one = null!;
    private MiniMySql _two = null!;
    private NodeProcess _node = null!;
    private string _freno = null!;
    private string _name = null!;

    [GeneratedRegex(@"(?!0001)\d{4}-\d\d-\d\dT[0-9:.]+Z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Time();

    [GeneratedRegex("\"CheckedAtEpoch\":\\d+", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Epoch();

    [SetUp]
    public async Task Start()
    {
        _directory = Directory.CreateTempSubdirectory("verify-freno-").FullName;
        (_one, _two) = (new(), new());
        var (own, frenos) = (FreePort.Next(), FreePort.Next());
        (_freno, _name) = ($"127.0.0.1:{frenos}", $"127.0.0.1:{FreePort.Next()}");
        var file = Path.Combine(_directory, "node.json");
        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(new
        {
            RaftDataDir = Path.Combine(_directory, "data"),
            RaftBind = _name,
            ListenAddress = $"127.0.0.1:{own}",
            ListenPort = frenos,
            Stores = new
            {
                MySQL = new
                {
                    User = "freno", Password = "${FRENO_PASSWORD}", MetricQuery = "select lag from meta.heartbeat", ThrottleThreshold = 1.0,
                    Clusters = new { main = new { StaticHostsSettings = new { Hosts = new[] { _one.Address, _two.Address } } } },
                },
            },
        }));
        _node = NodeProcess.Start(["--config", file], ("FRENO_PASSWORD", "secret"));
        using var http = new HttpClient();
        await Until.AsyncOf("a check that is answered with 200", async () => await StatusAsync(http, "/check/warm-up/mysql/main") == 200 ? "yes" : null);
    }

    [TearDown]
    public async Task Stop()
    {
        await _node.DisposeAsync();
        await _one.DisposeAsync();
        await _two.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Test]
    public async Task Curl_gets_what_frenos_documents_say()
    {
        var played = await new CurlTranscript("freno-curl.txt", ("FRENO", _freno), ("TWO", _two.Address))
        {
            Clean = Clean,
            Story = () => _node.Output,
            Direct = async words =>
            {
                (words[1] == "one" ? _one : _two).Value = words[2] == "NULL" ? null : words[2];
                await Task.Delay(400);
            },
        }.PlayAsync();
        Assert.That(played, Is.GreaterThan(40));
    }

    /// <summary>gh-ost asks with HEAD every 100 ms or so; anything but 200 throttles the migration.</summary>
    [Test]
    public async Task A_migration_is_held_up_by_lag_by_an_operator_and_by_silence_and_goes_on_afterwards()
    {
        using var http = new HttpClient();
        Task<int> Ask() => StatusAsync(http, "/check/gh-ost/mysql/main", HttpMethod.Head);
        Assert.That(await Ask(), Is.EqualTo(200));
        _two.Value = "7.5";
        await Until.AsyncOf("lag", async () => await Ask() == 429 ? "yes" : null);
        _two.Value = "0.2";
        await Until.AsyncOf("no lag", async () => await Ask() == 200 ? "yes" : null);
        Assert.That(await StatusAsync(http, "/throttle-app/gh-ost/ttl/10"), Is.EqualTo(200));
        Assert.That(await Ask(), Is.EqualTo(417), "the very next check");
        Assert.That(await StatusAsync(http, "/unthrottle-app/gh-ost"), Is.EqualTo(200));
        Assert.That(await Ask(), Is.EqualTo(200));

        _one.IsSilent = true;
        var silent = Stopwatch.GetTimestamp();
        await Until.AsyncOf("no fresh sample", async () => await Ask() != 200 ? "yes" : null);
        Assert.That(Stopwatch.GetElapsedTime(silent), Is.LessThan(TimeSpan.FromSeconds(2.5)), "the age limit of a sample is a second; this machine is busy");
        Assert.That(await StatusAsync(http, "/check-if-exists/gh-ost/mysql/main"), Is.Not.EqualTo(200));
        _one.IsSilent = false;
        await Until.AsyncOf("samples again", async () => await Ask() == 200 ? "yes" : null);
        Assert.That(_two.Sessions, Is.EqualTo(1), "one session for all samples");
    }

    private string Clean(string output)
    {
        var text = Epoch().Replace(Time().Replace(output, "<time>"), "\"CheckedAtEpoch\":<epoch>");
        foreach (var (name, shown) in ((string, string)[])[(_one.Address, "<one>"), (_two.Address, "<two>"), (_name, "<node>"), ($"\"{Environment.MachineName}\"", "\"<host>\"")])
            text = text.Replace(name, shown, StringComparison.Ordinal);
        return text;
    }

    private async Task<int> StatusAsync(HttpClient http, string path, HttpMethod? method = null)
    {
        try
        {
            using var request = new HttpRequestMessage(method ?? HttpMethod.Get, $"http://{_freno}{path}");
            using var response = await http.SendAsync(request);
            return (int)response.StatusCode;
        }
        catch (HttpRequestException)
        {
            return 0;
        }
    }
}
