namespace Verify.Checks.Timelines;

/// <summary>Reads the fields of events the way that all checks do.</summary>
internal static class FieldReading
{
    public static bool IsTrue(this RunEvent e, string field) => e[field].Equals("true", StringComparison.OrdinalIgnoreCase);

    public static bool Is(this RunEvent e, string kind) => string.Equals(e.Kind, kind, StringComparison.Ordinal);

    /// <summary>"db1:3306" is the server "db1" when the run knows no server of the full name.</summary>
    public static string Server(this RunFacts facts, string instance)
    {
        var colon = instance.LastIndexOf(':');
        return colon > 0 && !facts.Servers.ContainsKey(instance) ? instance[..colon] : instance;
    }

    /// <summary>When this phase began; null when the run never came to it.</summary>
    public static long? PhaseUs(this RunFacts facts, string phase) =>
        facts.Events.FirstOrDefault(e => e.Is(EventKinds.Phase) && string.Equals(e["name"], phase, StringComparison.Ordinal))?.AtUs;
}
