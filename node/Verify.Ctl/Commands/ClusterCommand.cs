using System.CommandLine;

namespace Verify.Ctl.Commands;

/// <summary>verify-ctl cluster: ADR-0011's verbs, in its spelling and in Konsul's.</summary>
internal static class ClusterCommand
{
    public static Command Create(CommandRun run) => new("cluster", """
        The group of nodes: who is in it, who leads, how it fares; and changes to it.
        Examples:
          verify-ctl cluster status
          verify-ctl cluster join --address node4:7000 --wait
          verify-ctl cluster leave --node node-3
          verify-ctl cluster export --out backup.ndjson
        """)
    {
        ClusterQuestions.Status(run), ClusterQuestions.Leader(run), ClusterQuestions.Peers(run), ClusterQuestions.Stats(run),
        ClusterQuestions.Health(run), ClusterQuestions.Config(run),
        MemberCommands.Join(run), MemberCommands.Leave(run), MemberCommands.Replace(run), MemberCommands.Transfer(run), MemberCommands.Token(run),
        DataCommands.Snapshot(run), DataCommands.Export(run), DataCommands.Import(run), DataCommands.RotateKey(run),
    };
}
