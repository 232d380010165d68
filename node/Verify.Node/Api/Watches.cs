using Verify.Node.State.Kv;

namespace Verify.Node.Api;

/// <summary>Who waits for changes of keys on this node, leader or not: answered from what is applied here, as soon as it is. Lives on the loop.</summary>
internal sealed class Watches(ApiParts parts)
{
    /// <summary>In one answer, and then all of the last one's entry.</summary>
    private const int ChangesMax = 1_000;
    private readonly LinkedList<Waiting> _waiting = [];
    private long _seen = -1;

    private ChangeRing Ring => parts.State.Kv.Changes;
    private long Applied => parts.State.Applied.Index.Value;

    public void Ask(Question question, ApiRequest.KvWatch watch)
    {
        var longest = parts.Config.Timing.RequestTimeout * 2 / 3;
        var waiting = new Waiting(question, watch, parts.Pulse.Now + (watch.Wait < longest ? watch.Wait : longest));
        if (!Answered(waiting)) _waiting.AddLast(waiting);
    }

    /// <summary>Something was applied here, or the state was taken from a snapshot.</summary>
    public void Look()
    {
        if (_waiting.Count == 0 || Ring.Newest == _seen) return;
        _seen = Ring.Newest;
        for (var at = _waiting.First; at is not null;)
        {
            var next = at.Next;
            if (!at.Value.Question.IsOpen || Answered(at.Value)) _waiting.Remove(at);
            at = next;
        }
    }

    /// <summary>Whoever has waited long enough hears that nothing has changed.</summary>
    public void Tick(TimeSpan now)
    {
        for (var at = _waiting.First; at is not null;)
        {
            var next = at.Next;
            if (at.Value.Until <= now || !at.Value.Question.IsOpen)
            {
                // Everything that was applied has been looked at, so it may be asked on from there.
                at.Value.Question.Answer(new ApiReply.Changes([], Math.Max(Applied, at.Value.After)));
                _waiting.Remove(at);
            }

            at = next;
        }
    }

    /// <summary>False: it waits on, and for what comes behind all that was looked at; so what others change meanwhile never makes it too old.</summary>
    private bool Answered(Waiting waiting)
    {
        var changes = Ring.After(waiting.After, waiting.Takes, ChangesMax, Applied, out var upTo);
        if (changes is { Count: 0 })
        {
            waiting.After = upTo;
            return false;
        }

        waiting.Question.Answer(changes is null ? new ApiReply.Gone(Ring.Floor, Applied) : new ApiReply.Changes(changes, upTo));
        return true;
    }

    private sealed class Waiting(Question question, ApiRequest.KvWatch watch, TimeSpan until)
    {
        public Question Question => question;
        public TimeSpan Until => until;
        public long After { get; set; } = watch.After;

        public bool Takes(string key) =>
            watch.IsPrefix ? key.StartsWith(watch.Key, StringComparison.Ordinal) : string.Equals(key, watch.Key, StringComparison.Ordinal);
    }
}
