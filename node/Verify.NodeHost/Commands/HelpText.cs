namespace Verify.NodeHost.Commands;

/// <summary>What verify-node --help says.</summary>
internal static class HelpText
{
    public const string Page = """
        verify-node: a Raft-replicated key-value store and control plane for MySQL fleets

        Usage:
          verify-node [--config FILE] [--events FILE]       run; without a file the environment says everything
          verify-node config check [--config FILE] [--json] every key, its value, default, range and where it came from
          verify-node tls init --out DIR --names n1,n2,…    an authority and certificates for a trial
          verify-node keys init|rotate|list --key-file FILE keys for log and snapshots at rest
          verify-node --upgrade-check --config FILE         can this program take over that data directory?

        Options:
          --config FILE   The settings (JSON; orchestrator's and freno's keys). Default: the file that VERIFY_CONFIG names.
          --events FILE   Append what the node says of itself, one JSON object a line (for verify-chaos and for post-mortems).
          --check         Read the settings, say what is wrong or unused, and exit.
          --names LIST    Names of certificates; "n1=host+10.0.0.1" lets one speak for more names.
          --days N        How long certificates hold (default 365).
          --json          For programs.
          --version       Print the version.
          --help          This page.

        Settings: file, then KONSUL_… (ADR-0011's names and those of Konsul's code), then VERIFY_… (VERIFY_RAFT_DATA_DIR for
        RaftDataDir); the later wins. "${NAME}" as a value in the file takes it from the environment.

        Exit codes:
          0   stopped on request                  1   --upgrade-check or a check says no
          2   command line or settings are wrong  3   cannot start: data directory, damaged log, address taken, certificates, keys
          4   in no group: not let in within RaftJoinGiveUpSeconds (0: it keeps trying), or taken out of it
          5   the history store stayed away for HistoryStoreGiveUpSeconds (HistoryStoreRequired: false keeps trying)
          70  a broken promise halted it: look at the last line of the log before starting it again

        Examples:
          verify-node --config /etc/verify/node.json
          KONSUL_RAFT_DATA_DIR=/var/lib/verify KONSUL_RAFT_BOOTSTRAP=true verify-node
          verify-node tls init --out tls --names n1=10.0.1.1,n2=10.0.2.1,n3=10.0.3.1
          verify-node keys rotate --key-file /etc/verify/data.keys && kill -HUP $(pidof verify-node)
          verify-node --config node.json; [ $? -eq 4 ] && echo "ask a member for a new join token"
        """;
}
