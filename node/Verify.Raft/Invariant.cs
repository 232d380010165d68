using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Verify.Raft;

/// <summary>Checks that are always on, in production too: a broken promise halts this node rather than spread.</summary>
public static class Invariant
{
    /// <exception cref="InvariantBrokenException">The condition does not hold.</exception>
    public static void Holds([DoesNotReturnIf(false)] bool condition, string promise)
    {
        if (!condition) throw new InvariantBrokenException(promise);
    }

    /// <summary>The same for a text with values in it, which is put together only when it is needed.</summary>
    /// <exception cref="InvariantBrokenException">The condition does not hold.</exception>
    public static void Holds([DoesNotReturnIf(false)] bool condition, [InterpolatedStringHandlerArgument(nameof(condition))] PromiseText promise)
    {
        if (!condition) throw new InvariantBrokenException(promise.Take());
    }
}

/// <summary>The text of a promise. While the promise holds nothing is formatted: that cost more than what was checked.</summary>
[InterpolatedStringHandler]
public ref struct PromiseText
{
    private DefaultInterpolatedStringHandler _text;

    public PromiseText(int literalLength, int formattedCount, bool condition, out bool isBroken)
    {
        isBroken = !condition;
        _text = condition ? default : new(literalLength, formattedCount);
    }

    public void AppendLiteral(string value) => _text.AppendLiteral(value);

    public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string? format) => _text.AppendFormatted(value, format);

    internal string Take() => _text.ToStringAndClear();
}

/// <summary>A promise of the design does not hold; the node must halt.</summary>
public sealed class InvariantBrokenException(string promise) : Exception($"Invariant broken: {promise}");
