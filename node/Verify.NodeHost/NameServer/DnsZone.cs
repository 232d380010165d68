using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Verify.Node.Api;
using Verify.Node.State.Catalogue;
using Verify.NodeHost.Http;
using Verify.NodeHost.Http.Catalogue;

namespace Verify.NodeHost.NameServer;

/// <summary>What names mean (Consul, "Service discovery with DNS"; RFC 2782): [tag.]name.service[.dc].domain, _name._tag.service[.dc].domain,
/// node.node[.dc].domain, hex.addr.domain. Answers from what this node has applied, so it goes on answering without a leader.
/// Instances that are critical are left out; the others come in an order that is drawn for each answer.</summary>
internal sealed class DnsZone(INodeApi node, DnsSettings settings, CatalogueReads reads, Func<string, ValueTask<bool>> mayRead)
{
    /// <summary>RFC 2308: how long "there is none" may be kept. Services come and go, so not at all.</summary>
    private const int NegativeTtl = 0;

    public async Task<DnsAnswer> AnswerAsync(DnsQuestion question)
    {
        if (question.EdnsVersion > 0) return new(DnsCode.BadVersion);
        if (question.Class is not (1 or 255)) return new(DnsCode.Refused) { IsOurs = false };
        var name = question.Name;
        var domain = settings.Domains.FirstOrDefault(d => name == d || name.EndsWith("." + d, StringComparison.Ordinal));
        if (domain is null) return new(DnsCode.Refused) { IsOurs = false };
        var labels = question.Labels.Take(question.Labels.Count - domain.Split('.').Length).ToArray();
        if (labels.Length == 0) return Apex(domain, question.Type);
        var at = Array.FindLastIndex(labels, static label => label.ToLowerInvariant() is "service" or "node" or "addr");
        if (at < 1 || at < labels.Length - 2) return NoName(domain);
        var dc = at == labels.Length - 2 ? labels[^1] : null;
        return labels[at].ToLowerInvariant() switch
        {
            "service" => await ServiceAsync(question, domain, labels[..at], dc),
            "node" => await NodeAsync(question, domain, string.Join('.', labels[..at]), dc),
            _ => Address(question, domain, labels[..at]),
        };
    }

    private static DnsAnswer Apex(string domain, DnsType type) => type switch
    {
        DnsType.Soa => new(DnsCode.NoError) { Records = [SoaOf(domain)] },
        DnsType.Ns => new(DnsCode.NoError) { Records = [new DnsRecord.NameServer(domain, $"ns.{domain}", 0)] },
        _ => NoData(domain),
    };

    private async Task<DnsAnswer> ServiceAsync(DnsQuestion question, string domain, string[] labels, string? dc)
    {
        var (service, tag) = labels switch
        {
            [['_', .. var named], ['_', .. var tagged]] => (named, tagged.ToLowerInvariant() is "tcp" or "udp" ? null : tagged),
            [var only] => (only, null),
            [.. var before, var last] => (last, string.Join('.', before)),
            _ => ("", null),
        };
        if (!await mayRead(service)) return new(DnsCode.Refused);
        var query = new ServiceQuery { Name = service, NameIgnoresCase = true, AtWorst = CheckStatus.Warning };
        if (await node.AskAsync(new ApiRequest.QueryServices(query, ReadConsistency.Stale)) is not ApiReply.Services found) return new(DnsCode.ServerFailure);
        var instances = found.Instances
            .Where(i => tag is null || i.Spec.Tags.Contains(tag, StringComparer.OrdinalIgnoreCase))
            .Where(i => dc is null || string.Equals(i.Spec.DataCenter, dc, StringComparison.OrdinalIgnoreCase)).ToArray();
        if (instances.Length == 0) return NoName(domain);
        // For spreading load only; nothing depends on it being unpredictable.
        System.Security.Cryptography.RandomNumberGenerator.Shuffle(instances.AsSpan());
        return question.Type == DnsType.Srv ? Services(question, domain, instances) : Addresses(question, domain, [.. instances.Select(static i => i.Spec.Address)]);
    }

    private DnsAnswer Services(DnsQuestion question, string domain, ServiceInstance[] instances)
    {
        var (records, extra) = (new List<DnsRecord>(), new List<DnsRecord>());
        foreach (var instance in instances)
        {
            var target = TargetOf(instance.Spec.Address, domain);
            if (target is null) continue;
            var weight = instance.Status == CheckStatus.Passing ? instance.Spec.WeightPassing : instance.Spec.WeightWarning;
            records.Add(new DnsRecord.Service(question.Name, 1, weight, instance.Spec.Port, target, settings.Ttl));
            if (IPAddress.TryParse(instance.Spec.Address, out var ip)) extra.Add(new DnsRecord.Address(target, ip, settings.Ttl));
        }

        return records.Count == 0 ? NoData(domain) : new(DnsCode.NoError) { Records = records, Extra = [.. extra.Distinct()] };
    }

    /// <summary>An address that is a name is answered with that name, for the asker to go on.</summary>
    private DnsAnswer Addresses(DnsQuestion question, string domain, IReadOnlyList<string> addresses)
    {
        var records = new List<DnsRecord>();
        foreach (var text in addresses.Distinct(StringComparer.OrdinalIgnoreCase))
        {
            if (IPAddress.TryParse(text, out var ip))
            {
                if (question.Type == DnsType.Any || question.Type == (ip.AddressFamily == AddressFamily.InterNetworkV6 ? DnsType.Aaaa : DnsType.A))
                    records.Add(new DnsRecord.Address(question.Name, ip, settings.Ttl));
            }
            else if (question.Type is DnsType.A or DnsType.Aaaa or DnsType.Any or DnsType.Cname && IsName(text)) records.Add(new DnsRecord.Alias(question.Name, text, settings.Ttl));
        }

        // A name has at most one alias, and then nothing else (RFC 1034 §3.6.2).
        var numbers = records.OfType<DnsRecord.Address>().ToArray();
        records = numbers.Length > 0 ? [.. numbers] : [.. records.Take(1)];
        return records.Count == 0 ? NoData(domain) : new(DnsCode.NoError) { Records = records };
    }

    private async Task<DnsAnswer> NodeAsync(DnsQuestion question, string domain, string name, string? dc)
    {
        // A node's name is often host:port, which no name of the DNS can hold: the host alone finds it too.
        var found = (await reads.NodesAsync()).FirstOrDefault(n => Is(n.Node, name) || Is(n.Node.Split(':')[0], name));
        if (found is null || (dc is not null && !Is(found.Datacenter, dc))) return NoName(domain);
        return question.Type == DnsType.Srv ? NoData(domain) : Addresses(question, domain, [found.Address]);
    }

    /// <summary>The names that SRV records point to: the bytes of an address in hexadecimal.</summary>
    private DnsAnswer Address(DnsQuestion question, string domain, string[] labels)
    {
        if (labels is not [var hex] || hex.Length is not (8 or 32) || !hex.All(char.IsAsciiHexDigit)) return NoName(domain);
        return Addresses(question, domain, [new IPAddress(Convert.FromHexString(hex)).ToString()]);
    }

    private static string? TargetOf(string address, string domain) => IPAddress.TryParse(address, out var ip)
        ? string.Create(CultureInfo.InvariantCulture, $"{Convert.ToHexStringLower(ip.GetAddressBytes())}.addr.{domain}") : IsName(address) ? address : null;

    private static bool IsName(string text) => text.Length is > 0 and <= 253 && text.TrimEnd('.').Split('.').All(static label => label.Length is > 0 and <= 63 && label.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'));

    private static bool Is(string one, string other) => string.Equals(one, other, StringComparison.OrdinalIgnoreCase);

    private static DnsAnswer NoName(string domain) => new(DnsCode.NameError) { Authority = [SoaOf(domain)] };

    private static DnsAnswer NoData(string domain) => new(DnsCode.NoError) { Authority = [SoaOf(domain)] };

    private static DnsRecord.Authority SoaOf(string domain) => new(domain, 1, NegativeTtl);
}
