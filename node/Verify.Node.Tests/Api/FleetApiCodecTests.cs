using Verify.Node.Api;
using Verify.Node.Codec;
using Verify.Node.State.Fleet;
using Verify.Node.Topology;

namespace Verify.Node.Tests.Api;

/// <summary>Requests about servers on their way to the leader, and verdicts on their way back.</summary>
internal sealed class FleetApiCodecTests
{
    public static readonly ApiRequest[] Requests =
        [new ApiRequest.FleetChange(new FleetCommand.Tag(new("db1", 3306), "role", "backup")), new ApiRequest.TopologyAnalysis()];

    [TestCaseSource(nameof(Requests))]
    public void A_request_comes_through_unchanged(ApiRequest request)
    {
        var to = new WireWriter();
        ApiCodec.WriteRequest(to, new LeaderRequest.Client(request));
        var from = new WireReader(to.Written.Span);
        Assert.That(ApiCodec.ReadRequest(ref from), Is.EqualTo(new LeaderRequest.Client(request)));
        from.End();
    }

    [Test]
    public void A_verdict_comes_through_with_every_vote()
    {
        var vote = new VotePicture("n1", "down", 12, "refused");
        var entry = new AnalysisEntry("shop", new("db1", 3306), "DeadMaster", "words")
        {
            Source = new InstanceKey("db0", 3306), Alias = "store", DataCenter = "east", Binlog = "binlog.1:4", Condition = "hung", GtidMode = "ON",
            ReplicaGtidModeMin = "OFF", ReplicaGtidModeMax = "ON", ReplicaErrant = "x:1", Warnings = ["ErrantGTIDStructureWarning"],
            Flags = AnalysisFlags.IsMaster | AnalysisFlags.IsReadOnly, Numbers = [1, 2, 3], Votes = [vote],
            Replicas = [new(new("db2", 3306), "reads", "Running", "Stopped", [vote])],
        };
        var to = new WireWriter();
        ApiCodec.WriteReply(to, new LeaderReply.Client(new ApiReply.Topology([entry])));
        var from = new WireReader(to.Written.Span);
        var read = ((ApiReply.Topology)((LeaderReply.Client)ApiCodec.ReadReply(ref from)).Reply).Entries.Single();
        from.End();
        Assert.Multiple(() =>
        {
            Assert.That((read.Instance, read.Source, read.Code, read.Condition, read.Flags, read.ReplicaErrant), Is.EqualTo((entry.Instance, entry.Source, entry.Code, entry.Condition, entry.Flags, entry.ReplicaErrant)));
            Assert.That(read.Numbers, Is.EqualTo(entry.Numbers));
            Assert.That(read.Votes, Is.EqualTo(entry.Votes));
            Assert.That(read.Replicas.Single().Votes, Is.EqualTo(entry.Votes));
            Assert.That((read.Replicas.Single().Key, read.Replicas.Single().Says), Is.EqualTo((entry.Replicas[0].Key, "reads")));
        });
    }
}
