using System.Collections.Immutable;

namespace Verify.Checks.Linearizability;

public enum StoreCallKind { Read, Write, WriteRefused }

/// <summary>What a call says of one key: its number, and a value that is written only once; 0 is "no such key".</summary>
public readonly record struct StoreCell(int Key, int Value);

/// <summary>A call on several keys at once, and its answer.</summary>
/// <param name="Expected">Write: what had to be there. WriteRefused: of these at least one was not there.</param>
/// <param name="Cells">Read: what was read. Write: what is there then.</param>
public sealed record StoreCall(StoreCallKind Kind, ImmutableArray<StoreCell> Expected, ImmutableArray<StoreCell> Cells);

/// <summary>What all keys hold.</summary>
public sealed class StoreState(ImmutableArray<int> values) : IEquatable<StoreState>
{
    public ImmutableArray<int> Values => values;

    public bool Equals(StoreState? other) => other is not null && values.AsSpan().SequenceEqual(other.Values.AsSpan());
    public override bool Equals(object? obj) => Equals(obj as StoreState);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var value in values) hash.Add(value);
        return hash.ToHashCode();
    }
}

/// <summary>A store in which several keys are read, written, compared and deleted in one step: what batches, transactions and deletes by prefix
/// promise. All keys are one object: that a batch is seen by half shows only when its keys are judged together.</summary>
public sealed class StoreModel(int keys) : IModel<StoreState, StoreCall>
{
    public StoreState Initial { get; } = new([.. new int[keys]]);

    public bool TryStep(StoreState state, StoreCall call, out StoreState next)
    {
        next = state;
        switch (call.Kind)
        {
            case StoreCallKind.Read:
                return Holds(state, call.Cells);
            case StoreCallKind.WriteRefused:
                return !Holds(state, call.Expected);
            case StoreCallKind.Write:
                if (!Holds(state, call.Expected)) return false;
                var values = state.Values.ToBuilder();
                foreach (var (key, value) in call.Cells) values[key] = value;
                next = new(values.ToImmutable());
                return true;
            default:
                throw new ArgumentOutOfRangeException(nameof(call), call.Kind, "not a call on a store");
        }
    }

    /// <summary>What only looks may go; a write may have made another one's answer true.</summary>
    public bool[] MayBeLeftOut(IReadOnlyList<StoreCall> calls, int from, int count) =>
        [.. Enumerable.Range(from, count).Select(i => calls[i].Kind != StoreCallKind.Write)];

    private static bool Holds(StoreState state, ImmutableArray<StoreCell> cells)
    {
        foreach (var (key, value) in cells)
            if (state.Values[key] != value) return false;
        return true;
    }
}
