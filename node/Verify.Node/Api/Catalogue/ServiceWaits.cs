using Verify.Node.State.Catalogue;

namespace Verify.Node.Api.Catalogue;

/// <summary>Questions that wait for the catalogue to change. Lives on the loop.</summary>
internal sealed class ServiceWaits(ApiParts parts)
{
    private readonly List<Wait> _waits = [];
    private long _seen;

    private CatalogueState Catalogue => parts.State.Catalogue;

    public void Ask(Question question, ApiRequest.AwaitServices wait)
    {
        var limit = parts.Config.Timing.RequestTimeout * 2 / 3;
        var until = parts.Pulse.Now + (wait.AtMost < limit ? wait.AtMost : limit);
        if (IndexOf(wait.Name) > wait.AfterIndex || wait.AtMost <= TimeSpan.Zero) question.Answer(new ApiReply.Done(IndexOf(wait.Name)));
        else _waits.Add(new(question, wait.Name, wait.AfterIndex, until));
    }

    /// <summary>An entry was applied, or the state was replaced.</summary>
    public void Look()
    {
        if (_waits.Count == 0 || Catalogue.Index == _seen) return;
        _seen = Catalogue.Index;
        Release(wait => IndexOf(wait.Name) > wait.After);
    }

    public void Tick(TimeSpan now)
    {
        if (_waits.Count > 0) Release(wait => wait.Until <= now || !wait.Question.IsOpen);
    }

    private void Release(Predicate<Wait> isOver)
    {
        foreach (var wait in _waits)
            if (isOver(wait)) wait.Question.Answer(new ApiReply.Done(IndexOf(wait.Name)));
        _waits.RemoveAll(static wait => !wait.Question.IsOpen);
    }

    private long IndexOf(string? name) => name is null ? Catalogue.Index : Catalogue.IndexOf(name);

    private readonly record struct Wait(Question Question, string? Name, long After, TimeSpan Until);
}
