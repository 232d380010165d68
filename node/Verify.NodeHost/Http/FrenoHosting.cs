using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Verify.NodeHost.Configuration;
using Verify.NodeHost.Throttle;

namespace Verify.NodeHost.Http;

/// <summary>Puts freno's part into the pipeline: checks before routing, the rest as routes.</summary>
internal static class FrenoHosting
{
    /// <summary>First of all that stands in the pipeline.</summary>
    /// <param name="wire">Answers on the connection where nobody needs to say who he is; null: there is none.</param>
    public static void Map(WebApplication app, INodeApi node, HostConfig config, CheckWire? wire)
    {
        var figures = new CheckFigures(app.Services.GetService<IMeterFactory>());
        var recent = new RecentApps(TimeProvider.System);
        if (config.Access.Method.Length == 0) wire?.Serve(node, figures, recent);
        new FrenoChecks(node, config.Access, config.Scheme, config.Node.Throttle.SampleAgeMax, figures, recent, config.Freno.HasBackend).Use(app);

        // Named here, routing stands behind the checks and not before everything.
        app.UseRouting();
        new FrenoApi(node, config.Freno, figures, recent).Map(app);
    }
}
