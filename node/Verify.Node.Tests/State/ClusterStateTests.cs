using Verify.Node.Api;
using Verify.Node.Codec;
using Verify.Node.Seam;
using Verify.Node.State;
using Verify.Node.State.Cluster;
using Verify.Raft;

namespace Verify.Node.Tests.State;

/// <summary>Join tokens and admissions as the log makes them, and their bytes.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ClusterStateTests
{
    private static readonly Contact There = new("d:10008", "east", "d:8500", "rack1");
    private readonly ReplicatedState _state = new(10);
    private long _index;

    [Test]
    public void A_token_lets_one_node_in_once_and_the_same_node_again()
    {
        Assert.That(Create("t", expires: 100, now: 10), Is.EqualTo(new CommandResult.Done(1)));
        Assert.That(Admit("d", "t", "secret", now: 20), Is.EqualTo(new CommandResult.Done(2)));
        Assert.That(Admit("d", "t", "secret", now: 30), Is.EqualTo(new CommandResult.Done(3)), "its answer was lost, it asks again");
        Assert.That(Admit("e", "t", "secret", now: 40), Is.EqualTo(new CommandResult.Rejected("the join token has been used")));
        Assert.That(_state.Cluster.Admissions.Select(a => a.Node.Name), Is.EqualTo(new[] { "d" }));
    }

    [TestCase("t", "wrong", 20)]
    [TestCase("x", "secret", 20)]
    [TestCase("t", "", 20)]
    [TestCase("t", "secret", 100)]
    public void A_wrong_secret_a_strange_id_and_an_expired_token_get_the_same_sentence(string id, string secret, long now)
    {
        Create("t", expires: 100, now: 10);
        Assert.That(Admit("d", id, secret, now), Is.EqualTo(new CommandResult.Rejected("the join token is not one of this group's, or has expired")));
        Assert.That(_state.Cluster.Admissions, Is.Empty);
    }

    [Test]
    public void A_leader_whose_clock_is_behind_cannot_make_an_expired_token_good_again()
    {
        Create("t", expires: 100, now: 10);
        Create("u", expires: 500, now: 200);
        Assert.That(Admit("d", "t", "secret", now: 50), Is.InstanceOf<CommandResult.Rejected>());
    }

    [Test]
    public void A_used_token_is_not_usable_by_somebody_else_after_the_first_user_has_gone()
    {
        Create("t", expires: 100, now: 10);
        Admit("d", "t", "secret", now: 20);
        Assert.That(Apply(new ClusterCommand.Forget(new("d"))), Is.InstanceOf<CommandResult.Done>());
        Assert.That(Apply(new ClusterCommand.Forget(new("d"))), Is.InstanceOf<CommandResult.NotFound>());
        Assert.That(Admit("e", "t", "secret", now: 30), Is.InstanceOf<CommandResult.Rejected>());
    }

    [Test]
    public void Ids_are_not_given_twice_and_there_is_an_end_to_tokens_and_admissions()
    {
        Create("t", expires: 100, now: 10);
        Assert.That(Create("t", expires: 200, now: 20), Is.InstanceOf<CommandResult.Rejected>());
        for (var i = 1; i < ClusterState.TokensMax; i++) Assert.That(Create($"t{i}", expires: 1_000, now: 20), Is.InstanceOf<CommandResult.Done>());
        Assert.That(Create("more", expires: 1_000, now: 20), Is.InstanceOf<CommandResult.Rejected>());
        Assert.That(Create("later", expires: 1_000, now: 150), Is.InstanceOf<CommandResult.Done>(), "one has expired meanwhile");
        for (var i = 0; i < ClusterState.AdmissionsMax; i++) Assert.That(Admit($"n{i}", null, "", now: 20), Is.InstanceOf<CommandResult.Done>());
        Assert.That(Admit("more", null, "", now: 20), Is.InstanceOf<CommandResult.Rejected>());
    }

    [Test]
    public void A_state_that_was_restored_from_a_snapshot_refuses_and_admits_like_the_one_it_was_made_of()
    {
        Create("used", expires: 1_000, now: 10);
        Create("fresh", expires: 1_000, now: 10);
        Create("old", expires: 50, now: 10);
        Admit("d", "used", "secret", now: 60, replaces: "b");
        var reader = new StateReader(10);
        foreach (var block in _state.Freeze().Blocks()) reader.Add(block.Span);
        var restored = reader.Finish();
        Assert.That(restored.StateHash(), Is.EqualTo(_state.StateHash()));
        Assert.That(restored.Cluster.AdmissionOf(new("d")), Is.EqualTo(new Admission(new("d"), There, StaysLearner: false, new NodeId("b"), 4)));
        Assert.That(restored.Cluster.Objection(Proof("used", "secret"), new("e"), 70), Is.EqualTo("the join token has been used"));
        Assert.That(restored.Cluster.Objection(Proof("fresh", "secret"), new("e"), 70), Is.Null);
        Assert.That(restored.Cluster.Objection(Proof("old", "secret"), new("e"), 20), Is.Not.Null, "the clock is in the snapshot too");
    }

    [Test]
    public void The_bytes_of_cluster_commands_and_batches_stay_what_they_are() => Golden.Check("cluster-command-v1.txt", [.. One.Select(o => (o.Name, CommandCodec.Encode(o.Command)))]);

    [Test]
    public void Golden_cluster_commands_are_read_and_mean_the_same()
    {
        var golden = Golden.Read("cluster-command-v1.txt");
        foreach (var (name, bytes) in golden) Assert.That(CommandCodec.Encode(CommandCodec.Decode(bytes)), Is.EqualTo(bytes), name);
        var admit = (ClusterCommand.Admit)((Command.Cluster)CommandCodec.Decode(golden["admit"])).Inner;
        Assert.That((admit.Node, admit.Contact, admit.StaysLearner, admit.Replaces, admit.Proof!.TokenId, admit.NowMs), Is.EqualTo((new NodeId("d"), There, true, (NodeId?)new NodeId("b"), "t1", 1_000L)));
        var batch = (Command.KvBatch)CommandCodec.Decode(golden["batch"]);
        Assert.That(batch.Writes.Select(w => (w.Key, w.Value is null, w.ExpectedIndex)), Is.EqualTo(new[] { ("a", false, (long?)null), ("b", true, 7) }));
    }

    [Test]
    public void Every_cluster_command_has_its_golden_bytes() => Assert.That(
        One.Select(o => o.Command).OfType<Command.Cluster>().Select(c => c.Inner.GetType().Name).Distinct(StringComparer.Ordinal),
        Is.EquivalentTo(typeof(ClusterCommand).GetNestedTypes().Select(t => t.Name)));

    [Test]
    public void Any_bytes_are_a_cluster_command_or_are_refused()
    {
        var golden = Golden.Read("cluster-command-v1.txt").OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => g.Value).ToArray();
        var dice = new Dice(5);
        var (read, refused) = (0, 0);
        for (var i = 0; i < 200_000; i++)
        {
            var bytes = golden[dice.Next(golden.Length)].ToArray();
            var changes = dice.Next(4);
            for (var c = 0; c < changes; c++) bytes[dice.Next(bytes.Length)] = (byte)dice.Next(256);
            try
            {
                CommandCodec.Decode(bytes.AsSpan(0, dice.Chance(100) ? dice.Next(bytes.Length + 1) : bytes.Length));
                read++;
            }
            catch (WireFormatException)
            {
                refused++;
            }
        }

        Assert.That((read > 30_000, refused > 30_000), Is.EqualTo((true, true)), $"{read} read, {refused} refused");
    }

    [TestCase("id.secret", true)]
    [TestCase("id.se.cret", true)]
    [TestCase("id.", false)]
    [TestCase(".secret", false)]
    [TestCase("secret", false)]
    [TestCase("i d.secret", false)]
    [TestCase(null, false)]
    public void A_token_as_people_carry_it(string? text, bool isToken) => Assert.That(JoinTokenText.TryRead(text, out _, out _), Is.EqualTo(isToken));

    [Test]
    public void What_is_said_of_tokens_and_joins_holds_no_secret()
    {
        var join = new ApiRequest.ClusterJoin(new("d"), There, StaysLearner: false, null, "t1.hidden");
        Assert.That($"{join} {Proof("t", "hidden")} {One[0].Command}", Does.Not.Contain("hidden").And.Not.Contain(Convert.ToHexString(JoinTokenText.HashOf("hidden"))));
        Assert.That($"{new Verify.Node.Loop.JoinSettings { Token = "t1.hidden" }}", Does.Not.Contain("hidden"));
    }

    private static readonly (string Name, Command Command)[] One =
    [
        ("create-token", new Command.Cluster(new ClusterCommand.CreateToken("t1", JoinTokenText.HashOf("hidden"), 3_600_000, 1_000))),
        ("admit", new Command.Cluster(new ClusterCommand.Admit(new("d"), There, StaysLearner: true, new NodeId("b"), Proof("t1", "hidden"), 1_000))),
        ("admit-plain", new Command.Cluster(new ClusterCommand.Admit(new("d"), There, StaysLearner: false, null, null, 0))),
        ("forget", new Command.Cluster(new ClusterCommand.Forget(new("d")))),
        ("batch", new Command.KvBatch([new("a", "1"u8.ToArray(), 42, null), new("b", null, 0, 7)], new RequestId("session", 3))),
        ("batch-empty", new Command.KvBatch([], null)),
    ];

    private static TokenProof Proof(string id, string secret) => new(id, secret.Length == 0 ? default : JoinTokenText.HashOf(secret));

    private CommandResult Create(string id, long expires, long now) => Apply(new ClusterCommand.CreateToken(id, JoinTokenText.HashOf("secret"), expires, now));

    private CommandResult Admit(string node, string? token, string secret, long now, string? replaces = null) => Apply(new ClusterCommand.Admit(
        new(node), There, StaysLearner: false, replaces is null ? null : new NodeId(replaces), token is null ? null : Proof(token, secret), now));

    private CommandResult Apply(ClusterCommand command) => _state.Apply(new(new(1), new(++_index)), new Command.Cluster(command))!;
}
