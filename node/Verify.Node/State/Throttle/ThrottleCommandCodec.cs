using System.Diagnostics;
using Verify.Node.Codec;

namespace Verify.Node.State.Throttle;

/// <summary>The bytes of <see cref="ThrottleCommand"/> inside a command of kind 7.</summary>
internal static class ThrottleCommandCodec
{
    public const int RatioWhole = 1_000_000;
    private const byte ThrottleApp = 1, UnthrottleApp = 2, SkipHost = 3, RecoverHost = 4;

    public static void Write(WireWriter to, ThrottleCommand command)
    {
        switch (command)
        {
            case ThrottleCommand.ThrottleApp c:
                to.Byte(ThrottleApp);
                to.Text(c.App);
                to.Text(c.Store);
                to.NumberOrNull(c.TtlMs);
                to.NumberOrNull(c.RatioPerMillion);
                break;
            case ThrottleCommand.UnthrottleApp c:
                to.Byte(UnthrottleApp);
                to.Text(c.App);
                to.Text(c.Store);
                break;
            case ThrottleCommand.SkipHost c:
                to.Byte(SkipHost);
                to.Text(c.Host);
                to.Number(c.TtlMs);
                break;
            case ThrottleCommand.RecoverHost c:
                to.Byte(RecoverHost);
                to.Text(c.Host);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <exception cref="WireFormatException"/>
    public static ThrottleCommand Read(ref WireReader from)
    {
        var kind = from.Byte();
        return kind switch
        {
            ThrottleApp => new ThrottleCommand.ThrottleApp(from.Text(), from.Text(), from.NumberOrNull(), ReadRatio(ref from)),
            UnthrottleApp => new ThrottleCommand.UnthrottleApp(from.Text(), from.Text()),
            SkipHost => new ThrottleCommand.SkipHost(from.Text(), from.Number()),
            RecoverHost => new ThrottleCommand.RecoverHost(from.Text()),
            _ => throw from.Malformed($"a throttle command of kind {kind}"),
        };
    }

    public static int? ReadRatio(ref WireReader from)
    {
        if (from.NumberOrNull() is not { } ratio) return null;
        return ratio <= RatioWhole ? (int)ratio : throw from.Malformed($"a ratio of {ratio} in a million");
    }
}
