using System.Globalization;
using Verify.Fuzz;
using Verify.Fuzz.Decoders;

const string Help = """
    verify-fuzz: feeds every decoder of Verify with mutated inputs (started by: verify-chaos fuzz)

      --decoder NAME   Only this one (all: every one; --list names them).
      --inputs N       Inputs per decoder (10,000,000).
      --first N        The number of the first input (0).
      --seed N         Draws the mutations (1).
      --threads N      Threads (as many as there are cores).
      --out FOLDER     Where a failing input is saved (fuzz-failures).
      --replay FILE    Read one saved input; needs --decoder.
      --markdown FILE  Write the table to this file.
      --list           The decoders.

    Exit codes: 0 nothing found; 1 a decoder failed; 3 the command line is wrong.
    """;

var settings = new SortedDictionary<string, string>(StringComparer.Ordinal);
for (var i = 0; i < args.Length; i++)
{
    if (args[i] is "--help" or "-h" or "--list") settings[args[i]] = "";
    else if (args[i] is "--decoder" or "--inputs" or "--first" or "--seed" or "--threads" or "--out" or "--replay" or "--markdown" && i + 1 < args.Length) settings[args[i]] = args[++i];
    else return Wrong($"'{args[i]}' is not known or lacks its value; see --help");
}

if (settings.ContainsKey("--help") || settings.ContainsKey("-h"))
{
    Console.WriteLine(Help);
    return 0;
}

var all = AllDecoders.List();
if (settings.ContainsKey("--list"))
{
    foreach (var decoder in all) Console.WriteLine(decoder.Name);
    return 0;
}

if (!TryNumber("--inputs", 10_000_000, out var inputs) || !TryNumber("--first", 0, out var first) || !TryNumber("--seed", 1, out var seed)
    || !TryNumber("--threads", Environment.ProcessorCount, out var threads) || threads is < 1 or > 256) return Wrong("--inputs, --first, --seed and --threads are whole numbers; see --help");
var name = settings.GetValueOrDefault("--decoder", "all");
var chosen = all.Where(d => name == "all" || d.Name == name).ToArray();
if (chosen.Length == 0) return Wrong($"there is no decoder '{name}'; there are: {string.Join(", ", all.Select(d => d.Name))}");
var options = new FuzzOptions
{
    Inputs = inputs, First = first, Seed = (ulong)seed, Threads = (int)threads, Say = Console.WriteLine, Folder = settings.GetValueOrDefault("--out", "fuzz-failures"),
};
if (settings.TryGetValue("--replay", out var file))
{
    if (chosen.Length != 1) return Wrong("--replay needs --decoder");
    var failure = new Fuzzer(chosen[0], options).Try(await File.ReadAllBytesAsync(file));
    Console.WriteLine(failure is null ? $"{file}: {chosen[0].Name} reads or refuses it as documented" : $"{file}: {failure.What}\n{failure.Detail}");
    return failure is null ? 0 : 1;
}

var report = new FuzzReport();
foreach (var decoder in chosen)
{
    var result = new Fuzzer(decoder, options).Run();
    report.Add(result);
    Console.WriteLine(FuzzReport.Line(result));
    if (result.Failure is { } found) Console.WriteLine($"  input {found.Number} of seed {found.Seed}: {found.What}\n{found.Detail}");
}

if (settings.TryGetValue("--markdown", out var page)) await File.WriteAllTextAsync(page, report.Markdown($"verify-chaos fuzz {string.Join(' ', args)}", options));
return report.IsClean ? 0 : 1;

bool TryNumber(string key, long usual, out long number)
{
    number = usual;
    return !settings.TryGetValue(key, out var text) || long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}

static int Wrong(string why)
{
    Console.Error.WriteLine($"verify-fuzz: {why}");
    return 3;
}
