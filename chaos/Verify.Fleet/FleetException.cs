namespace Verify.Fleet;

/// <summary>The machine or the fleet cannot do what a run needs; the message says what is missing and what to do.</summary>
public sealed class FleetException(string message, Exception? cause = null) : Exception(message, cause);
