using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Verify.Chaos.Worlds;
using Verify.Checks;

namespace Verify.Chaos.Live;

/// <summary>The KV over HTTP, asked of the nodes of the client's own data centre in turn.</summary>
internal sealed class LiveKvClient(HttpClient http, IReadOnlyList<LiveNode> nodes) : IKvClient
{
    private int _next;

    public async ValueTask<KvAnswer> AskAsync(KvQuestion question)
    {
        var node = nodes[_next % nodes.Count];
        using var request = Request(node, question);
        try
        {
            using var response = await http.SendAsync(request);
            var answer = await ReadAsync(question, node.Name, response);
            if (answer.Outcome != OpOutcome.Ok) _next++;
            return answer;
        }
        catch (HttpRequestException e)
        {
            _next++;

            // Refused before anything was sent is a certain failure; a broken connection is not.
            var certain = e.HttpRequestError == HttpRequestError.ConnectionError;
            return new(certain ? OpOutcome.Failed : OpOutcome.Unknown, node.Name) { Error = e.Message };
        }
        catch (OperationCanceledException)
        {
            _next++;
            return new(OpOutcome.Unknown, node.Name) { Error = "no answer in time" };
        }
    }

    private static HttpRequestMessage Request(LiveNode node, KvQuestion question)
    {
        var uri = new Uri(node.Http, $"/kv/{question.Key}" + (question is { Kind: OpKind.KvDelete, ExpectedIndex: { } cas } ? $"?cas={cas}" : ""));
        var request = question.Kind switch
        {
            OpKind.KvGet => new HttpRequestMessage(HttpMethod.Get, uri),
            OpKind.KvDelete => new HttpRequestMessage(HttpMethod.Delete, uri),
            _ => new HttpRequestMessage(HttpMethod.Put, uri)
            {
                Content = question.ExpectedIndex is { } index
                    ? JsonContent.Create(new { value = question.Value, cas = index }) : JsonContent.Create(new { value = question.Value }),
            },
        };
        if (question.Sequence > 0)
        {
            request.Headers.Add("X-Verify-Session", question.Session);
            request.Headers.Add("X-Verify-Sequence", $"{question.Sequence}");
        }

        return request;
    }

    private static async ValueTask<KvAnswer> ReadAsync(KvQuestion question, string node, HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        switch (response.StatusCode)
        {
            case HttpStatusCode.OK:
            {
                using var body = JsonDocument.Parse(text);
                return new(OpOutcome.Ok, node)
                {
                    ModifyIndex = body.RootElement.GetProperty("modify_index").GetInt64(),
                    Value = question.Kind == OpKind.KvGet ? body.RootElement.GetProperty("value").GetString() : null,
                };
            }

            case HttpStatusCode.NotFound when question.Kind == OpKind.KvGet: return new(OpOutcome.Ok, node);
            case HttpStatusCode.NotFound: return new(OpOutcome.Failed, node) { Error = text };
            case HttpStatusCode.Conflict: return new(OpOutcome.Ok, node) { CasRefused = true };
            case HttpStatusCode.GatewayTimeout: return new(OpOutcome.Unknown, node) { Error = text };
            case HttpStatusCode.InternalServerError: return new(OpOutcome.Unknown, node) { Error = text };
            default: return new(OpOutcome.Failed, node) { Error = $"{(int)response.StatusCode}: {text}" };
        }
    }
}
