using System.Text.Json;
using Verify.Chaos.Explaining;
using Verify.Checks;

namespace Verify.Chaos.Exports;

/// <summary>A run as a log for ShiViz: two lines per event, "host {vector clock}" and the event. ShiViz takes it with its default expression,
/// which is printed by the command. A host's own number begins at 1 and goes up by 1 with each of its events, as ShiViz demands.</summary>
/// <remarks>A run has 100,000 steps: only what a node said of itself, and of the messages the first between two such events, are events here.</remarks>
internal static class ShiVizLog
{
    public const string FileName = "shiviz.log";
    public const string Expression = @"(?<host>\S*) (?<clock>{.*})\n(?<event>.*)";
    private const int EventsMax = 20_000;

    public static void Write(TextWriter to, RunAccount account)
    {
        var history = new CausalHistory(account);
        var clocks = new SortedDictionary<string, SortedDictionary<string, long>>(StringComparer.Ordinal);
        foreach (var party in account.Parties) clocks[party.Name] = new(StringComparer.Ordinal);
        var sent = new SortedDictionary<long, SortedDictionary<string, long>>();
        var news = new SortedDictionary<(string From, string To), long>();
        foreach (var happening in Happenings(account, history, clocks.Keys).Take(EventsMax * 4))
        {
            var own = clocks[happening.Actor];
            if (happening.Event is { } e)
            {
                Tell(to, happening.Actor, own, EventWords.Of(e));
                continue;
            }

            var message = happening.Message!.Value;
            if (happening.IsSend)
            {
                // Only a message that carries something new is worth an arrow.
                if (news.TryGetValue((message.From, message.To), out var told) && told == own.GetValueOrDefault(message.From)) continue;
                Tell(to, message.From, own, $"sends to {message.To}");
                news[(message.From, message.To)] = own[message.From];
                sent[KeyOf(message)] = new(own, StringComparer.Ordinal);
            }
            else if (sent.Remove(KeyOf(message), out var carried))
            {
                foreach (var (who, number) in carried) own[who] = Math.Max(own.GetValueOrDefault(who), number);
                Tell(to, message.To, own, $"hears from {message.From} ({message.Name})");
            }
        }
    }

    private sealed record Happening(long AtUs, long Step, int Order, string Actor)
    {
        public RunEvent? Event { get; init; }
        public TracedMessage? Message { get; init; }
        public bool IsSend { get; init; }
    }

    /// <summary>In order: of one step first what is heard, then what is said of it, then what is sent.</summary>
    private static IEnumerable<Happening> Happenings(RunAccount account, CausalHistory history, IEnumerable<string> parties)
    {
        var hosts = parties.ToHashSet(StringComparer.Ordinal);
        var told = account.Events.Where(e => hosts.Contains(e.Subject) && e.Kind is not (EventKinds.Applied or SwarmKinds.Synced)).Take(EventsMax).Select(e => new Happening(e.AtUs, StepOf(e), 1, e.Subject) { Event = e });
        var messages = history.Messages.Where(m => !m.IsHeld && hosts.Contains(m.From) && hosts.Contains(m.To) && m.From != m.To).ToList();
        return told.Concat(messages.Select(m => new Happening(m.SentUs, m.SentStep, 2, m.From) { Message = m, IsSend = true }))
            .Concat(messages.Select(m => new Happening(m.AtUs, m.Step, 0, m.To) { Message = m }))
            .OrderBy(h => h.AtUs).ThenBy(h => h.Step).ThenBy(h => h.Order);

        long StepOf(RunEvent e) => history.PlaceOfStep(e.Step) is var exact and >= 0 && history.At(exact).Actor == e.Subject ? e.Step
            : history.PlaceOf(e.Subject, e.AtUs) is var last and >= 0 ? history.At(last).Step : 0;
    }

    private static long KeyOf(TracedMessage message) => message.Step;

    private static void Tell(TextWriter to, string host, SortedDictionary<string, long> own, string what)
    {
        own[host] = own.GetValueOrDefault(host) + 1;
        to.Write($"{host} {JsonSerializer.Serialize(own)}\n{what.ReplaceLineEndings(" ")}\n");
    }
}
