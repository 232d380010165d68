using System.Security.Cryptography;
using System.Text;
using Verify.Node.State;
using Verify.Node.State.Access;
using Verify.Raft;

namespace Verify.Node.Tests.State;

/// <summary>Rules and tokens as the log makes them.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class AccessStateTests
{
    private readonly ReplicatedState _state = new(10);
    private long _index;

    [TestCase("app/x", AccessLevel.Write, true)]
    [TestCase("app/secret/x", AccessLevel.Read, false)]
    [TestCase("app/secret/open", AccessLevel.Read, true)]
    [TestCase("app/secret/open", AccessLevel.Write, false)]
    [TestCase("other", AccessLevel.Read, false)]
    [TestCase("both", AccessLevel.Read, false)]
    public void The_rule_that_says_most_exactly_what_it_is_about_counts_and_a_denial_before_all(string key, AccessLevel level, bool may)
    {
        AccessRule[] rules =
        [
            new(AccessArea.Key, "app/", IsPrefix: true, AccessLevel.Write), new(AccessArea.Key, "app/secret/", IsPrefix: true, AccessLevel.Deny),
            new(AccessArea.Key, "app/secret/open", IsPrefix: false, AccessLevel.Read), new(AccessArea.Key, "both", IsPrefix: false, AccessLevel.Write),
            new(AccessArea.Key, "both", IsPrefix: false, AccessLevel.Deny), new(AccessArea.Service, "", IsPrefix: true, AccessLevel.Write),
        ];
        foreach (var order in new[] { rules, rules.Reverse().ToArray() })
            Assert.That(new AccessJudgement([.. order], IsManagement: false, AllowsByDefault: false, "").May(AccessArea.Key, key, level), Is.EqualTo(may));
    }

    [Test]
    public void Everything_below_a_prefix_is_allowed_only_when_no_rule_below_it_says_less()
    {
        var judgement = new AccessJudgement([new(AccessArea.Key, "app/", IsPrefix: true, AccessLevel.Read), new(AccessArea.Key, "app/secret/", IsPrefix: true, AccessLevel.Deny)], IsManagement: false, AllowsByDefault: false, "");
        Assert.That((judgement.MayAll(AccessArea.Key, "app/", AccessLevel.Read), judgement.MayAll(AccessArea.Key, "app/open/", AccessLevel.Read), judgement.MayAll(AccessArea.Key, "", AccessLevel.Read)), Is.EqualTo((false, true, false)));
    }

    [Test]
    public void The_first_management_token_is_made_once_a_change_keeps_the_secret_and_a_snapshot_holds_no_more_than_hashes()
    {
        Assert.That(Apply(new AccessCommand.PutToken(Token("root", "s1", isManagement: true), IsFirst: true)), Is.InstanceOf<CommandResult.Done>());
        Assert.That(Apply(new AccessCommand.PutToken(Token("root2", "s2", isManagement: true), IsFirst: true)), Is.InstanceOf<CommandResult.CasConflict>());
        Assert.That(Apply(new AccessCommand.PutToken(Token("thief", "s1"), IsFirst: false)), Is.InstanceOf<CommandResult.CasConflict>(), "another's secret");
        Apply(new AccessCommand.PutPolicy(new("p", "d", [new(AccessArea.Key, "a", IsPrefix: true, AccessLevel.Read)])));
        Apply(new AccessCommand.PutToken(Token("app", "s3"), IsFirst: false));
        Apply(new AccessCommand.PutToken(new("app", default, "more", ["p"], IsManagement: false), IsFirst: false));
        Assert.That(_state.Access.OfSecret(Hash("s3"))!.Policies, Is.EqualTo(new[] { "p" }));
        var blocks = StateImageTests.Blocks(_state.Freeze());
        var restored = StateImageTests.Restore(blocks);
        Assert.That((restored.StateHash(), restored.Access.OfSecret(Hash("s3"))!.AccessorId), Is.EqualTo((_state.StateHash(), "app")));
        Assert.That(blocks.Any(block => Encoding.Latin1.GetString(block).Contains("s3", StringComparison.Ordinal)), Is.False);
        Assert.That(Apply(new AccessCommand.DeleteToken("app")), Is.InstanceOf<CommandResult.Done>());
        Assert.That(_state.Access.OfSecret(Hash("s3")), Is.Null);
        Assert.That(Apply(new AccessCommand.DeletePolicy("none")), Is.InstanceOf<CommandResult.NotFound>());
    }

    private static AccessToken Token(string id, string secret, bool isManagement = false) => new(id, Hash(secret), "", [], isManagement);

    private static byte[] Hash(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));

    private CommandResult Apply(AccessCommand command) => _state.Apply(new(new(1), new(++_index)), CommandCodec.Decode(CommandCodec.Encode(new Command.Access(command))))!;
}
