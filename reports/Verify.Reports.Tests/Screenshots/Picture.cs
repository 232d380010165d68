using System.Buffers.Binary;
using System.IO.Compression;

namespace Verify.Reports.Tests.Screenshots;

/// <summary>A colour without transparency.</summary>
internal readonly record struct Colour(byte R, byte G, byte B)
{
    public static Colour White { get; } = new(255, 255, 255);

    /// <summary>"#1f7a4d" as style sheets write it.</summary>
    public static Colour Parse(string text) =>
        new(Convert.ToByte(text[1..3], 16), Convert.ToByte(text[3..5], 16), Convert.ToByte(text[5..7], 16));

    public override string ToString() => $"#{R:x2}{G:x2}{B:x2}";
}

/// <summary>The pixels of a PNG file (ISO/IEC 15948): 8 bits per channel, with or without alpha, not interlaced, which is what browsers write.</summary>
internal sealed class Picture
{
    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10];
    private readonly byte[] _pixels;
    private readonly int _channels;

    private Picture(int width, int height, int channels, byte[] pixels) => (Width, Height, _channels, _pixels) = (width, height, channels, pixels);

    public int Width { get; }
    public int Height { get; }

    public Colour this[int x, int y] => new(_pixels[At(x, y)], _pixels[At(x, y) + 1], _pixels[At(x, y) + 2]);

    public static Picture Read(string file) => Decode(File.ReadAllBytes(file));

    public static Picture Decode(byte[] file)
    {
        if (!file.AsSpan().StartsWith(Signature)) throw new InvalidDataException("no PNG file");
        using var packed = new MemoryStream();
        var (width, height, channels) = (0, 0, 0);
        for (var at = 8; at < file.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(at));
            var kind = System.Text.Encoding.ASCII.GetString(file, at + 4, 4);
            var data = file.AsSpan(at + 8, length);
            if (kind == "IHDR")
            {
                (width, height) = (BinaryPrimitives.ReadInt32BigEndian(data), BinaryPrimitives.ReadInt32BigEndian(data[4..]));
                channels = data[9] switch { 2 => 3, 6 => 4, var type => throw new InvalidDataException($"colour type {type} is not read here") };
                if (data[8] != 8 || data[12] != 0) throw new InvalidDataException("only 8 bits per channel, not interlaced");
            }

            if (kind == "IDAT") packed.Write(data);
            at += length + 12;
        }

        packed.Position = 0;
        using var zlib = new ZLibStream(packed, CompressionMode.Decompress);
        var pixels = new byte[width * height * channels];
        var stride = width * channels;
        for (var y = 0; y < height; y++)
        {
            var filter = zlib.ReadByte();
            zlib.ReadExactly(pixels, y * stride, stride);
            Unfilter(pixels, filter, y, stride, channels);
        }

        return new(width, height, channels, pixels);
    }

    public int Count(Colour colour) => All().Count(p => this[p.X, p.Y] == colour);

    public double ShareOf(Colour colour) => (double)Count(colour) / (Width * Height);

    public int ColoursCount() => All().Select(p => this[p.X, p.Y]).Distinct().Count();

    /// <summary>The first row that shows the colour; -1 for none.</summary>
    public int TopOf(Colour colour) => All().Where(p => this[p.X, p.Y] == colour).Select(p => p.Y).DefaultIfEmpty(-1).First();

    public bool IsColumn(int x, Colour colour) => Enumerable.Range(0, Height).All(y => this[x, y] == colour);

    private IEnumerable<(int X, int Y)> All() => Enumerable.Range(0, Height).SelectMany(y => Enumerable.Range(0, Width).Select(x => (x, y)));

    private int At(int x, int y) => ((y * Width) + x) * _channels;

    /// <summary>Undoes the line's prediction from the pixel to the left, the line above, and the pixel above left (section 9).</summary>
    private static void Unfilter(byte[] pixels, int filter, int y, int stride, int channels)
    {
        for (var i = 0; i < stride; i++)
        {
            var at = (y * stride) + i;
            int left = i >= channels ? pixels[at - channels] : 0;
            int up = y > 0 ? pixels[at - stride] : 0;
            int upLeft = i >= channels && y > 0 ? pixels[at - stride - channels] : 0;
            pixels[at] += filter switch
            {
                0 => 0,
                1 => (byte)left,
                2 => (byte)up,
                3 => (byte)((left + up) / 2),
                4 => (byte)Paeth(left, up, upLeft),
                _ => throw new InvalidDataException($"filter {filter} is unknown"),
            };
        }
    }

    private static int Paeth(int left, int up, int upLeft)
    {
        var guess = left + up - upLeft;
        var (byLeft, byUp, byUpLeft) = (Math.Abs(guess - left), Math.Abs(guess - up), Math.Abs(guess - upLeft));
        return byLeft <= byUp && byLeft <= byUpLeft ? left : byUp <= byUpLeft ? up : upLeft;
    }
}
