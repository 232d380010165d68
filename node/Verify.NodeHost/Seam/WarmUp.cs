using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Verify.NodeHost.Seam;

/// <summary>Compiles before the node speaks to anybody what would otherwise be compiled at its first use, that is, in the middle of a failure. In a
/// live run (`return`) nodes on a small machine stood still for some 250 ms when their first link broke, and a leader with one other voter
/// left lost its quorum. Most of that was the harness's sessions (ARCHITECTURE.md, "The node runs before ordinary processes"); how much of it was
/// compiling was not measured.</summary>
internal static class WarmUp
{
    private const BindingFlags Everything = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    /// <summary>Before the node speaks to anybody.</summary>
    public static Task RunAsync()
    {
        foreach (var assembly in new[] { typeof(Raft.RaftCore).Assembly, typeof(Node.VerifyNode).Assembly, typeof(WarmUp).Assembly }) Compile(assembly);
        return BreakALinkAsync();
    }

    private static void Compile(Assembly assembly)
    {
        foreach (var type in assembly.GetTypes().Where(t => !t.ContainsGenericParameters))
        {
            foreach (var method in type.GetMethods(Everything).Where(m => !m.IsAbstract && !m.ContainsGenericParameters && m.GetMethodBody() is not null))
                RuntimeHelpers.PrepareMethod(method.MethodHandle);
        }
    }

    /// <summary>A connection to ourselves on loopback is closed while somebody reads from it: what a broken link does.</summary>
    private static async Task BreakALinkAsync()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var dialled = new TcpClient();
        var accepting = listener.AcceptTcpClientAsync();
        await dialled.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        using var accepted = await accepting;
        var reading = dialled.GetStream().ReadAsync(new byte[1]).AsTask();
        dialled.Close();
        try
        {
            await reading;
        }
        catch (Exception ended) when (ended is IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            return; // It was to be thrown, once, here.
        }
    }
}
