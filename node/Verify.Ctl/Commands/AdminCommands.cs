using System.CommandLine;
using System.Text.Json;
using Verify.Client;

namespace Verify.Ctl.Commands;

/// <summary>verify-ctl backup and verify-ctl acl.</summary>
internal static class AdminCommands
{
    public static Command Backup(CommandRun run)
    {
        var name = new Argument<string>("name") { Description = "As list shows it." };
        var mode = new Option<string>("--mode") { Description = "replace (what is not in it is removed), overwrite, or create (what is there stays).", DefaultValueFactory = static _ => "replace" };
        var restore = new Command("restore", """
            Makes keys and services what the backup says. A backup lies on the node that made it: name that node with --endpoint.
            Example: verify-ctl backup restore verify-20260102T030405678-4711.ndjson
            """) { name, mode };
        restore.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) => Shown(screen, await client.Admin.RestoreAsync(parse.GetValue(name)!, parse.GetValue(mode)!, token)), cancel));
        return new("backup", """
            Backups of keys and services, in files on the node that is asked.
            Examples:
              verify-ctl backup create
              verify-ctl backup list
            """)
        {
            Simple(run, "create", "Makes a backup.\nExample: verify-ctl backup create", static (client, token) => client.Admin.BackupAsync(token)),
            Simple(run, "list", "The backups of the node that is asked.\nExample: verify-ctl backup list --json", static (client, token) => client.Admin.BackupsAsync(token)),
            restore,
        };
    }

    public static Command Acl(CommandRun run) => new("acl", """
        Access rules: policies say what may be done with which keys and services, tokens have policies.
        Examples:
          verify-ctl acl bootstrap
          verify-ctl acl set-policy app policy.json
          verify-ctl acl create-token --policy app
        """)
    {
        Simple(run, "bootstrap", "Makes the first management token. Its secret is shown this once.\nExample: verify-ctl acl bootstrap", static (client, token) => client.Admin.BootstrapAsync(token)),
        Simple(run, "policies", "The names of the policies.\nExample: verify-ctl acl policies", static (client, token) => client.Admin.PoliciesAsync(token)),
        Simple(run, "tokens", "The tokens, without their secrets.\nExample: verify-ctl acl tokens", static (client, token) => client.Admin.TokensAsync(token)),
        Named(run, "policy", "One policy.\nExample: verify-ctl acl policy app", static (client, name, token) => client.Admin.PolicyAsync(name, token)),
        Named(run, "delete-policy", "Deletes a policy; tokens lose what it gave them.\nExample: verify-ctl acl delete-policy app", static (client, name, token) => client.Admin.DeletePolicyAsync(name, token)),
        Named(run, "delete-token", "Deletes a token by its accessor id.\nExample: verify-ctl acl delete-token token-1a2b", static (client, name, token) => client.Admin.DeleteTokenAsync(name, token)),
        SetPolicy(run),
        CreateToken(run),
    };

    private static Command SetPolicy(CommandRun run)
    {
        var name = new Argument<string>("name");
        var file = new Argument<string>("file") { Description = "A JSON document; - for standard input." };
        var command = new Command("set-policy", """
            Stores a policy.
            Example: echo '{ "kv": [{ "path": "app/*", "capabilities": ["read", "write"] }] }' | verify-ctl acl set-policy app -
            """) { name, file };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
        {
            var path = parse.GetValue(file)!;
            var text = path == "-" ? await run.Input.ReadToEndAsync(token) : await File.ReadAllTextAsync(path, token);
            JsonElement document;
            try
            {
                using var parsed = JsonDocument.Parse(text);
                document = parsed.RootElement.Clone();
            }
            catch (JsonException e)
            {
                throw new UsageException($"{path} is not JSON: {e.Message}");
            }

            return Shown(screen, await client.Admin.SetPolicyAsync(parse.GetValue(name)!, document, token));
        }, cancel));
        return command;
    }

    private static Command CreateToken(CommandRun run)
    {
        var policies = new Option<string[]>("--policy") { Description = "May be given several times.", Required = true };
        var description = new Option<string>("--description") { DefaultValueFactory = static _ => "" };
        var command = new Command("create-token", """
            Makes a token. Its secret is shown this once.
            Example: verify-ctl acl create-token --policy app --description "the app"
            """) { policies, description };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) =>
            Shown(screen, await client.Admin.CreateTokenAsync(parse.GetValue(policies)!, parse.GetValue(description)!, token)), cancel));
        return command;
    }

    private static Command Simple(CommandRun run, string name, string about, Func<VerifyClient, CancellationToken, Task<JsonElement>> ask)
    {
        var command = new Command(name, about);
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) => Shown(screen, await ask(client, token)), cancel));
        return command;
    }

    private static Command Named(CommandRun run, string name, string about, Func<VerifyClient, string, CancellationToken, Task<JsonElement>> ask)
    {
        var called = new Argument<string>("name");
        var command = new Command(name, about) { called };
        command.SetAction((parse, cancel) => run.AsyncWith(parse, async (client, screen, token) => Shown(screen, await ask(client, parse.GetValue(called)!, token)), cancel));
        return command;
    }

    private static int Shown(Output.Screen screen, JsonElement answer)
    {
        if (screen.IsJson) screen.Json(answer);
        else screen.Fields(answer);
        return ExitCodes.Ok;
    }
}
