using Verify.Sim.Tracing;

namespace Verify.Sim.Hosts;

/// <summary>The names of the events that happen on one host.</summary>
internal sealed class HostLabels(LabelTable labels, string host)
{
    public int Start { get; } = labels.Intern($"{host} start");
    public int Loop { get; } = labels.Intern($"{host} loop");
    public int Call { get; } = labels.Intern($"{host} call");
    public int Accept { get; } = labels.Intern($"{host} accept");
    public int Socket { get; } = labels.Intern($"{host} socket");
    public int DiskRead { get; } = labels.Intern($"{host} disk read");
    public int DiskWrite { get; } = labels.Intern($"{host} disk write");
    public int DiskSync { get; } = labels.Intern($"{host} disk sync");
}
