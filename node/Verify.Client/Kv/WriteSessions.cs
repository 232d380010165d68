using System.Collections.Concurrent;
using System.Security.Cryptography;
using Verify.Client.Http;

namespace Verify.Client;

/// <summary>Sessions for writes. Within a session one write is on its way at a time and they are numbered upwards, as the nodes demand; so
/// each concurrent write has a session of its own, and a session whose last outcome is not known is never used again: the next number
/// would make that outcome unknowable.</summary>
internal sealed class WriteSessions
{
    private readonly string _prefix = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
    private readonly ConcurrentStack<WriteId> _idle = new();
    private int _made;

    public WriteId Begin() => _idle.TryPop(out var last)
        ? last with { Sequence = last.Sequence + 1 } : new($"{_prefix}-{Interlocked.Increment(ref _made)}", 1);

    /// <summary>The outcome is known.</summary>
    public void End(WriteId id) => _idle.Push(id);
}
