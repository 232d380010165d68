using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Verify.Node.Throttle;

namespace Verify.NodeHost.Http;

/// <summary>Answers as freno gives them: JSON with a newline behind it, a body for GET only.</summary>
internal static class FrenoAnswer
{
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>{ "StatusCode", "Value", "Threshold", "Message" }.</summary>
    public static Task CheckAsync(HttpContext context, CheckAnswer answer)
    {
        var response = context.Response;
        response.StatusCode = answer.Status;
        if (HttpMethods.IsHead(context.Request.Method)) return Task.CompletedTask;
        var body = BodyOf(answer);
        response.ContentType = "application/json";
        response.ContentLength = body.Length;
        response.BodyWriter.Write(body);
        return Task.CompletedTask;
    }

    /// <summary>The bytes of the body; made once for each answer.</summary>
    public static byte[] BodyOf(CheckAnswer answer) => answer.Rendered ??= Body(answer);

    /// <summary>{ "StatusCode", "Message" }.</summary>
    public static IResult General(int status, string message) => new Bare(status, new { StatusCode = status, Message = message });

    public static IResult Json(object? value, int status = 200) => new Bare(status, value);

    /// <summary>A status and nothing else.</summary>
    public static IResult Empty(int status) => Results.StatusCode(status);

    private static byte[] Body(CheckAnswer answer)
    {
        var to = new ArrayBufferWriter<byte>(128);
        using (var json = new Utf8JsonWriter(to, Relaxed))
        {
            json.WriteStartObject();
            json.WriteNumber("StatusCode", answer.Status);
            json.WriteNumber("Value", answer.Value);
            json.WriteNumber("Threshold", answer.Threshold);
            json.WriteString("Message", answer.Message);
            json.WriteEndObject();
        }

        to.Write("\n"u8);
        return to.WrittenSpan.ToArray();
    }

    private sealed class Bare(int status, object? value) : IResult
    {
        private static readonly JsonSerializerOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.StatusCode = status;
            if (HttpMethods.IsHead(httpContext.Request.Method)) return Task.CompletedTask;
            httpContext.Response.ContentType = "application/json";
            var body = JsonSerializer.SerializeToUtf8Bytes(value, Options);
            httpContext.Response.ContentLength = body.Length + 1;
            httpContext.Response.BodyWriter.Write(body);
            httpContext.Response.BodyWriter.Write("\n"u8);
            return Task.CompletedTask;
        }
    }
}
