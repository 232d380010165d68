#if VERIFY_MUTANTS
namespace Verify.Raft.Tests;

/// <summary>Runs these tests on a core with a planted bug: VERIFY_MUTANT=M12 dotnet test node/Verify.Raft.Tests -p:Mutants=true
/// must be red.</summary>
[SetUpFixture]
public sealed class PlantedBug
{
    [OneTimeSetUp]
    public void Arm() => Mutant.Armed = Environment.GetEnvironmentVariable("VERIFY_MUTANT");

    [OneTimeTearDown]
    public void Disarm() => Mutant.Armed = null;
}
#endif
