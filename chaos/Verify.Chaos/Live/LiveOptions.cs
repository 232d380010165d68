using Verify.MySql;

namespace Verify.Chaos.Live;

/// <summary>How the live world is to be built.</summary>
public sealed record LiveOptions
{
    public Flavor Flavor { get; init; } = Flavor.MySql;

    /// <summary>False: nothing is fetched; a server must be there.</summary>
    public bool MayInstall { get; init; } = true;

    /// <summary>A Toxiproxy server on this machine; null starts the built-in one.</summary>
    public Uri? ToxiproxyUrl { get; init; }

    /// <summary>The throttler's stores as freno's file has them, for every node; null: the clusters alone.</summary>
    public object? Stores { get; init; }

    /// <summary>Test only.</summary>
    public bool FencingOff { get; init; }

    /// <summary>The nodes run a script around every recovery, which writes down what it is told.</summary>
    public bool RunsHooks { get; init; }
}
