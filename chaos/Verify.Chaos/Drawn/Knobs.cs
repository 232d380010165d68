using System.Globalization;
using System.Text;
using Verify.Node.Seam;

namespace Verify.Chaos.Drawn;

/// <summary>Draws options from their documented ranges and writes each down with its range, so that what was drawn can be printed whole.</summary>
internal sealed class Knobs(Dice dice)
{
    private readonly List<(string Name, string Value, string Range)> _drawn = [];

    /// <summary>How many options were drawn.</summary>
    public int Count => _drawn.Count;

    /// <summary>For what is drawn many times and needs no line of its own.</summary>
    public Dice Dice { get; } = dice.Fork("details");

    /// <summary>A whole number from <paramref name="low"/> to <paramref name="high"/>, both inclusive.</summary>
    public int From(string name, int low, int high)
    {
        var value = low + dice.Next(high - low + 1);
        return Keep(name, value, $"{value}", $"{low}..{high}");
    }

    /// <summary>True in so many of 1,000 seeds; otherwise this is switched off altogether.</summary>
    public bool Switch(string name, int perMille)
    {
        var isOn = dice.Chance(perMille);
        return Keep(name, isOn, isOn ? "on" : "off", $"on in {perMille} of 1000 seeds");
    }

    /// <summary>One of these.</summary>
    public T OneOf<T>(string name, params T[] choices)
        where T : notnull
    {
        var value = choices[dice.Next(choices.Length)];
        return Keep(name, value, string.Create(CultureInfo.InvariantCulture, $"{value}"), string.Join(" | ", choices));
    }

    /// <summary>Every option with its value and its range, one per line.</summary>
    public string Print()
    {
        var text = new StringBuilder();
        foreach (var (name, value, range) in _drawn) text.Append("  ").Append(name.PadRight(28)).Append(value.PadRight(12)).Append(" (").Append(range).Append(")\n");
        return text.ToString();
    }

    private T Keep<T>(string name, T value, string text, string range)
    {
        _drawn.Add((name, text, range));
        return value;
    }
}
