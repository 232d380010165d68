using Verify.Node.State;

namespace Verify.Node.Peers;

/// <summary>What the whole group understands. A node of an older release stops at an entry of the log that it does not know, so such entries wait until
/// every member, as far as this node knows, speaks the protocol that comes with them (<see cref="CommandCodec.VersionOf(ReadOnlySpan{byte})"/>).
/// Lives on the loop.</summary>
/// <remarks>A member that this node has not reached yet is not waited for: it may be gone for good. Should it turn out to be an old one, it is not sent
/// such entries (<see cref="PeerLink.Send"/>): it falls behind and does not stop.</remarks>
internal sealed class GroupProtocol(PeerMesh mesh, ReplicatedState state)
{
    /// <summary>Why the group cannot yet use what only this version of the protocol can say; null when it can.</summary>
    public string? ObjectionTo(int version)
    {
        if (version <= 1) return null;
        if (mesh.VersionMax < version) return $"this node is told to speak only version {mesh.VersionMax} of the protocol between nodes";
        var old = mesh.OlderThan(version);
        if (old.Count == 0) return null;

        // What is in the state cannot be read by an older program in any case: nothing is gained for it by holding back more, and much is
        // lost to the others when the group's time stands still.
        if (version == 3 && state.NeedsVersion3) return null;
        var spoken = old.Max(mesh.VersionOf);
        var who = old.Count == 1 ? $"{old[0]} speaks" : $"{string.Join(", ", old)} speak";
        return $"{who} only version {spoken} of the protocol between nodes, and this needs version {version} on all of them; upgrade all nodes first";
    }

    /// <summary>The same for an entry of the log.</summary>
    public string? ObjectionTo(Command command) => ObjectionTo(CommandCodec.VersionOf(CommandCodec.Encode(command)));
}
