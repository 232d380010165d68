using Verify.Node.Api;
using Verify.Node.Seam;
using Verify.Node.State.Kv;

namespace Verify.Node.Tests.State.Kv;

/// <summary>The newest changes: whoever asks from an index on gets all of them or hears that they are gone, never a part.</summary>
public sealed class ChangeRingTests
{
    [Test]
    public void What_was_written_together_is_seen_together_also_above_the_limit()
    {
        var ring = new ChangeRing();
        foreach (var (index, key) in new[] { (1L, "a"), (2, "b"), (2, "c"), (2, "d"), (3, "e") }) ring.Add(new(index, key, null));
        Assert.That(ring.After(0, _ => true, 2, 9, out var upTo)!.Select(c => c.Key), Is.EqualTo(new[] { "a", "b", "c", "d" }));
        Assert.That(upTo, Is.EqualTo(2));
        Assert.That(ring.After(upTo, _ => true, 2, 9, out upTo)!.Select(c => c.Key), Is.EqualTo(new[] { "e" }));
        Assert.That(upTo, Is.EqualTo(9), "all that is applied was looked at");
    }

    [Test]
    public void An_entry_of_which_a_part_was_forgotten_is_gone_as_a_whole()
    {
        var ring = new ChangeRing(changesMax: 2);
        foreach (var (index, key) in new[] { (1L, "a"), (2, "b"), (2, "c"), (2, "d") }) ring.Add(new(index, key, null));
        Assert.That((ring.Count, ring.Floor), Is.EqualTo((2, 2L)));
        Assert.That(ring.After(1, _ => true, 10, 2, out _), Is.Null);
        Assert.That(ring.After(2, _ => true, 10, 2, out _), Is.Empty);
    }

    [Test]
    public void Large_values_push_older_changes_out()
    {
        var ring = new ChangeRing(changesMax: 100, bytesMax: 10_000);
        for (var i = 1; i <= 10; i++) ring.Add(new(i, "k", new KvPair("k", new byte[3_000], 0, 1, i)));
        Assert.That((ring.Count, ring.Floor), Is.EqualTo((3, 7L)));
    }

    [Test]
    public void After_a_snapshot_only_what_came_behind_it_is_known()
    {
        var ring = new ChangeRing();
        ring.Add(new(1, "a", null));
        ring.BeginAt(50);
        ring.Add(new(51, "b", null));
        Assert.That(ring.After(49, _ => true, 10, 51, out _), Is.Null);
        Assert.That(ring.After(50, _ => true, 10, 51, out _)!.Single().Key, Is.EqualTo("b"));
    }

    [FsCheck.NUnit.Property(MaxTest = 300)]
    public void Whoever_follows_misses_nothing_and_sees_nothing_twice_or_is_told(int seed)
    {
        var dice = new Dice((ulong)seed);
        var (ring, all, seen) = (new ChangeRing(changesMax: 1 + dice.Next(20)), new List<KvChange>(), new List<KvChange>());
        var (index, at, from) = (0L, 0L, 0L);
        for (var i = 0; i < 200; i++)
        {
            index++;
            for (var n = dice.Next(4); n > 0; n--)
            {
                var change = new KvChange(index, $"k{dice.Next(3)}", null);
                ring.Add(change);
                all.Add(change);
            }

            if (!dice.Chance(400)) continue;
            if (ring.After(at, key => key != "k0", 1 + dice.Next(4), index, out var upTo) is { } changes)
            {
                seen.AddRange(changes);
                at = upTo;
            }
            else
            {
                Assert.That(ring.Floor, Is.GreaterThan(at));
                (at, from) = (index, index);
                seen.Clear();
            }
        }

        while (at < index && ring.After(at, key => key != "k0", 100, index, out var upTo) is { } rest)
        {
            seen.AddRange(rest);
            at = upTo;
        }

        if (at >= index) Assert.That(seen, Is.EqualTo(all.Where(c => c.Index > from && c.Key != "k0")));
    }
}
