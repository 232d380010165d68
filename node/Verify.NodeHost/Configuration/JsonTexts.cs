using System.Text.Json;

namespace Verify.NodeHost.Configuration;

/// <summary>Looks at every text of parsed JSON once. The parser lets bytes pass that are no UTF-8, and halves of surrogate pairs; they show
/// only when a text is read, as an exception that no caller of a getter expects.</summary>
internal static class JsonTexts
{
    /// <exception cref="JsonException">A name or a value is no Unicode text (RFC 8259 section 8).</exception>
    public static void Check(JsonElement value)
    {
        try
        {
            Touch(value);
        }
        catch (InvalidOperationException broken)
        {
            throw new JsonException("a name or a text is not valid Unicode", broken);
        }
    }

    private static void Touch(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String:
                _ = value.GetString();
                break;
            case JsonValueKind.Array:
                foreach (var item in value.EnumerateArray()) Touch(item);
                break;
            case JsonValueKind.Object:
                foreach (var property in value.EnumerateObject())
                {
                    _ = property.Name;
                    Touch(property.Value);
                }

                break;
        }
    }
}
