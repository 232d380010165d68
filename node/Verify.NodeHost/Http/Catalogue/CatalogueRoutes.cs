using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Http.Access;

namespace Verify.NodeHost.Http.Catalogue;

/// <summary>All endpoints about services, and those that carry the whole state away and bring it back.</summary>
internal static class CatalogueRoutes
{
    public static void Map(WebApplication app, INodeApi node, HostConfig config)
    {
        new AclApi(node, config.Acl.Rules).Map(app);
        var whole = node;
        if (config.Acl.Rules.IsEnabled) node = new GuardedServices(node, app.Services.GetRequiredService<IHttpContextAccessor>());
        var reads = new CatalogueReads(node, config.Node);
        var (konsul, consul) = (new ServiceBody(config.Node, (long)config.Catalogue.ServiceTtl.TotalMilliseconds), new ServiceBody(config.Node, ttlMs: 0));
        new KonsulServiceApi(node, konsul, reads).Map(app);
        new BalancerApi(node).Map(app);
        new KonsulHealthApi(node, reads).Map(app);
        new ConsulAgentApi(node, config.Node, consul, reads).Map(app);
        new ConsulCatalogueApi(reads).Map(app);
        new ExportApi(whole, config.Node, consul).Map(app);
        new BackupApi(whole, config.Node, consul, config.Catalogue.BackupDirectory).Map(app);
    }
}
