namespace Verify.Fuzz.Decoders;

/// <summary>Everything of ours that reads bytes which others wrote.</summary>
public static class AllDecoders
{
    public static IReadOnlyList<IDecoder> List() => [.. NodeDecoders.All(), .. DataDecoders.All(), .. HostDecoders.All()];
}
