using YamlDotNet.Core;

namespace Verify.Scenarios.Reading;

/// <summary>Collects what is wrong while the reading goes on with defaults.</summary>
internal sealed class ErrorList(string file)
{
    private readonly List<ScenarioError> _errors = [];

    public void Add(Mark at, string message) => _errors.Add(new ScenarioError(file, (int)at.Line, (int)at.Column, message));

    public void ThrowIfAny()
    {
        if (_errors.Count > 0)
        {
            throw new ScenarioException(_errors.OrderBy(e => e.Line).ThenBy(e => e.Column).ToArray());
        }
    }

    /// <summary>"; did you mean 'until'?", or nothing when no allowed word is near.</summary>
    public static string Guess(string word, IEnumerable<string> allowed)
    {
        var near = allowed.Select(a => (Word: a, Distance: Distance(word, a))).OrderBy(a => a.Distance).FirstOrDefault();
        return near.Word is not null && near.Distance <= Math.Min(2, word.Length / 2) ? $"; did you mean '{near.Word}'?" : "";
    }

    /// <summary>Single-letter edits from one word to the other (Levenshtein 1966), capitals ignored.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var change = char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1;
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + change));
            }
        }

        return row[^1];
    }
}
