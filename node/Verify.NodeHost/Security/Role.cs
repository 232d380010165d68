namespace Verify.NodeHost.Security;

/// <summary>What somebody may do over HTTP.</summary>
internal enum Role
{
    /// <summary>Look at everything.</summary>
    Read,

    /// <summary>Change things as well.</summary>
    Write,
}
