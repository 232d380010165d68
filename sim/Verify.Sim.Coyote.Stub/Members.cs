using System.Globalization;
using Microsoft.Coyote.Runtime;

namespace Microsoft.Coyote.Random
{
    /// <summary>Stub of Coyote's source of controlled values.</summary>
    public sealed class Generator
    {
        private readonly StubEngine? _engine = StubEngine.Current;

        private Generator()
        {
        }

        public static Generator Create() => new();

        public int NextInteger(int maxValue) => _engine?.NextInteger(maxValue) ?? 0;
    }
}

namespace Microsoft.Coyote.SystematicTesting
{
    /// <summary>Stub of the mark by which Coyote's command line finds tests.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    public sealed class TestAttribute : Attribute;
}

namespace Microsoft.Coyote.Specifications
{
    /// <summary>Stub of Coyote's assertions.</summary>
    public static class Specification
    {
        public static void Assert(bool predicate, string s, params object[] args)
        {
            if (!predicate) throw new InvalidOperationException(string.Format(CultureInfo.InvariantCulture, s, args));
        }
    }
}

namespace Microsoft.Coyote.Runtime
{
    /// <summary>Stub of Coyote's controlled operations. Without an engine attached, nothing is controlled.</summary>
    public static class Operation
    {
        public static ulong? CreateNext() => StubEngine.Current?.CreateNext();

        public static void Start(ulong operationId) => StubEngine.Start(operationId);

        public static void PauseUntil(Func<bool> condition) => StubEngine.Current?.PauseUntil(condition);

        public static void PauseUntilCompleted(ulong operationId) => StubEngine.Current?.PauseUntilCompleted(operationId);

        public static void Complete() => StubEngine.Current?.Complete();

        public static void ScheduleNext() => StubEngine.Current?.ScheduleNext();
    }
}
