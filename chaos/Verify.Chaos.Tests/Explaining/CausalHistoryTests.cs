using Verify.Chaos.Explaining;

namespace Verify.Chaos.Tests.Explaining;

/// <summary>Happens-before over a trace.</summary>
public sealed class CausalHistoryTests
{
    private static readonly CausalHistory History = new(HandMade.StaleRead());

    private static int At(long step) => History.PlaceOfStep(step);

    [Test]
    public void A_message_orders_what_its_sender_did_before_what_its_receiver_did_after()
    {
        Assert.That(History.HappensBefore(At(1), At(2)), Is.True, "sent, arrived");
        Assert.That(History.HappensBefore(At(1), At(9)), Is.True, "and everything later on n2");
        Assert.That(History.HappensBefore(At(2), At(1)), Is.False);
        Assert.That(History.HappensBefore(At(9), At(11)), Is.True, "by way of n3");
    }

    [Test]
    public void What_a_cut_holds_is_not_heard()
    {
        var held = History.Messages.Where(m => m.IsHeld).ToList();
        Assert.That(held.Select(m => (m.From, m.To, m.SentStep)), Is.EqualTo(new[] { ("n1", "n2", 7L) }));
        Assert.That(History.HappensBefore(At(7), At(9)), Is.False, "n2 stands for election because it did not hear this");
    }

    [Test]
    public void After_the_heal_held_messages_are_heard_when_they_are_sent_again()
    {
        var account = HandMade.StaleRead();
        account = account with
        {
            Steps = [.. account.Steps, new(17, 4_000_000, "n2", "n2 <- n1 retransmit", 16)],
            Events = [.. account.Events.Append(HandMade.E(3_500_000, 0, Verify.Checks.EventKinds.FaultEnded, "step 1", ("fault", "partition"), ("resolved", "n1 | n2, n3"), ("proof", "1")))],
        };
        var history = new CausalHistory(account);
        Assert.That(history.HappensBefore(history.PlaceOfStep(7), history.PlaceOfStep(17)), Is.True);
        Assert.That(history.Messages.Count(m => m.SentStep == 7 && m is { IsHeld: false, AtUs: 4_000_000 }), Is.EqualTo(1));
    }

    [Test]
    public void The_harness_is_no_process_one_client_does_not_know_what_another_saw()
    {
        Assert.That(History.HappensBefore(At(5), At(12)), Is.False, "both calls came from the harness; n1 is cut off from n2");
        Assert.That(History.HappensBefore(At(12), At(14)), Is.False, "the reader was not told of the write by n2");
    }

    [Test]
    public void What_was_known_of_another_is_the_last_event_that_a_message_told_of()
    {
        Assert.That(History.Knows(At(14), "n2"), Is.EqualTo(At(2)));
        Assert.That(History.Knows(At(14), "n3"), Is.EqualTo(-1));
    }
}
