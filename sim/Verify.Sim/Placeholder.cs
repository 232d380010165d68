namespace Verify.Sim;
