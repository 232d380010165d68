using System.Buffers.Binary;
using System.IO.Compression;

namespace Verify.Reports.Tests.Screenshots;

/// <summary>The decoder that the screenshots are judged by must itself be able to fail.</summary>
internal sealed class PictureTests
{
    [TestCase(0)]
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    [TestCase(4)]
    public void A_picture_that_was_packed_with_any_of_the_five_filters_comes_back_as_it_was(int filter)
    {
        var pixels = new byte[4 * 3 * 3];
        new Random(filter).NextBytes(pixels);
        var picture = Picture.Decode(Packed(pixels, width: 4, height: 3, filter));
        Assert.That((picture.Width, picture.Height), Is.EqualTo((4, 3)));
        for (var y = 0; y < 3; y++)
        {
            for (var x = 0; x < 4; x++)
            {
                var at = ((y * 4) + x) * 3;
                Assert.That(picture[x, y], Is.EqualTo(new Colour(pixels[at], pixels[at + 1], pixels[at + 2])), $"{x},{y}");
            }
        }
    }

    [Test]
    public void A_blank_picture_is_seen_as_blank()
    {
        var pixels = new byte[4 * 3 * 3];
        Array.Fill(pixels, (byte)255);
        var picture = Picture.Decode(Packed(pixels, 4, 3, 0));
        Assert.That((picture.ShareOf(Colour.White), picture.ColoursCount(), picture.TopOf(new(0, 0, 0))), Is.EqualTo((1.0, 1, -1)));
    }

    [Test]
    public void What_is_no_picture_is_refused() => Assert.Throws<InvalidDataException>(() => Picture.Decode(new byte[64]));

    private static byte[] Packed(byte[] pixels, int width, int height, int filter)
    {
        using var raw = new MemoryStream();
        using (var zlib = new ZLibStream(raw, CompressionLevel.Fastest, leaveOpen: true))
        {
            for (var y = 0; y < height; y++)
            {
                zlib.WriteByte((byte)filter);
                for (var i = 0; i < width * 3; i++) zlib.WriteByte((byte)(pixels[(y * width * 3) + i] - Predicted(pixels, filter, width * 3, y, i)));
            }
        }

        using var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, 2);
        Chunk(file, "IHDR", header);
        Chunk(file, "IDAT", raw.ToArray());
        Chunk(file, "IEND", []);
        return file.ToArray();
    }

    private static int Predicted(byte[] pixels, int filter, int stride, int y, int i)
    {
        var at = (y * stride) + i;
        int a = i >= 3 ? pixels[at - 3] : 0, b = y > 0 ? pixels[at - stride] : 0, c = i >= 3 && y > 0 ? pixels[at - stride - 3] : 0;
        var nearest = new[] { a, b, c }.OrderBy(v => Math.Abs(a + b - c - v)).First();
        return filter switch { 0 => 0, 1 => a, 2 => b, 3 => (a + b) / 2, _ => nearest };
    }

    private static void Chunk(Stream file, string kind, byte[] data)
    {
        var length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, data.Length);
        file.Write(length);
        file.Write(System.Text.Encoding.ASCII.GetBytes(kind));
        file.Write(data);
        file.Write(new byte[4]);
    }
}
