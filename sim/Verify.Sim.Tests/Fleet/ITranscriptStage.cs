using Verify.MySql;

namespace Verify.Sim.Tests.Fleet;

/// <summary>Where a transcript is played: on simulated servers or on real ones. Servers are called s1, s2, s3.</summary>
internal interface ITranscriptStage
{
    Flavor Flavor { get; }
    TimeProvider Time { get; }

    /// <summary>Starts a server, the first time or again.</summary>
    Task StartAsync(string server);
    Task KillAsync(string server);
    Task PauseAsync(string server);
    Task ResumeAsync(string server);
    Task<MySqlSession> OpenAsync(string server, MySqlLogin login);

    /// <summary>How a replica reaches it.</summary>
    (string Host, int Port) AddressOf(string server);

    MySqlLogin Topology { get; }
    MySqlLogin Application { get; }
    MySqlLogin Replication { get; }
}
