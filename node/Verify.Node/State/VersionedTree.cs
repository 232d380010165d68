namespace Verify.Node.State;

/// <summary>Items sorted by a key, of which a frozen copy costs nothing: a B+ tree whose nodes are changed in place until the tree is
/// frozen and are copied at their first change after that (path copying: Driscoll, Sarnak, Sleator, Tarjan, "Making Data Structures
/// Persistent", 1989; marking nodes with their owner as in Okasaki-style transients). A node that loses its last item is taken out,
/// and no other merging is done (free-at-empty: Johnson and Shasha, 1993).</summary>
internal sealed class VersionedTree<TKey, TItem>(Func<TItem, TKey> keyOf, IComparer<TKey> order)
{
    private const int Width = 64;
    private object _owner = new();
    private Node? _root;

    public int Count { get; private set; }

    public bool TryGet(TKey key, [System.Diagnostics.CodeAnalysis.MaybeNullWhen(false)] out TItem item)
    {
        item = default;
        var node = _root;
        while (node is { Children: not null }) node = node.Children[node.ChildOf(key, order)];
        if (node is null || !node.TryFind(key, keyOf, order, out var at)) return false;
        item = node.Items![at];
        return true;
    }

    /// <summary>Puts the item in the place of the one with the same key, if there is one.</summary>
    public void Set(TItem item)
    {
        var key = keyOf(item);
        _root = Own(_root ?? Node.Leaf(_owner));
        if (Set(_root, key, item) is not { } right) return;
        var root = Node.Inner(_owner);
        root.Insert(0, root.Keys![0], _root);
        root.Insert(1, right.Key, right.Node);
        _root = root;
    }

    public bool Remove(TKey key)
    {
        if (!TryGet(key, out _)) return false;
        _root = Own(_root!);
        if (Remove(_root, key)) _root = null;
        while (_root is { Children: not null, Count: 1 }) _root = _root.Children[0];
        Count--;
        return true;
    }

    /// <summary>The items as they are now, for ever; may be read on another thread while the tree is changed.</summary>
    public Image Freeze()
    {
        _owner = new();
        return new(_root, Count);
    }

    /// <summary>All items, sorted. The tree must not be changed meanwhile.</summary>
    public IEnumerable<TItem> All() => _root is null ? [] : Walk(_root);

    /// <summary>The items from this key on, sorted. The tree must not be changed meanwhile.</summary>
    public IEnumerable<TItem> From(TKey key) => _root is null ? [] : Walk(_root, key, 0);

    private Node Own(Node node) => ReferenceEquals(node.Owner, _owner) ? node : node.CopyFor(_owner);

    /// <summary>Into a node that is owned. Returns the right half when it had to be split.</summary>
    private (TKey Key, Node Node)? Set(Node node, TKey key, TItem item)
    {
        if (node.Items is not null)
        {
            if (node.TryFind(key, keyOf, order, out var at))
            {
                node.Items[at] = item;
                return null;
            }

            Count++;
            node.Insert(at, item);
        }
        else
        {
            var at = node.ChildOf(key, order);
            var child = node.Children![at] = Own(node.Children[at]);
            if (Set(child, key, item) is { } right) node.Insert(at + 1, right.Key, right.Node);
        }

        if (node.Count < Width) return null;
        var half = node.SplitRight(_owner);
        return (half.Items is { } items ? keyOf(items[0]) : half.Keys![0], half);
    }

    /// <summary>From a node that is owned and holds the key. True when nothing is left in it.</summary>
    private bool Remove(Node node, TKey key)
    {
        if (node.Items is not null)
        {
            node.TryFind(key, keyOf, order, out var found);
            node.RemoveAt(found);
            return node.Count == 0;
        }

        var at = node.ChildOf(key, order);
        var child = node.Children![at] = Own(node.Children[at]);
        if (Remove(child, key)) node.RemoveAt(at);
        return node.Count == 0;
    }

    private static IEnumerable<TItem> Walk(Node node)
    {
        if (node.Items is { } items)
        {
            for (var i = 0; i < node.Count; i++) yield return items[i];
            yield break;
        }

        for (var i = 0; i < node.Count; i++)
            foreach (var item in Walk(node.Children![i])) yield return item;
    }

    private IEnumerable<TItem> Walk(Node node, TKey from, int depth)
    {
        if (node.Items is { } items)
        {
            node.TryFind(from, keyOf, order, out var first);
            for (var i = first; i < node.Count; i++) yield return items[i];
            yield break;
        }

        var at = node.ChildOf(from, order);
        foreach (var item in Walk(node.Children![at], from, depth + 1)) yield return item;
        for (var i = at + 1; i < node.Count; i++)
            foreach (var item in Walk(node.Children[i])) yield return item;
    }

    /// <summary>The tree at one moment.</summary>
    internal readonly struct Image
    {
        private readonly Node? _root;

        internal Image(Node? root, int count) => (_root, Count) = (root, count);

        public int Count { get; }
        public IEnumerable<TItem> Items => _root is null ? [] : Walk(_root);
    }

    /// <summary>A leaf with items, or an inner node whose key number i is not greater than any key in child i (key 0 is not looked at).</summary>
    internal sealed class Node
    {
        private Node(object owner) => Owner = owner;

        public object Owner { get; }
        public int Count { get; private set; }
        public TItem[]? Items { get; private init; }
        public TKey[]? Keys { get; private init; }
        public Node[]? Children { get; private init; }

        public static Node Leaf(object owner) => new(owner) { Items = new TItem[Width] };
        public static Node Inner(object owner) => new(owner) { Keys = new TKey[Width], Children = new Node[Width] };

        public Node CopyFor(object owner) => new(owner)
        {
            Count = Count, Items = (TItem[]?)Items?.Clone(), Keys = (TKey[]?)Keys?.Clone(), Children = (Node[]?)Children?.Clone(),
        };

        public bool TryFind(TKey key, Func<TItem, TKey> keyOf, IComparer<TKey> order, out int at)
        {
            var (low, high) = (0, Count - 1);
            while (low <= high)
            {
                at = (low + high) >>> 1;
                var compared = order.Compare(keyOf(Items![at]), key);
                if (compared == 0) return true;
                if (compared < 0) low = at + 1;
                else high = at - 1;
            }

            at = low;
            return false;
        }

        public int ChildOf(TKey key, IComparer<TKey> order)
        {
            var (low, high) = (1, Count - 1);
            while (low <= high)
            {
                var middle = (low + high) >>> 1;
                if (order.Compare(Keys![middle], key) <= 0) low = middle + 1;
                else high = middle - 1;
            }

            return high;
        }

        public void Insert(int at, TItem item)
        {
            Array.Copy(Items!, at, Items!, at + 1, Count - at);
            Items![at] = item;
            Count++;
        }

        public void Insert(int at, TKey key, Node child)
        {
            Array.Copy(Keys!, at, Keys!, at + 1, Count - at);
            Array.Copy(Children!, at, Children!, at + 1, Count - at);
            (Keys![at], Children![at]) = (key, child);
            Count++;
        }

        public void RemoveAt(int at)
        {
            Count--;
            foreach (var array in (ReadOnlySpan<Array?>)[Items, Keys, Children])
            {
                if (array is null) continue;
                Array.Copy(array, at + 1, array, at, Count - at);
                Array.Clear(array, Count, 1);
            }
        }

        /// <summary>Moves the upper half into a node of its own. Items that come in rising order fill the nodes they leave behind.</summary>
        public Node SplitRight(object owner)
        {
            var right = Items is not null ? Leaf(owner) : Inner(owner);
            var kept = Count / 2;
            right.Count = Count - kept;
            foreach (var (from, to) in (ReadOnlySpan<(Array?, Array?)>)[(Items, right.Items), (Keys, right.Keys), (Children, right.Children)])
            {
                if (from is null) continue;
                Array.Copy(from, kept, to!, 0, right.Count);
                Array.Clear(from, kept, right.Count);
            }

            Count = kept;
            return right;
        }
    }
}
