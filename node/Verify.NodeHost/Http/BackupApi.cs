using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Verify.Node.Api;
using Verify.Node.Loop;
using Verify.NodeHost.Http.Catalogue;

namespace Verify.NodeHost.Http;

/// <summary>Konsul's /backup, /restore, /backups, /export and /import. A backup is a file of <see cref="ExportFormat"/> in the backup directory of
/// the node that is asked; a restore makes the group's keys and services what the file says. Restoring is the same as importing: batches of keys, then the services.</summary>
internal sealed class BackupApi(INodeApi node, NodeConfig config, ServiceBody bodies, string directory)
{
    private const string Ending = ".ndjson";
    private const int ImportBytesMax = 256 << 20;
    private static readonly SearchValues<char> NameLetters = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private readonly ExportFormat _format = new(node, config, bodies);
    private readonly StateImport _import = new(node, config);

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/backup", BackupAsync).WithMetadata(NeedsWrite.Mark);
        routes.MapPost("/restore", RestoreAsync).WithMetadata(NeedsWrite.Mark);
        routes.MapGet("/backups", List);
        routes.MapGet("/export", ExportAsync);
        routes.MapPost("/import", ImportAsync).WithMetadata(NeedsWrite.Mark);
    }

    private async Task<IResult> BackupAsync(HttpRequest request)
    {
        var reply = await node.AskAsync(new ApiRequest.ExportState(null));
        if (reply is not ApiReply.Exported page) return ClusterApi.Refusal(reply);
        var now = TimeProvider.System.GetUtcNow();
        var name = string.Concat($"{config.ClusterId}-{now:yyyyMMddTHHmmssfff}-{page.AppliedIndex}".Select(static letter => NameLetters.Contains(letter) ? letter : '_')) + Ending;
        var path = Path.Combine(directory, name);
        try
        {
            Directory.CreateDirectory(directory);
            // Under another name until it is whole and durable: what is listed can be restored.
            await using (var file = new FileStream(path + ".part", FileMode.CreateNew, FileAccess.Write))
            {
                if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(file.SafeFileHandle, UnixFileMode.UserRead | UnixFileMode.UserWrite);
                if (await _format.WriteAsync(page, file, request.HttpContext.RequestAborted) is { } why) return Results.Json(new { error = "backup failed", message = why, outcome = "not done" }, statusCode: 500);
                file.Flush(flushToDisk: true);
            }

            File.Move(path + ".part", path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Results.Json(new { error = "backup failed", message = $"{directory}: {e.Message}", outcome = "not done" }, statusCode: 500);
        }
        finally
        {
            File.Delete(path + ".part");
        }

        return Results.Json(new
        {
            message = "Backup created successfully", backup_path = name, directory, node_id = config.Self.Name, timestamp = now, applied_index = page.AppliedIndex,
            pairs = page.PairsTotal, services = page.Instances.Count, bytes = new FileInfo(path).Length,
        });
    }

    private IResult List()
    {
        if (!Directory.Exists(directory)) return Results.Json(new { backups = Array.Empty<object>(), count = 0, directory });
        var files = new DirectoryInfo(directory).GetFiles("*" + Ending).OrderByDescending(static f => f.Name, StringComparer.Ordinal).ToArray();
        return Results.Json(new { backups = files.Select(static f => new { name = f.Name, bytes = f.Length, created = f.LastWriteTimeUtc }), count = files.Length, directory });
    }

    private async Task<IResult> RestoreAsync(HttpRequest request)
    {
        var (body, problem) = await JsonFields.ReadObjectAsync(request);
        if (body is null) return KonsulServiceApi.Bad(problem!);
        var (given, word) = (body.Text("backuppath"), body.Text("mode", request.Query["mode"].ToString()));
        if (body.End() is { } wrong) return KonsulServiceApi.Bad(wrong);
        if (ExportApi.ModeOf(word, ImportMode.Replace) is not { } mode) return KonsulServiceApi.Bad($"mode must be replace, overwrite or create, not '{word}'");
        var name = Path.GetFileName(given);
        if (name.Length == 0 || name.AsSpan().ContainsAnyExcept(NameLetters) || name.StartsWith('.') || (given != name && Path.GetFullPath(given) != Path.GetFullPath(Path.Combine(directory, name))))
            return KonsulServiceApi.Bad("backup_path must be the name of a file in the backup directory, as GET /backups lists it");
        try
        {
            await using var file = new FileStream(Path.Combine(directory, name), FileMode.Open, FileAccess.Read);
            var (content, unreadable) = await _format.ReadAsync(file, request.HttpContext.RequestAborted);
            if (content is null) return KonsulServiceApi.Bad($"{name}: {unreadable}");
            var done = await _import.WriteAsync(content, mode);
            return done is IStatusCodeHttpResult { StatusCode: not (null or 200) } ? done : Results.Json(new { message = "Backup restored successfully", path = name, pairs = content.Pairs.Count, services = content.Services.Count });
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return KonsulServiceApi.NotFound($"there is no backup {name} on {config.Self}: a backup lies on the node that made it");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Results.Json(new { error = "restore failed", message = e.Message, outcome = "not done" }, statusCode: 500);
        }
    }

    /// <summary>Konsul's shape: texts in "kv", and what is no text in "kv_base64". Flags and create indexes are not in it; /cluster/export has all.</summary>
    private async Task<IResult> ExportAsync()
    {
        var (texts, bytes) = (new SortedDictionary<string, string>(StringComparer.Ordinal), new SortedDictionary<string, string>(StringComparer.Ordinal));
        var reply = await node.AskAsync(new ApiRequest.ExportState(null));
        if (reply is not ApiReply.Exported first) return ClusterApi.Refusal(reply);
        for (var page = first; ;)
        {
            foreach (var pair in page.Pairs)
            {
                try
                {
                    texts[pair.Key] = Strict.GetString(pair.Value.Span);
                }
                catch (DecoderFallbackException)
                {
                    bytes[pair.Key] = Convert.ToBase64String(pair.Value.Span);
                }
            }

            if (page.Next is not { } next) break;
            reply = await node.AskAsync(new ApiRequest.ExportState(next));
            if (reply is not ApiReply.Exported more) return ClusterApi.Refusal(reply);
            page = more;
        }

        var services = new SortedDictionary<string, object>(first.Instances.ToDictionary(static s => s.Id, static s => ExportFormat.ShapeOf(s.Spec), StringComparer.Ordinal), StringComparer.Ordinal);
        return Results.Json(new { kv = texts, kv_base64 = bytes, services, applied_index = first.AppliedIndex });
    }

    private async Task<IResult> ImportAsync(HttpRequest request)
    {
        if (ExportApi.ModeOf(request.Query["mode"].ToString(), ImportMode.Overwrite) is not { } mode) return KonsulServiceApi.Bad($"mode must be create, overwrite or replace, not '{request.Query["mode"]}'");
        var (root, problem) = await JsonFields.ReadAsync(request, ImportBytesMax);
        if (root is not { ValueKind: JsonValueKind.Object } body) return KonsulServiceApi.Bad(problem ?? "the body must be an object with kv and services, as GET /export gives it (lines of JSON go to /cluster/import)");
        var (pairs, specs) = (new List<KvWrite>(), new List<Node.State.Catalogue.ServiceSpec>());
        foreach (var section in body.EnumerateObject())
        {
            if (section.Name == "applied_index") continue;
            if (section.Name is not ("kv" or "kv_base64" or "services") || section.Value.ValueKind != JsonValueKind.Object) return KonsulServiceApi.Bad($"{section.Name}: expected are the objects kv, kv_base64 and services");
            foreach (var entry in section.Value.EnumerateObject())
            {
                if (section.Name == "services")
                {
                    if (entry.Value.ValueKind != JsonValueKind.Object) return KonsulServiceApi.Bad($"services.{entry.Name} must be an object");
                    // An entry of Konsul's own export wraps the service, with times that mean nothing here.
                    var value = entry.Value.TryGetProperty("service", out var wrapped) && wrapped.ValueKind == JsonValueKind.Object ? wrapped : entry.Value;
                    var (spec, _, wrong) = bodies.Read(new JsonFields(value, $"services.{entry.Name}."), isConsul: false, from: null);
                    if (spec is null) return KonsulServiceApi.Bad(wrong!);
                    specs.Add(spec);
                }
                else if (entry.Value.ValueKind != JsonValueKind.String) return KonsulServiceApi.Bad($"{section.Name}.{entry.Name} must be a text");
                else if (section.Name == "kv") pairs.Add(new(entry.Name, Encoding.UTF8.GetBytes(entry.Value.GetString()!), 0, null));
                else if (entry.Value.TryGetBytesFromBase64(out var bytes)) pairs.Add(new(entry.Name, bytes, 0, null));
                else return KonsulServiceApi.Bad(string.Create(CultureInfo.InvariantCulture, $"kv_base64.{entry.Name} is no base64"));
            }
        }

        var done = await _import.WriteAsync(new(pairs, specs), mode);
        return done is IStatusCodeHttpResult { StatusCode: not (null or 200) } ? done : Results.Json(new { message = "Data imported successfully", pairs = pairs.Count, services = specs.Count });
    }
}
