using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Verify.Node.Consensus;
using Verify.NodeHost.Http;

namespace Verify.NodeHost.Keys;

/// <summary>Takes a changed key file into use while the node runs: on SIGHUP, and on POST /cluster/rotate-key. A file that cannot be used
/// leaves the keys as they are.</summary>
internal sealed class KeyRotation(string? file, DataKeys keys, Action<DataKeys> use, ILogger log)
{
    private readonly Lock _gate = new();
    private DataKeys _keys = keys;

    /// <summary>The id of the key that seals what is written from now on; empty: none.</summary>
    public string Active
    {
        get
        {
            lock (_gate) return _keys.Active?.Id ?? "";
        }
    }

    public void Map(IEndpointRouteBuilder routes) => routes.MapPost("/cluster/rotate-key", () =>
    {
        if (file is null) return Results.Json(new { error = "refused", message = "DataKeyFile is not set: log and snapshots are written in the clear", outcome = "not done" }, statusCode: 400);
        return Reload() is { } problem
            ? Results.Json(new { error = "refused", message = problem, outcome = "not done" }, statusCode: 409)
            : Results.Json(new { status = "ok", message = "the key file was read; its first key seals what this node writes from now on", data_key = Active });
    }).WithMetadata(NeedsWrite.Mark);

    /// <summary>To be disposed at the end.</summary>
    public IDisposable? OnHangUp() => file is null || OperatingSystem.IsWindows() ? null : PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
    {
        signal.Cancel = true;
        Reload();
    });

    /// <summary>Why not; null when the keys are in use.</summary>
    private string? Reload()
    {
        lock (_gate)
        {
            try
            {
                var read = DataKeyFile.Read(file!);
                if (_keys.Keys.FirstOrDefault(k => read.Find(k.Id) is null) is { } missing)
                {
                    throw new DataKeyException($"{file}: key {missing.Id} is missing; data may be sealed with it. Put it back; once verify-node --upgrade-check lists it no more, remove it and restart.");
                }

                use(read);
                _keys = read;
                KeyLog.InUse(log, file!, read.Active!.Id, read.Keys.Length);
                return null;
            }
            catch (DataKeyException e)
            {
                KeyLog.Kept(log, e.Message);
                return e.Message;
            }
        }
    }
}

internal static partial class KeyLog
{
    [LoggerMessage(40, LogLevel.Information, "Key file {File}: {Key} seals what is written from now on; {Count} keys in all")]
    public static partial void InUse(ILogger log, string file, string key, int count);

    [LoggerMessage(41, LogLevel.Error, "The keys stay as they are: {Why}")]
    public static partial void Kept(ILogger log, string why);
}
