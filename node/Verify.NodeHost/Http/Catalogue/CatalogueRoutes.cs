using Microsoft.AspNetCore.Builder;
using Verify.NodeHost.Configuration;

namespace Verify.NodeHost.Http.Catalogue;

/// <summary>All endpoints about services, and those that carry the whole state away and bring it back.</summary>
internal static class CatalogueRoutes
{
    public static void Map(WebApplication app, INodeApi node, HostConfig config)
    {
        var reads = new CatalogueReads(node, config.Node);
        var (konsul, consul) = (new ServiceBody(config.Node, (long)config.Catalogue.ServiceTtl.TotalMilliseconds), new ServiceBody(config.Node, ttlMs: 0));
        new KonsulServiceApi(node, konsul, reads).Map(app);
        new BalancerApi(node).Map(app);
        new KonsulHealthApi(node, reads).Map(app);
        new ConsulAgentApi(node, config.Node, consul, reads).Map(app);
        new ConsulCatalogueApi(reads).Map(app);
        new ExportApi(node, config.Node, consul).Map(app);
        new BackupApi(node, config.Node, consul, config.Catalogue.BackupDirectory).Map(app);
    }
}
