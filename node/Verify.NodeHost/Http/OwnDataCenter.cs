using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Verify.NodeHost.Http;

/// <summary>Consul's ?dc= (Consul HTTP API, "dc"): the request is for that data centre. There is no other group to pass it on to; what asks for
/// another data centre is refused, not answered from here, and a client that names the node's own is answered: Consul's clients name it
/// with every request once they are configured with one.</summary>
internal static class OwnDataCenter
{
    /// <summary>Null: the request is for this data centre, or for none.</summary>
    public static IResult? Objection(HttpRequest request, string own)
    {
        var asked = request.Query["dc"].ToString();
        return asked.Length == 0 || string.Equals(asked, own, StringComparison.OrdinalIgnoreCase)
            ? null : KonsulKvApi.Bad($"?dc={asked} is not built here: this node is in data centre '{own}', ask a node there");
    }

    /// <summary>Routes that all keep to this rule.</summary>
    public static RouteGroupBuilder Group(IEndpointRouteBuilder routes, string own)
    {
        var group = routes.MapGroup("");
        group.AddEndpointFilter(async (call, next) => Objection(call.HttpContext.Request, own) ?? await next(call));
        return group;
    }
}
