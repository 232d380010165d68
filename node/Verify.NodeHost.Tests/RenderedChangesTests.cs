using System.Text;
using Verify.Node.State.Kv;
using Verify.NodeHost.Http;

namespace Verify.NodeHost.Tests;

/// <summary>Bytes that are made once for many watchers are never those of another change.</summary>
public sealed class RenderedChangesTests
{
    private int _made;

    [Test]
    public void A_hundred_watchers_of_one_change_share_its_bytes()
    {
        var rendered = New();
        var change = new KvChange(7, "k", null);
        var first = rendered.Of(change, isLast: true);
        for (var i = 0; i < 100; i++) Assert.That(rendered.Of(change, isLast: true), Is.SameAs(first));
        Assert.That(_made, Is.EqualTo(1));
    }

    [Test]
    public void Two_changes_of_one_entry_and_two_whose_indexes_fall_into_one_slot_are_told_apart()
    {
        var rendered = New();
        KvChange[] changes = [new(7, "a", null), new(7, "b", null), new(7 + 64, "a", null), new(7, "a", null)];
        foreach (var change in changes.Concat(changes))
            foreach (var isLast in (bool[])[true, false])
                Assert.That(Encoding.UTF8.GetString(rendered.Of(change, isLast)), Is.EqualTo($"{change.Index} {change.Key} {isLast}"));
    }

    [Test]
    public void A_change_with_a_large_value_is_not_kept_in_memory()
    {
        var rendered = New();
        var change = new KvChange(7, new string('x', 20_000), null);
        Assert.That(rendered.Of(change, isLast: true), Is.Not.SameAs(rendered.Of(change, isLast: true)));
    }

    private RenderedChanges New()
    {
        _made = 0;
        return new((change, isLast) =>
        {
            _made++;
            return Encoding.UTF8.GetBytes($"{change.Index} {change.Key} {isLast}");
        });
    }
}
