using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Node.Throttle;
using Verify.Node.Topology;

namespace Verify.Node.Api;

/// <summary>The bytes of requests about throttling that go to the leader, and of their replies. Kinds 40 to 49.</summary>
internal static class ThrottleApiCodec
{
    public const byte First = 40, Last = 49;
    private const byte ThrottleApp = 40, UnthrottleApp = 41, SkipHost = 42, RecoverHost = 43, Check = 44, View = 45;
    private const byte Checked = 40, Throttling = 41;

    public static bool Knows(ApiRequest request) => request is
        ApiRequest.ThrottleApp or ApiRequest.UnthrottleApp or ApiRequest.SkipHost or ApiRequest.RecoverHost or ApiRequest.ThrottleCheck or ApiRequest.ThrottleView;

    public static bool Knows(ApiReply reply) => reply is ApiReply.Checked or ApiReply.Throttling;

    public static void WriteRequest(WireWriter to, ApiRequest request)
    {
        switch (request)
        {
            case ApiRequest.ThrottleApp r:
                to.Byte(ThrottleApp);
                to.Text(r.App);
                to.Text(r.Store);
                to.NumberOrNull(r.Ttl?.Ticks);
                to.Bool(r.Ratio is not null);
                if (r.Ratio is { } ratio) Write(to, ratio);
                break;
            case ApiRequest.UnthrottleApp r:
                to.Byte(UnthrottleApp);
                to.Text(r.App);
                to.Text(r.Store);
                break;
            case ApiRequest.SkipHost r:
                to.Byte(SkipHost);
                to.Text(r.Host);
                to.Number(r.Ttl.Ticks);
                break;
            case ApiRequest.RecoverHost r:
                to.Byte(RecoverHost);
                to.Text(r.Host);
                break;
            case ApiRequest.ThrottleCheck r:
                to.Byte(Check);
                to.Text(r.App);
                to.Text(r.StoreType);
                to.Text(r.Store);
                Write(to, r.Flags.Threshold);
                to.Bool(r.Flags.IsLowPriority);
                to.Bool(r.Flags.IfExists);
                to.Bool(r.Flags.IsRead);
                break;
            case ApiRequest.ThrottleView:
                to.Byte(View);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <exception cref="WireFormatException"/>
    public static ApiRequest ReadRequest(byte kind, ref WireReader from) => kind switch
    {
        ThrottleApp => new ApiRequest.ThrottleApp(
            from.Text(), from.Text(), from.NumberOrNull() is { } ticks ? TimeSpan.FromTicks(ticks) : null, from.Bool() ? ReadDouble(ref from) : null),
        UnthrottleApp => new ApiRequest.UnthrottleApp(from.Text(), from.Text()),
        SkipHost => new ApiRequest.SkipHost(from.Text(), TimeSpan.FromTicks(from.Number())),
        RecoverHost => new ApiRequest.RecoverHost(from.Text()),
        Check => new ApiRequest.ThrottleCheck(from.Text(), from.Text(), from.Text(), new(ReadDouble(ref from), from.Bool(), from.Bool(), from.Bool())),
        View => new ApiRequest.ThrottleView(),
        _ => throw from.Malformed($"a request of kind {kind}"),
    };

    public static void WriteReply(WireWriter to, ApiReply reply)
    {
        switch (reply)
        {
            case ApiReply.Checked(var answer, var age):
                to.Byte(Checked);
                to.Number(answer.Status);
                Write(to, answer.Value);
                Write(to, answer.Threshold);
                to.Text(answer.Message);
                to.Byte((byte)answer.Reason);
                to.Number(Math.Max(0, age.Ticks));
                break;
            case ApiReply.Throttling(var view):
                to.Byte(Throttling);
                WriteView(to, view);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <exception cref="WireFormatException"/>
    public static ApiReply ReadReply(byte kind, ref WireReader from)
    {
        if (kind == Throttling) return new ApiReply.Throttling(ReadView(ref from));
        if (kind != Checked) throw from.Malformed($"a reply of kind {kind}");
        var status = from.Number();
        if (status is < 100 or > 599) throw from.Malformed($"a status of {status}");
        var (value, threshold, message, reason) = (ReadDouble(ref from), ReadDouble(ref from), from.Text(), from.Byte());
        if (reason > (byte)CheckReason.NotLeader) throw from.Malformed($"a reason of kind {reason}");
        return new ApiReply.Checked(new((int)status, value, threshold, message, (CheckReason)reason), TimeSpan.FromTicks(from.Number()));
    }

    private static void WriteView(WireWriter to, ThrottlingView view)
    {
        to.Number(view.Apps.Count);
        foreach (var app in view.Apps)
        {
            to.Text(app.App);
            to.Text(app.Store);
            Write(to, app.Ratio);
            to.NumberOrNull(app.ExpiresAt?.ToUnixTimeMilliseconds());
        }

        to.Number(view.Hosts.Count);
        foreach (var host in view.Hosts)
        {
            to.Text(host.Host);
            to.Number(host.ExpiresAt.ToUnixTimeMilliseconds());
        }

        to.Number(view.Stores.Count);
        foreach (var store in view.Stores)
        {
            to.Text(store.Store);
            Write(to, store.Value);
            Write(to, store.Threshold);
            to.Number(store.Status);
            to.Text(store.Problem);
            to.NumberOrNull(store.HealthyAgo?.Ticks);
            to.Number(store.Hosts.Count);
            foreach (var host in store.Hosts)
            {
                to.Key(host.Host);
                to.Bool(host.Value is not null);
                if (host.Value is { } value) Write(to, value);
                to.Text(host.Problem);
                to.Text(host.Ignored);
            }
        }
    }

    private static ThrottlingView ReadView(ref WireReader from)
    {
        var apps = new ThrottledAppView[from.Count()];
        for (var i = 0; i < apps.Length; i++) apps[i] = new(from.Text(), from.Text(), ReadDouble(ref from), from.NumberOrNull() is { } at ? Wall(at, ref from) : null);
        var hosts = new SkippedHostView[from.Count()];
        for (var i = 0; i < hosts.Length; i++) hosts[i] = new(from.Text(), Wall(from.Number(), ref from));
        var stores = new StoreFigures[from.Count()];
        for (var i = 0; i < stores.Length; i++) stores[i] = ReadStore(ref from);
        return new(apps, hosts, stores);
    }

    private static StoreFigures ReadStore(ref WireReader from)
    {
        var (name, value, threshold, status, problem) = (from.Text(), ReadDouble(ref from), ReadDouble(ref from), from.Number(), from.Text());
        if (status is < 100 or > 599) throw from.Malformed($"a status of {status}");
        TimeSpan? healthy = from.NumberOrNull() is { } ticks ? TimeSpan.FromTicks(ticks) : null;
        var hosts = new StoreHostFigure[from.Count()];
        for (var i = 0; i < hosts.Length; i++) hosts[i] = new(from.Key(), from.Bool() ? ReadDouble(ref from) : null, from.Text(), from.Text());
        return new(name, value, threshold, (int)status, problem, healthy, hosts);
    }

    private static DateTimeOffset Wall(long ms, ref WireReader from) =>
        ms <= 253_402_300_799_999 ? DateTimeOffset.FromUnixTimeMilliseconds(ms) : throw from.Malformed($"a time {ms} ms after 1970");

    private static void Write(WireWriter to, double value) => to.UInt64(BitConverter.DoubleToUInt64Bits(value));
    private static double ReadDouble(ref WireReader from) => BitConverter.UInt64BitsToDouble(from.UInt64());
}
