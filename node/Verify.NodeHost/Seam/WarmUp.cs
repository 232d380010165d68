using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Verify.NodeHost.Seam;

/// <summary>Compiles what happens seldom before it matters. The first link that broke cost nodes on a small machine some 250 ms of compiling and of
/// the runtime's own first throw, just when the leader had only one other voter left: it lost its quorum to that (seen live, `return`).</summary>
internal static class WarmUp
{
    private const BindingFlags Everything = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    /// <summary>Before the node speaks to anybody.</summary>
    /// <returns>How many methods were compiled.</returns>
    public static async Task<int> RunAsync()
    {
        var count = 0;
        foreach (var assembly in new[] { typeof(Raft.RaftCore).Assembly, typeof(Node.VerifyNode).Assembly, typeof(WarmUp).Assembly }) count += Compile(assembly);
        await BreakALinkAsync();
        return count;
    }

    private static int Compile(Assembly assembly)
    {
        var count = 0;
        foreach (var type in assembly.GetTypes().Where(t => !t.ContainsGenericParameters))
        {
            foreach (var method in type.GetMethods(Everything).Where(m => !m.IsAbstract && !m.ContainsGenericParameters && m.GetMethodBody() is not null))
            {
                RuntimeHelpers.PrepareMethod(method.MethodHandle);
                count++;
            }
        }

        return count;
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
