using System.Diagnostics;
using Verify.Node.Codec;
using Verify.Node.State;
using Verify.Node.State.Catalogue;

namespace Verify.Node.Api.Catalogue;

/// <summary>The bytes of requests about services that go to the leader. Kinds 70 to 89 of <see cref="ApiCodec"/>.</summary>
internal static class CatalogueApiCodec
{
    private const byte Register = 70, Deregister = 71, Heartbeat = 72, Report = 73, SetCheck = 74, RemoveCheck = 75, Strategy = 76, Import = 77;

    public static bool Knows(ApiRequest request) => request is ApiRequest.RegisterService or ApiRequest.DeregisterService or ApiRequest.ServiceHeartbeat
        or ApiRequest.ReportCheck or ApiRequest.SetCheck or ApiRequest.RemoveCheck or ApiRequest.SetPickStrategy or ApiRequest.ImportServices;

    public static bool Knows(byte kind) => kind is >= 70 and <= 89;

    public static void WriteRequest(WireWriter to, ApiRequest request)
    {
        switch (request)
        {
            case ApiRequest.RegisterService(var spec, var expected, var id):
                to.Byte(Register);
                CatalogueCodec.Write(to, spec);
                to.NumberOrNull(expected);
                CommandCodec.WriteId(to, id);
                break;
            case ApiRequest.DeregisterService(var name, var instance, var expected, var id):
                to.Byte(Deregister);
                to.TextOrNull(name);
                to.TextOrNull(instance);
                to.NumberOrNull(expected);
                CommandCodec.WriteId(to, id);
                break;
            case ApiRequest.ServiceHeartbeat(var name, var instance, var connections):
                to.Byte(Heartbeat);
                to.TextOrNull(name);
                to.TextOrNull(instance);
                to.NumberOrNull(connections);
                break;
            case ApiRequest.ReportCheck report:
                to.Byte(Report);
                to.TextOrNull(report.InstanceId);
                to.Text(report.CheckId);
                to.Byte((byte)report.Status);
                to.Text(report.Output);
                to.TextOrNull(report.By);
                to.Number(report.DefinedIndex);
                break;
            case ApiRequest.SetCheck(var instance, var check):
                to.Byte(SetCheck);
                to.Text(instance);
                CatalogueCodec.Write(to, check);
                break;
            case ApiRequest.RemoveCheck(var instance, var check):
                to.Byte(RemoveCheck);
                to.TextOrNull(instance);
                to.Text(check);
                break;
            case ApiRequest.SetPickStrategy(var strategy):
                to.Byte(Strategy);
                to.Byte((byte)strategy);
                break;
            case ApiRequest.ImportServices(var instances, var replaces, var id):
                to.Byte(Import);
                to.Number(instances.Count);
                foreach (var instance in instances) CatalogueCodec.Write(to, instance);
                to.Bool(replaces);
                CommandCodec.WriteId(to, id);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <exception cref="WireFormatException"/>
    public static ApiRequest ReadRequest(byte kind, ref WireReader from) => kind switch
    {
        Register => new ApiRequest.RegisterService(CatalogueCodec.ReadSpec(ref from), from.NumberOrNull(), CommandCodec.ReadId(ref from)),
        Deregister => new ApiRequest.DeregisterService(from.TextOrNull(), from.TextOrNull(), from.NumberOrNull(), CommandCodec.ReadId(ref from)),
        Heartbeat => new ApiRequest.ServiceHeartbeat(from.TextOrNull(), from.TextOrNull(), from.NumberOrNull()),
        Report => new ApiRequest.ReportCheck(from.TextOrNull(), from.Text(), CatalogueCodec.ReadStatus(ref from), from.Text(), from.TextOrNull(), from.Number()),
        SetCheck => new ApiRequest.SetCheck(from.Text(), CatalogueCodec.ReadCheck(ref from)),
        RemoveCheck => new ApiRequest.RemoveCheck(from.TextOrNull(), from.Text()),
        Strategy => new ApiRequest.SetPickStrategy(CatalogueCodec.ReadStrategy(ref from)),
        Import => new ApiRequest.ImportServices(ReadSpecs(ref from), from.Bool(), CommandCodec.ReadId(ref from)),
        _ => throw from.Malformed($"a request of kind {kind}"),
    };

    private static ServiceSpec[] ReadSpecs(ref WireReader from)
    {
        var specs = new ServiceSpec[from.Count()];
        for (var i = 0; i < specs.Length; i++) specs[i] = CatalogueCodec.ReadSpec(ref from);
        return specs;
    }
}
