using System.Text;

namespace Verify.MySql.Wire;

/// <summary>The client's side of logging in, from its login request to the server's OK (MySQL "Connection Phase"):
/// caching_sha2_password by proof, over TLS or with the server's RSA key; mysql_native_password; a switch between them.
/// Methods that would send the password readable are refused.</summary>
internal sealed class Authentication(PacketReader reader, PacketWriter writer, MySqlLogin login, bool isEncrypted)
{
    private const int SwitchesMax = 3;
    private const byte RequestPublicKey = 2;
    private const byte ProofAccepted = 3;
    private const byte PasswordNeeded = 4;

    private string _plugin = "";
    private byte[] _seed = [];

    public async Task RunAsync(Greeting greeting, Capabilities capabilities, CancellationToken cancel)
    {
        _seed = greeting.Seed;
        _plugin = greeting.AuthPlugin is PasswordProof.CachingSha2 ? PasswordProof.CachingSha2 : PasswordProof.Native;
        new LoginRequest(capabilities, login.User, Proof(), login.Database, _plugin).Write(writer, reader.NextSequence++);
        await writer.SendAsync(reader.Stream, cancel);

        var switches = 0;
        while (true)
        {
            var packet = await reader.ReadAsync("the answer to the login", cancel);
            switch (packet.Length > 0 ? packet.Span[0] : -1)
            {
                case Header.Ok:
                    OkPacket.Parse(packet.Span);
                    return;
                case Header.Error:
                    throw ErrorPacket.Parse(packet.Span);
                case Header.AuthSwitch when ++switches <= SwitchesMax:
                    Switch(packet.Span);
                    await AnswerAsync(Proof(), cancel);
                    break;
                case Header.MoreAuthData when _plugin is PasswordProof.CachingSha2 && packet.Length == 2:
                    if (packet.Span[1] == PasswordNeeded) await SendPasswordAsync(cancel);
                    else if (packet.Span[1] != ProofAccepted) throw Unexpected(packet.Span);
                    break;
                default:
                    throw Unexpected(packet.Span);
            }
        }
    }

    private byte[] Proof() =>
        _plugin is PasswordProof.CachingSha2 ? PasswordProof.OfCachingSha2(login.Password, _seed) : PasswordProof.OfNative(login.Password, _seed);

    private void Switch(ReadOnlySpan<byte> packet)
    {
        var cursor = new PacketCursor(packet, "authentication switch");
        cursor.Byte();
        if (cursor.Left == 0) throw new MySqlProtocolException("the server asks for the password hash of MySQL before 4.1; refused");
        _plugin = Encoding.UTF8.GetString(cursor.ZeroEnded());
        if (_plugin is not (PasswordProof.CachingSha2 or PasswordProof.Native))
        {
            throw new MySqlProtocolException(
                $"the server wants '{login.User}' to log in by {_plugin}; give the account {PasswordProof.CachingSha2} (MySQL) or {PasswordProof.Native} (MariaDB)");
        }

        var seed = cursor.Rest();
        if (seed.Length == Greeting.SeedBytes + 1 && seed[^1] == 0) seed = seed[..^1];
        if (seed.Length != Greeting.SeedBytes) throw cursor.Broken($"a seed of {seed.Length} bytes ({Greeting.SeedBytes} expected)");
        _seed = seed.ToArray();
    }

    private async ValueTask SendPasswordAsync(CancellationToken cancel)
    {
        if (isEncrypted)
        {
            await AnswerAsync(PasswordProof.Plain(login.Password), cancel);
            return;
        }

        await AnswerAsync([RequestPublicKey], cancel);
        var packet = await reader.ReadAsync("the server's public key", cancel);
        if (packet.Length > 0 && packet.Span[0] == Header.Error) throw ErrorPacket.Parse(packet.Span);
        if (packet.Length < 2 || packet.Span[0] != Header.MoreAuthData) throw Unexpected(packet.Span);
        await AnswerAsync(PasswordProof.Encrypted(login.Password, _seed, packet.Span[1..]), cancel);
    }

    private ValueTask AnswerAsync(ReadOnlySpan<byte> payload, CancellationToken cancel)
    {
        writer.Begin(reader.NextSequence++).Bytes(payload).End();
        return writer.SendAsync(reader.Stream, cancel);
    }

    private MySqlProtocolException Unexpected(ReadOnlySpan<byte> packet) => new(
        $"while logging in by {_plugin}: a packet of {packet.Length} bytes that begins 0x{Convert.ToHexStringLower(packet[..Math.Min(packet.Length, 8)])}");
}
