using Verify.NodeHost.Commands;
using Verify.NodeHost.Keys;

namespace Verify.NodeHost.Tests;

/// <summary>The keys of data at rest.</summary>
[Platform(Exclude = "Win")]
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class DataKeyFileTests
{
    private string _directory = null!;
    private string File => Path.Combine(_directory, "data.keys");

    [SetUp]
    public void Make() => _directory = Directory.CreateTempSubdirectory("verify-keys-").FullName;

    [TearDown]
    public void Remove() => Directory.Delete(_directory, recursive: true);

    [Test]
    public void A_rotated_file_seals_with_the_new_key_and_still_opens_with_the_old()
    {
        Assert.That(Run("keys", "init"), Is.Zero);
        var first = DataKeyFile.Read(File).Active!;
        Assert.That(Run("keys", "rotate"), Is.Zero);
        var keys = DataKeyFile.Read(File);
        Assert.That(keys.Keys, Has.Length.EqualTo(2));
        Assert.That(keys.Active!.Id, Is.Not.EqualTo(first.Id));
        Assert.That(keys.Find(first.Id)!.Secret.ToArray(), Is.EqualTo(first.Secret.ToArray()));
        Assert.That(keys.Active.Secret.Length, Is.EqualTo(32));
        Assert.That(System.IO.File.GetUnixFileMode(File), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
    }

    [Test]
    public void List_shows_ids_and_never_a_secret()
    {
        DataKeyFile.Init(File);
        using var text = new StringWriter();
        Assert.That(FileCommands.Keys(CommandLine.Parse(["keys", "list", "--key-file", File]).Line!, text, text), Is.Zero);
        var key = DataKeyFile.Read(File).Active!;
        Assert.That(text.ToString(), Does.Contain($"{key.Id} (active)").And.Not.Contain(Convert.ToBase64String(key.Secret.Span)));
        Assert.That(key.ToString(), Is.EqualTo($"key {key.Id}"));
    }

    [Test]
    public void Init_never_takes_the_place_of_keys_that_data_may_need()
    {
        DataKeyFile.Init(File);
        var before = System.IO.File.ReadAllText(File);
        Assert.That(Run("keys", "init"), Is.EqualTo(3));
        Assert.That(System.IO.File.ReadAllText(File), Is.EqualTo(before));
    }

    [TestCase(UnixFileMode.GroupRead)]
    [TestCase(UnixFileMode.OtherRead)]
    [TestCase(UnixFileMode.OtherWrite)]
    public void A_file_that_others_may_use_is_refused_with_the_remedy(UnixFileMode more)
    {
        DataKeyFile.Init(File);
        System.IO.File.SetUnixFileMode(File, UnixFileMode.UserRead | UnixFileMode.UserWrite | more);
        Assert.That(() => DataKeyFile.Read(File), Throws.InstanceOf<DataKeyException>().With.Message.Contains($"chmod 600 {File}"));
    }

    [TestCase("")]
    [TestCase("{}")]
    [TestCase("[]")]
    [TestCase("""[{ "id": "a" }]""")]
    [TestCase("""[{ "id": "a", "secret": "c2hvcnQtYW5kLXNlY3JldA==" }]""")]
    [TestCase("""[{ "id": "a", "secret": "not base64 but secret" }]""")]
    [TestCase("""[{ "id": "a", "secret": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" }, { "id": "a", "secret": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" }]""")]
    public void A_file_that_is_none_is_refused_without_repeating_it(string text)
    {
        System.IO.File.WriteAllText(File, text);
        System.IO.File.SetUnixFileMode(File, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.That(() => DataKeyFile.Read(File), Throws.InstanceOf<DataKeyException>().With.Message.StartsWith(File).And.Message.Not.Contains("c2hvcnQ").And.Message.Not.Contains("but secret"));
    }

    private int Run(string noun, string verb) => FileCommands.Keys(CommandLine.Parse([noun, verb, "--key-file", File]).Line!, TextWriter.Null, TextWriter.Null);
}
