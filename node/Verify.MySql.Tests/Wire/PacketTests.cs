using FsCheck;
using FsCheck.Fluent;
using Verify.MySql.Tests.Support;
using Verify.MySql.Wire;

namespace Verify.MySql.Tests.Wire;

/// <summary>Packets: what is written is read again, and what was never written is refused.</summary>
public class PacketTests
{
    [SetUp]
    public void Leave_the_runner_s_context() => SynchronizationContext.SetSynchronizationContext(null);

    [TestCase(0UL, "00")]
    [TestCase(250UL, "fa")]
    [TestCase(251UL, "fcfb00")]
    [TestCase(65535UL, "fcffff")]
    [TestCase(65536UL, "fd000001")]
    [TestCase(16777215UL, "fdffffff")]
    [TestCase(16777216UL, "fe0000000100000000")]
    [TestCase(ulong.MaxValue, "feffffffffffffffff")]
    public void A_length_has_the_bytes_of_the_documentation(ulong value, string hex)
    {
        var writer = new PacketWriter();
        writer.Begin(0).LengthEncoded(value).End();
        var payload = writer.Written.Span[PacketReader.HeaderBytes..];
        Assert.That(Convert.ToHexStringLower(payload), Is.EqualTo(hex));
        var cursor = new PacketCursor(payload, "length");
        Assert.That(cursor.LengthEncoded(), Is.EqualTo(value));
        Assert.That(cursor.Left, Is.Zero);
    }

    [FsCheck.NUnit.Property]
    public bool Any_length_is_read_as_written(ulong value)
    {
        var writer = new PacketWriter();
        writer.Begin(0).LengthEncoded(value).End();
        return new PacketCursor(writer.Written.Span[PacketReader.HeaderBytes..], "length").LengthEncoded() == value;
    }

    [Test]
    public async Task A_row_of_every_length_around_the_borders_is_read_as_written([Values(0, 1, 250, 251, 252, 65535, 65536, 8 * 1024, 300_000, 5_000_000)] int length)
    {
        var value = new string('x', length);
        Assert.That(await RoundTripAsync([["a", null, value, ""]], Capabilities.DeprecateEof, int.MaxValue), Is.EqualTo(new[] { new[] { "a", null, value, "" } }));
    }

    [FsCheck.NUnit.Property(MaxTest = 200)]
    public Property Any_answer_is_read_as_written_however_the_stream_cuts_it() => Prop.ForAll(
        Answers().ToArbitrary(), Gen.Choose(1, 40).ToArbitrary(), Gen.Elements(Capabilities.None, Capabilities.DeprecateEof).ToArbitrary(),
        (rows, bytesPerRead, eof) => Same(rows, RoundTripAsync(rows, eof, bytesPerRead).GetAwaiter().GetResult()));

    [Test]
    public async Task Names_of_columns_are_not_mixed_up_between_answers_of_the_same_width()
    {
        var (server, session) = await ScriptedServer.WithSessionAsync();
        foreach (var names in new string[][] { ["a", "b"], ["a", "c"], ["x"], ["a", "b"], ["ä", "b"], ["ä", "b"], ["a", "c"], ["1", "2", "3"], ["4", "5", "6", "7"], ["a", "b"] })
        {
            var query = server.Query(session);
            ResultSet.Write(server.Writer, 1, new([.. names], [[.. names]], 0), Capabilities.DeprecateEof);
            await server.SendAsync();
            Assert.That((await query).Columns, Is.EqualTo(names));
        }
    }

    /// <summary>The sequence number has eight bits.</summary>
    [Test]
    public async Task Numbers_of_packets_begin_again_after_255()
    {
        var rows = Enumerable.Range(0, 1000).Select(i => new string?[] { $"{i}" }).ToArray();
        Assert.That(await RoundTripAsync(rows, Capabilities.DeprecateEof, int.MaxValue), Is.EqualTo(rows));
    }

    [FsCheck.NUnit.Property(MaxTest = 3000)]
    public void Any_bytes_for_an_answer_are_read_or_refused(byte[] payload, byte[] second, byte[] third)
    {
        Fuzz(Framed(1, payload, second, third));
    }

    [FsCheck.NUnit.Property(MaxTest = 3000)]
    public Property A_good_answer_with_a_few_wrong_bytes_is_read_or_refused() => Prop.ForAll(
        Gen.ArrayOf(Gen.Choose(0, 400), 6).ToArbitrary(), Gen.ArrayOf(Gen.Choose(0, 255), 6).ToArbitrary(), (places, values) =>
    {
        var writer = new PacketWriter();
        ResultSet.Write(writer, 1, new(["one", "two"], [["first", null], ["second", "x"]], 0), Capabilities.DeprecateEof);
        var bytes = writer.Written.ToArray();
        for (var i = 0; i < places.Length; i++) bytes[places[i] % bytes.Length] = (byte)values[i];
        Fuzz(bytes);
    });

    [FsCheck.NUnit.Property(MaxTest = 3000)]
    public void Any_bytes_for_a_greeting_a_login_or_an_error_are_read_or_refused(byte[] payload)
    {
        ReadOrRefuse(() => Greeting.Parse([10, .. payload]));
        ReadOrRefuse(() => LoginRequest.Parse(payload));
        ReadOrRefuse(() => ErrorPacket.Parse([0xFF, .. payload]));
        ReadOrRefuse(() => OkPacket.Parse([0, .. payload]));
        ReadOrRefuse(() => ColumnDefinition.ParseName(payload).Length.ToString());
        ReadOrRefuse(() => PasswordProof.Encrypted("secret", ScriptedServer.Seed, payload));
    }

    private static void ReadOrRefuse<T>(Func<T> read)
    {
        try
        {
            read();
        }
        catch (MySqlException e)
        {
            Assert.That(e.Message, Is.Not.Empty);
        }
    }

    /// <summary>The connection ends behind the bytes, so the session must come to an end: an answer or a refusal.</summary>
    private static void Fuzz(byte[] bytes)
    {
        var (server, session) = ScriptedServer.WithSessionAsync().GetAwaiter().GetResult();
        var query = server.Query(session);
        server.Stream.WriteAsync(bytes).AsTask().GetAwaiter().GetResult();
        server.Stream.Dispose();
        Assert.That(query.IsCompleted, Is.True, "it hangs");
        ReadOrRefuse(() => query.GetAwaiter().GetResult());
    }

    private static byte[] Framed(byte sequence, params byte[][] payloads)
    {
        var writer = new PacketWriter();
        foreach (var payload in payloads) writer.Begin(sequence++).Bytes(payload).End();
        return writer.Written.ToArray();
    }

    private static Gen<string?[][]> Answers()
    {
        var value = Gen.OneOf(
            Gen.Constant<string?>(null), Gen.Constant<string?>(""), Gen.Choose(0, 600).Select<int, string?>(n => new string('y', n)),
            ArbMap.Default.GeneratorFor<NonNull<string>>().Select<NonNull<string>, string?>(s => s.Get.EnumerateRunes().Aggregate("", (all, rune) => all + rune)));
        return from columns in Gen.Choose(1, 8) from rows in Gen.Choose(0, 12) from answer in Gen.ArrayOf(Gen.ArrayOf(value, columns), rows) select answer;
    }

    private static bool Same(string?[][] a, string?[][] b) => a.Length == b.Length && a.Zip(b).All(p => p.First.SequenceEqual(p.Second, StringComparer.Ordinal));

    private static async Task<string?[][]> RoundTripAsync(string?[][] rows, Capabilities eof, int bytesPerRead)
    {
        var (server, session) = await ScriptedServer.WithSessionAsync(ScriptedServer.Offered & ~Capabilities.DeprecateEof | eof);
        server.Client.ReadBytesMax = bytesPerRead;
        var query = server.Query(session);
        var columns = Enumerable.Range(0, rows.FirstOrDefault()?.Length ?? 1).Select(i => $"column {i}").ToArray();
        ResultSet.Write(server.Writer, 1, new(columns, rows, 0), eof);
        await server.SendAsync();
        var table = await query;
        Assert.That(table.Columns, Is.EqualTo(columns));
        Assert.That(server.Client.IsClosed, Is.False);
        return [.. table.Rows];
    }
}
