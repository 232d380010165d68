namespace Verify.Checks.Tests;

/// <summary>What is said of service instances with a lifetime is seen failing on stories that are wrong.</summary>
public sealed class ServiceExpiryTests
{
    private static readonly IReadOnlyDictionary<string, long> Open = new Dictionary<string, long>(StringComparer.Ordinal);
    private static readonly ServiceRenewal[] Renewed = [new("web-1", AtIndex: 7, SureUntilUs: 1_000)];

    [Test]
    public void An_instance_that_was_renewed_in_time_and_is_not_listed_is_found_on_any_node()
    {
        Assert.That(Objection(Look(listed: false, applied: 7, called: 900, returned: 999)), Does.Contain("web-1 was not listed by n2").And.Contain("entry 7"));
        Assert.That(Objection(Look(listed: true, applied: 7, called: 900, returned: 999)), Is.Null);
    }

    [Test]
    public void An_answer_that_does_not_know_the_renewal_or_comes_when_it_may_be_over_proves_nothing()
    {
        Assert.That(Objection(Look(listed: false, applied: 6, called: 900, returned: 999)), Is.Null, "a node that lags");
        Assert.That(Objection(Look(listed: false, applied: 9, called: 990, returned: 1_000)), Is.Null, "it may just have ended");
    }

    [Test]
    public void An_instance_that_nobody_renewed_and_that_stays_in_the_list_is_found()
    {
        var goneBy = new Dictionary<string, long>(StringComparer.Ordinal) { ["web-1"] = 5_000 };
        Assert.That(ServiceExpiry.Objection(Renewed, [], [Look(listed: true, applied: 9, called: 5_001, returned: 5_100)], goneBy), Does.Contain("still listed by n2").And.Contain("5000 us"));
        Assert.That(ServiceExpiry.Objection(Renewed, [], [Look(listed: true, applied: 9, called: 5_000, returned: 5_100)], goneBy), Is.Null);
        Assert.That(ServiceExpiry.Objection(Renewed, [], [Look(listed: false, applied: 9, called: 5_001, returned: 5_100)], goneBy), Is.Null);
    }

    [Test]
    public void An_instance_that_comes_back_after_it_was_deregistered_is_found()
    {
        ServiceEnd[] ends = [new("web-1", AtIndex: 9)];
        Assert.That(ServiceExpiry.Objection(Renewed, ends, [Look(listed: true, applied: 9, called: 500, returned: 510)], Open), Does.Contain("deregistered with entry 9"));
        Assert.That(ServiceExpiry.Objection(Renewed, ends, [Look(listed: true, applied: 8, called: 500, returned: 510)], Open), Is.Null, "a node that has not heard of it yet");
    }

    private static string? Objection(ServiceLook look) => ServiceExpiry.Objection(Renewed, [], [look], Open);

    private static ServiceLook Look(bool listed, long applied, long called, long returned) => new("n2", "web-1", listed, applied, called, returned);
}
