using System.Text;
using Verify.Node.State.Catalogue;

namespace Verify.Node.Api.Catalogue;

/// <summary>What a registration must keep to before it may enter the log.</summary>
internal static class CatalogueLimits
{
    public const int NameBytesMax = 255;
    public const int TagsMax = 64;
    public const int MetaMax = 64;
    public const int MetaKeyBytesMax = 128;
    public const int MetaValueBytesMax = 512;
    public const int ChecksMax = 16;
    public const int OutputBytesMax = 4 * 1024;
    public const int InstancesMax = 50_000;
    public const int ImportMax = 2_000;
    public const long TtlMsMin = 100;
    public const long TimeMsMax = 365L * 24 * 3600 * 1000;

    /// <summary>Why the request cannot be done; null when it can.</summary>
    public static string? Objection(ApiRequest request) => request switch
    {
        ApiRequest.RegisterService register => Spec(register.Spec) ?? Index(register.ExpectedIndex),
        ApiRequest.DeregisterService { Name: null, InstanceId: null } => "neither the service nor the instance is named",
        ApiRequest.DeregisterService remove => Maybe("the service's name", remove.Name) ?? Maybe("the instance's id", remove.InstanceId) ?? Index(remove.ExpectedIndex),
        ApiRequest.ServiceHeartbeat { Name: null, InstanceId: null } => "neither the service nor the instance is named",
        ApiRequest.ServiceHeartbeat beat => Maybe("the service's name", beat.Name) ?? Maybe("the instance's id", beat.InstanceId) ?? Count(beat.Connections),
        ApiRequest.ReportCheck report => Maybe("the instance's id", report.InstanceId) ?? Text("the check's id", report.CheckId, NameBytesMax) ?? Output(report.Output),
        ApiRequest.SetCheck set => Text("the instance's id", set.InstanceId, NameBytesMax) ?? Check(set.Check),
        ApiRequest.RemoveCheck remove => Maybe("the instance's id", remove.InstanceId) ?? Text("the check's id", remove.CheckId, NameBytesMax),
        ApiRequest.ImportServices import => Import(import),
        _ => null,
    };

    private static string? Import(ApiRequest.ImportServices import)
    {
        if (import.Instances.Count > ImportMax) return $"{import.Instances.Count} registrations at once; at most {ImportMax} are allowed";
        for (var i = 0; i < import.Instances.Count; i++)
            if (Spec(import.Instances[i]) is { } objection) return $"registration {i + 1}: {objection}";
        return null;
    }

    private static string? Spec(ServiceSpec spec)
    {
        if ((Text("the service's name", spec.Name, NameBytesMax) ?? Text("the instance's id", spec.Id, NameBytesMax) ?? Maybe("the address", spec.Address, isEmptyGood: true)) is { } wrong) return wrong;
        if (spec.Port is < 0 or > 65_535) return $"{spec.Port} is no port";
        if (spec.Tags.Length > TagsMax) return $"{spec.Tags.Length} tags; at most {TagsMax} are allowed";
        foreach (var tag in spec.Tags)
            if (Text("a tag", tag, NameBytesMax) is { } objection) return objection;
        if (spec.Meta.Count > MetaMax) return $"{spec.Meta.Count} entries of meta; at most {MetaMax} are allowed";
        foreach (var (key, value) in spec.Meta)
        {
            if (Text("a key of meta", key, MetaKeyBytesMax) is { } objection) return objection;
            if (Encoding.UTF8.GetByteCount(value) > MetaValueBytesMax) return $"meta {key} is longer than {MetaValueBytesMax} bytes";
        }

        if (spec.TtlMs != 0 && Time("the service's TTL", spec.TtlMs) is { } ttl) return ttl;
        if (spec.WeightPassing is < 0 or > 65_535 || spec.WeightWarning is < 0 or > 65_535) return "a weight is 0 to 65535 (RFC 2782)";
        if (spec.Checks.Length > ChecksMax) return $"{spec.Checks.Length} checks; at most {ChecksMax} are allowed";
        for (var i = 0; i < spec.Checks.Length; i++)
        {
            if (Check(spec.Checks[i]) is { } objection) return $"check {i + 1}: {objection}";
            if (spec.Checks.Take(i).Any(other => other.Id == spec.Checks[i].Id)) return $"check {i + 1}: the id {spec.Checks[i].Id} is there twice";
        }

        return null;
    }

    private static string? Check(CheckSpec check)
    {
        if ((Text("its id", check.Id, NameBytesMax) ?? Text("its name", check.Name, NameBytesMax) ?? Output(check.Notes)) is { } wrong) return wrong;
        if (check.DeregisterAfterMs != 0 && Time("the time after which it deregisters", check.DeregisterAfterMs) is { } end) return end;
        if (check.SuccessBeforePassing is < 1 or > 100 || check.FailuresBeforeCritical is < 1 or > 100) return "results before a change are 1 to 100";
        switch (check.Kind)
        {
            case CheckKind.Ttl:
                return Time("its TTL", check.TtlMs);
            case CheckKind.Maintenance:
                return null;
            case CheckKind.Http when HttpTarget.Parse(check.Target) is null:
                return $"'{check.Target}' is no http://host:port/path (https is not built: use a TCP check)";
            case CheckKind.Tcp or CheckKind.MySql when !Seam.Endpoint.TryParse(check.Target, check.Kind == CheckKind.MySql ? 3306 : null, out _):
                return $"'{check.Target}' is no host:port";
            default:
                if (check.Target.Length > 2048 || check.Headers.Sum(static header => header.Key.Length + header.Value.Length) > 8192) return "its target is longer than 2048 bytes, or its headers than 8192";
                return Time("its interval", check.IntervalMs) ?? Time("its time-out", check.TimeoutMs) ?? Wire(check);
        }
    }

    /// <summary>What goes into a request as it is must not be able to end a line of it.</summary>
    private static string? Wire(CheckSpec check)
    {
        foreach (var text in check.Headers.SelectMany(static header => new[] { header.Key, header.Value }).Append(check.Method).Append(check.Target))
            if (text.Any(static letter => letter is < ' ' or > '~')) return "method, target and headers are printable ASCII";
        return check.Method.Contains(' ', StringComparison.Ordinal) || check.Target.Contains(' ', StringComparison.Ordinal) ? "method and target have no blanks" : null;
    }

    private static string? Time(string what, long ms) => ms is < TtlMsMin or > TimeMsMax ? $"{what} is {TtlMsMin} ms to a year, not {ms} ms" : null;

    private static string? Maybe(string what, string? text, bool isEmptyGood = false) => text is null || (isEmptyGood && text.Length == 0) ? null : Text(what, text, NameBytesMax);

    private static string? Text(string what, string text, int bytesMax) => text.Length == 0 ? $"{what} is empty"
        : Encoding.UTF8.GetByteCount(text) > bytesMax ? $"{what} is longer than {bytesMax} bytes" : null;

    private static string? Output(string text) => Encoding.UTF8.GetByteCount(text) > OutputBytesMax ? $"the output is longer than {OutputBytesMax} bytes" : null;

    private static string? Index(long? expected) => expected < 0 ? $"{expected} is no index" : null;

    private static string? Count(long? connections) => connections is < 0 or > 1_000_000_000 ? $"{connections} is no number of connections" : null;
}

/// <summary>Where an HTTP check asks.</summary>
internal sealed record HttpTarget(Seam.Endpoint Server, string HostHeader, string Path)
{
    /// <summary>Null: it is no http:// address.</summary>
    public static HttpTarget? Parse(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme != "http" || uri.Host.Length == 0 || uri.Port is < 1 or > 65_535) return null;
        return new(new(uri.Host.Trim('[', ']'), uri.Port), uri.IsDefaultPort ? uri.Host : $"{uri.Host}:{uri.Port}", uri.PathAndQuery);
    }
}
