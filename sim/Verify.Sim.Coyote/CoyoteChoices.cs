using Microsoft.Coyote.Random;
using Verify.Sim.Scheduling;

namespace Verify.Sim.Coyote;

/// <summary>Choice mode: Coyote's engine chooses every value. Its strategies see integers, its trace file holds them ("int(k)"), its replay makes them again.</summary>
public sealed class CoyoteChoices : IChoiceSource
{
    private readonly Generator _generator = Generator.Create();

    public int Next(ChoiceKind kind, int n) => n <= 1 ? 0 : _generator.NextInteger(n);
}
