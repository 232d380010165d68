using System.CommandLine;

namespace Verify.Ctl.Commands;

/// <summary>verify-ctl completion: a script for the shell. It asks the program itself (the suggest directive of System.CommandLine), so
/// that it never falls behind.</summary>
internal static class CompletionCommand
{
    private const string Bash = """
        # verify-ctl completion for bash: eval "$(verify-ctl completion bash)"
        _verify_ctl() {
            local IFS=$'\n'
            COMPREPLY=( $(compgen -W "$(verify-ctl "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}") )
        }
        complete -F _verify_ctl verify-ctl
        """;

    private const string Zsh = """
        # verify-ctl completion for zsh: eval "$(verify-ctl completion zsh)"
        _verify_ctl() {
            local -a words_found
            words_found=("${(@f)$(verify-ctl "[suggest:${#BUFFER}]" "$BUFFER" 2>/dev/null)}")
            compadd -a words_found
        }
        compdef _verify_ctl verify-ctl
        """;

    private const string PowerShell = """
        # verify-ctl completion for PowerShell: verify-ctl completion pwsh | Out-String | Invoke-Expression
        Register-ArgumentCompleter -Native -CommandName verify-ctl -ScriptBlock {
            param($word, $line, $cursor)
            verify-ctl "[suggest:$cursor]" "$line" | Where-Object { $_ -like "$word*" } | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
        }
        """;

    public static Command Create(TextWriter output)
    {
        var shell = new Argument<string>("shell") { Description = "bash, zsh or pwsh." };
        shell.AcceptOnlyFromAmong("bash", "zsh", "pwsh");
        var command = new Command("completion", """
            Prints a script that completes verify-ctl's commands and options in the shell.
            Example: eval "$(verify-ctl completion bash)"
            """) { shell };
        command.SetAction(parse => output.WriteLine(parse.GetValue(shell) switch { "bash" => Bash, "zsh" => Zsh, _ => PowerShell }));
        return command;
    }
}
