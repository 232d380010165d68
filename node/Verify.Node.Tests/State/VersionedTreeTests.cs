using Verify.Node.Seam;
using Verify.Node.State;

namespace Verify.Node.Tests.State;

/// <summary>The sorted collection under the replicated state, against the platform's own.</summary>
public sealed class VersionedTreeTests
{
    [Test]
    public void It_does_what_a_sorted_dictionary_does_and_its_frozen_copies_never_change([Range(1, 20)] int seed)
    {
        var dice = new Dice((ulong)seed);
        var tree = new VersionedTree<string, (string Key, int Value)>(static item => item.Key, StringComparer.Ordinal);
        var model = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var frozen = new List<(VersionedTree<string, (string Key, int Value)>.Image Image, (string, int)[] Expected)>();
        for (var step = 0; step < 4_000; step++)
        {
            var key = $"k{dice.Next(600):x}";
            if (dice.Chance(step < 2_500 ? 300 : 800)) Assert.That(tree.Remove(key), Is.EqualTo(model.Remove(key)));
            else
            {
                tree.Set((key, step));
                model[key] = step;
            }

            if (dice.Chance(5)) frozen.Add((tree.Freeze(), [.. model.Select(pair => (pair.Key, pair.Value))]));
            if (dice.Chance(20)) CheckFrom(tree, model, $"k{dice.Next(700):x}");
        }

        Assert.That(tree.Count, Is.EqualTo(model.Count));
        Assert.That(tree.All(), Is.EqualTo(model.Select(pair => (pair.Key, pair.Value))));
        Assert.That(frozen, Is.Not.Empty);
        foreach (var (image, expected) in frozen)
        {
            Assert.That(image.Count, Is.EqualTo(expected.Length));
            Assert.That(image.Items, Is.EqualTo(expected));
        }
    }

    [Test]
    public void Everything_can_be_removed_and_put_again()
    {
        var tree = new VersionedTree<int, int>(static item => item, Comparer<int>.Default);
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < 10_000; i++) tree.Set(i * 7919 % 10_007);
            Assert.That(tree.All(), Is.EqualTo(Enumerable.Range(0, 10_000).Select(i => i * 7919 % 10_007).Order()));
            tree.Freeze();
            for (var i = 0; i < 10_000; i++) Assert.That(tree.Remove(i * 7919 % 10_007), Is.True);
            Assert.That((tree.Count, tree.All().Any(), tree.TryGet(5, out _), tree.Remove(5)), Is.EqualTo((0, false, false, false)));
        }
    }

    private static void CheckFrom(VersionedTree<string, (string Key, int Value)> tree, SortedDictionary<string, int> model, string from) =>
        Assert.That(tree.From(from).Select(item => item.Key), Is.EqualTo(model.Keys.Where(key => string.CompareOrdinal(key, from) >= 0)), from);
}
