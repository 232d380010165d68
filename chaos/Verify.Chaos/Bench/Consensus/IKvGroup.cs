using Verify.Chaos.Live;

namespace Verify.Chaos.Bench.Consensus;

/// <summary>Three processes that keep one replicated KV, as the bench sees them: ours or another's, asked over HTTP/1.1 with JSON on
/// kept-alive connections, each in its own words.</summary>
internal interface IKvGroup : IAsyncDisposable
{
    string Name { get; }
    int Size { get; }
    Uri Address(int member);

    /// <summary>0 when it does not run.</summary>
    int Pid(int member);

    byte[] Put(int member, string key, string value);

    /// <summary>Linearizable.</summary>
    byte[] ReadConsistent(int member, string key);

    /// <summary>Linearizable on the leader as long as clocks keep within the bound of their drift; null: the system has none.</summary>
    byte[]? ReadLease(int member, string key);

    /// <summary>What this member has.</summary>
    byte[] ReadStale(int member, string key);

    /// <summary>The log index or revision that an acknowledged write was told.</summary>
    long WrittenAt(HttpWire answered);

    /// <summary>The log index or revision up to which the member that answered a stale read has applied.</summary>
    long AppliedUpTo(HttpWire answered);

    /// <summary>Waits until one member leads and all take part.</summary>
    /// <exception cref="Running.HarnessException">That did not happen in time.</exception>
    Task<int> LeaderAsync(CancellationToken cancel);

    /// <summary>What to ask a member, to learn whether it leads now.</summary>
    byte[] LeaderQuestion(int member);

    /// <param name="status">Of the answer to <see cref="LeaderQuestion"/>.</param>
    bool SaysItLeads(int status, HttpWire answered);

    Task KillAsync(int member);
    Task StartAsync(int member);

    /// <summary>Asks for a planned transfer of leadership, of the leader.</summary>
    /// <returns>The question, to be sent to the leader.</returns>
    byte[] TransferQuestion(int leader, int heir);

    /// <summary>The last lines that a member logged, for messages.</summary>
    string LogTail(int member);
}
