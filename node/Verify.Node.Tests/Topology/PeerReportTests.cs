using Verify.Node.Codec;
using Verify.Node.Topology;
using ThreadState = Verify.MySql.ThreadState;

namespace Verify.Node.Tests.Topology;

/// <summary>What nodes tell each other, and what becomes of it when it gets old.</summary>
public sealed class PeerReportTests
{
    private static readonly PeerReport Full = new(
        [
            new(new("db1", 3306), SightState.Down, 120, null, null, null, "", "db1:3306: connection refused"),
            new(new("db2", 3307), SightState.Up, 3, IsReadOnly: true, ThreadState.Connecting, new("db1", 3306), "u:1-5", ""),
            new(new("db3", 3308), SightState.Never, 0, IsReadOnly: false, ThreadState.Stopped, null, "", ""),
        ],
        [new("main", new("db1", 3306), 77)]);

    [Test]
    public void A_report_is_read_as_it_was_written()
    {
        var read = PeerReport.Decode(Full.Encode().Span);
        Assert.That(read.Instances, Is.EqualTo(Full.Instances));
        Assert.That(read.Closed, Is.EqualTo(Full.Closed));
    }

    [Test]
    public void A_long_problem_is_cut_short()
    {
        var report = new PeerReport([Full.Instances[0] with { Detail = new string('x', 5000) }], []);
        Assert.That(PeerReport.Decode(report.Encode().Span).Instances[0].Detail, Has.Length.EqualTo(200));
    }

    [Test]
    public void Every_damaged_report_is_refused_or_read_and_never_anything_else()
    {
        var bytes = Full.Encode().ToArray();
        for (var i = 0; i < bytes.Length; i++)
        {
            Assert.That(() => PeerReport.Decode(bytes.AsSpan(0, i)), Throws.InstanceOf<WireFormatException>());
            var damaged = bytes.ToArray();
            damaged[i] ^= 0xFF;
            try
            {
                PeerReport.Decode(damaged);
            }
            catch (WireFormatException e)
            {
                Assert.That(e.Message, Is.Not.Empty);
            }
        }
    }
}
