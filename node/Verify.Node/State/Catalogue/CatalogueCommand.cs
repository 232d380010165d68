using System.Collections.Immutable;
using Verify.Node.Api;
using Verify.Node.State.Catalogue;
using Verify.Node.State.Time;

namespace Verify.Node.State
{
    public abstract partial record Command
    {
        /// <summary>About services; with the leader's stamp, since registrations and checks end by the group's time.</summary>
        public sealed record Catalogue(CatalogueCommand Inner, TimeStamp Stamp, RequestId? Id) : Command
        {
            public override TimeStamp? StampOf => Stamp;
        }
    }
}

namespace Verify.Node.State.Catalogue
{
    /// <summary>Everything that changes the catalogue of services.</summary>
    public abstract record CatalogueCommand
    {
        private CatalogueCommand() { }

        /// <param name="ExpectedIndex">Compare-and-set on the instance's modify index; 0: there must be none; null: always.</param>
        public sealed record Register(ServiceSpec Spec, long? ExpectedIndex) : CatalogueCommand;

        /// <param name="Name">All instances of this service; null: the one with the id.</param>
        /// <param name="ExpectedIndex">As for <see cref="Register"/>; of a name, the newest of its instances.</param>
        public sealed record Deregister(string? Name, string? InstanceId, long? ExpectedIndex) : CatalogueCommand;

        /// <summary>The instance is alive.</summary>
        public sealed record Heartbeat(string InstanceId, long? Connections) : CatalogueCommand;

        /// <summary>How a check is.</summary>
        /// <param name="By">The node that ran it; null: the service said so.</param>
        /// <param name="DefinedIndex">The definition that was run; 0 for a TTL.</param>
        public sealed record Report(string InstanceId, string CheckId, CheckStatus Status, string Output, string? By, long DefinedIndex) : CatalogueCommand;

        /// <summary>Adds a check, or defines it anew.</summary>
        public sealed record SetCheck(string InstanceId, CheckSpec Check) : CatalogueCommand;
        public sealed record RemoveCheck(string InstanceId, string CheckId) : CatalogueCommand;

        /// <summary>The node has been away for too long: the checks that it ran are critical, and the heir runs them from now on.</summary>
        /// <param name="Heir">Null: there is no other node.</param>
        public sealed record OwnerGone(string Node, string? Heir) : CatalogueCommand;
        public sealed record SetStrategy(PickStrategy Strategy) : CatalogueCommand;

        /// <summary>Many registrations in one entry of the log: all of them.</summary>
        /// <param name="Replaces">What is not among them is removed.</param>
        public sealed record Import(ImmutableArray<ServiceSpec> Instances, bool Replaces) : CatalogueCommand;
    }
}
