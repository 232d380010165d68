using System.Net.Http.Headers;
using System.Security.Authentication;

namespace Verify.Client.Http;

/// <summary>Sends one request to one node once, and says what came of it.</summary>
internal sealed class NodeExchange : IDisposable
{
    private const string SessionHeader = "X-Verify-Session";
    private const string SequenceHeader = "X-Verify-Sequence";

    /// <summary>As Retry-After (RFC 9110 §10.2.3), which knows whole seconds only.</summary>
    private const string RetryMillisecondsHeader = "X-Verify-Retry-After-Ms";
    private readonly ClientOptions _options;
    private readonly ServerTrust _trust;
    private readonly HttpClient _http;

    public NodeExchange(ClientOptions options)
    {
        _options = options;
        _trust = new(options);
        _http = new(_trust.Handler(), disposeHandler: true) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <exception cref="OperationCanceledException">The caller's token, not the attempt's time.</exception>
    public async Task<Attempt> SendAsync(NodeRequest request, Uri endpoint, TimeSpan timeout, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(timeout, _options.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token);
        using var message = Message(request, endpoint);
        try
        {
            using var response = await _http.SendAsync(message, HttpCompletionOption.ResponseContentRead, both.Token);
            var location = response.Headers.Location;
            return new Attempt.Answered((int)response.StatusCode, await response.Content.ReadAsStringAsync(both.Token))
            {
                Location = location is null ? null : location.IsAbsoluteUri ? location : new Uri(endpoint, location),
                RetryAfter = RetryAfter(response.Headers),
            };
        }
        catch (HttpRequestException e) when (e.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError)
        {
            return new Attempt.NotSent(e.InnerException?.Message ?? e.Message);
        }
        catch (HttpRequestException e) when (e.HttpRequestError is HttpRequestError.SecureConnectionError || e.InnerException is AuthenticationException)
        {
            return new Attempt.NotSent($"no secure connection: {e.InnerException?.Message ?? e.Message}");
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return new Attempt.Broken(e.InnerException?.Message ?? e.Message);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return new Attempt.Broken($"no answer within {timeout.TotalSeconds:0.0} s");
        }
    }

    public void Dispose()
    {
        _http.Dispose();
        _trust.Dispose();
    }

    private HttpRequestMessage Message(NodeRequest request, Uri endpoint)
    {
        var message = new HttpRequestMessage(request.Method, new Uri(endpoint, request.PathAndQuery));
        if (_options.Credentials.Authorization is { } authorization) message.Headers.TryAddWithoutValidation("Authorization", authorization);
        if (request.Id is { } id)
        {
            message.Headers.Add(SessionHeader, id.Session);
            message.Headers.Add(SequenceHeader, $"{id.Sequence}");
        }

        if (request.Body is { } body)
        {
            message.Content = new ByteArrayContent(body);
            message.Content.Headers.ContentType = new MediaTypeHeaderValue(request.ContentType);
        }

        return message;
    }

    private static TimeSpan? RetryAfter(HttpResponseHeaders headers) =>
        headers.TryGetValues(RetryMillisecondsHeader, out var exact) && int.TryParse(exact.First(), out var ms) && ms >= 0
            ? TimeSpan.FromMilliseconds(ms) : headers.RetryAfter?.Delta;
}
