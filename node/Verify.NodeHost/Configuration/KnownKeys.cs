namespace Verify.NodeHost.Configuration;

/// <summary>Keys of orchestrator's and freno's configuration that this node understands as words but does not use yet. They are
/// accepted with one warning each, so that an existing file can be taken over; anything else unknown is refused.</summary>
internal static class KnownKeys
{
    /// <summary>orchestrator 3.2.6, go/config/config.go.</summary>
    private const string Orchestrator =
        "AccessTokenExpiryMinutes AccessTokenUseExpirySeconds AgentPollMinutes AgentSSLCAFile AgentSSLCertFile AgentSSLPrivateKeyFile "
        + "AgentSSLSkipVerify AgentSSLValidOUs AgentsServerPort AgentsUseMutualTLS AgentsUseSSL ApplyMySQLPromotionAfterMasterFailover "
        + "AuditLogFile AuditPurgeDays AuditToBackendDB AuditToSyslog AuthUserHeader AuthenticationMethod AutoPseudoGTID BinlogEventsChunkSize "
        + "BufferInstanceWrites ClusterNameToAlias CoMasterRecoveryMustPromoteOtherCoMaster ConsulAclToken "
        + "ConsulAddress ConsulCrossDataCenterDistribution ConsulKVStoreProvider ConsulMaxKVsPerTransaction ConsulScheme DataCenterPattern Debug "
        + "DefaultInstancePort DelayMasterPromotionIfSQLThreadNotUpToDate DetachLostReplicasAfterMasterFailover DetachLostSlavesAfterMasterFailover "
        + "DetectClusterAliasQuery DetectClusterDomainQuery DetectDataCenterQuery DetectInstanceAliasQuery DetectPhysicalEnvironmentQuery "
        + "DetectPromotionRuleQuery DetectPseudoGTIDQuery DetectRegionQuery DetectSemiSyncEnforcedQuery DiscoverByShowSlaveHosts "
        + "DiscoveryCollectionRetentionSeconds DiscoveryIgnoreHostnameFilters DiscoveryIgnoreMasterHostnameFilters "
        + "DiscoveryIgnoreReplicaHostnameFilters DiscoveryMaxConcurrency DiscoveryQueueCapacity DiscoveryQueueMaxStatisticsSize DiscoverySeeds "
        + "EnableSyslog EnforceExactSemiSyncReplicas ExpectFailureAnalysisConcensus ExpiryHostnameResolvesMinutes "
        + "FailureDetectionPeriodBlockMinutes GraphiteAddr GraphiteConvertHostnameDotsToUnderscores GraphitePath "
        + "GraphitePollSeconds HTTPAdvertise HTTPAuthPassword HTTPAuthUser HostnameResolveMethod InstanceBulkOperationsWaitTimeoutSeconds "
        + "InstanceFlushIntervalMilliseconds InstancePoolExpiryMinutes InstanceWriteBufferSize KVClusterMasterPrefix ListenSocket "
        + "MasterFailoverDetachReplicaMasterHost MasterFailoverDetachSlaveMasterHost MasterFailoverLostInstancesDowntimeMinutes "
        + "MaxConcurrentReplicaOperations MySQLConnectTimeoutSeconds MySQLConnectionLifetimeSeconds MySQLDiscoveryReadTimeoutSeconds "
        + "MySQLHostnameResolveMethod MySQLOrchestratorCredentialsConfigFile MySQLOrchestratorDatabase MySQLOrchestratorHost "
        + "MySQLOrchestratorMaxPoolConnections MySQLOrchestratorPassword MySQLOrchestratorPort MySQLOrchestratorReadTimeoutSeconds "
        + "MySQLOrchestratorRejectReadOnly MySQLOrchestratorSSLCAFile MySQLOrchestratorSSLCertFile MySQLOrchestratorSSLPrivateKeyFile "
        + "MySQLOrchestratorSSLSkipVerify MySQLOrchestratorUseMutualTLS MySQLOrchestratorUser MySQLTopologyCredentialsConfigFile "
        + "MySQLTopologyMaxPoolConnections MySQLTopologyReadTimeoutSeconds MySQLTopologySSLCAFile MySQLTopologySSLCertFile "
        + "MySQLTopologySSLPrivateKeyFile MySQLTopologySSLSkipVerify MySQLTopologyUseMixedTLS MySQLTopologyUseMutualTLS OAuthClientId "
        + "OAuthClientSecret OAuthScopes OSCIgnoreHostnameFilters PanicIfDifferentDatabaseDeploy "
        + "PhysicalEnvironmentPattern "
        + "PostTakeMasterProcesses PostponeReplicaRecoveryOnLagMinutes "
        + "PostponeSlaveRecoveryOnLagMinutes PowerAuthGroups PowerAuthUsers "
        + "ProblemIgnoreHostnameFilters "
        + "PseudoGTIDMonotonicHint PseudoGTIDPattern PseudoGTIDPatternIsFixedSubstring ReadOnly "
        + "ReasonableInstanceCheckSeconds ReasonableLockedSemiSyncMasterSeconds "
        + "ReasonableReplicationLagSeconds "
        + "ReduceReplicationAnalysisCount "
        + "RecoverLockedSemiSyncMaster RegionPattern RejectHostnameResolvePattern RemoveTextFromHostnameDisplay ReplicationCredentialsQuery ReplicationLagQuery SQLite3DataFile "
        + "SSLCAFile SSLCertFile SSLPrivateKeyFile SSLSkipVerify SSLValidOUs SeedAcceptableBytesDiff SeedWaitSecondsBeforeSend ServeAgentsHttp "
        + "SkipBinlogEventsContaining SkipBinlogServerUnresolveCheck SkipMaxScaleCheck SkipOrchestratorDatabaseUpdate SlaveLagQuery "
        + "SnapshotTopologiesIntervalHours StaleSeedFailMinutes StatusEndpoint StatusOUVerify SupportFuzzyPoolHostnames TLSCacheTTLFactor "
        + "URLPrefix UnseenAgentForgetHours UnseenInstanceForgetHours UseMutualTLS UseSSL UseSuperReadOnly VerifyReplicationFilters WebMessage ZkAddress";

    /// <summary>freno, pkg/config/config.go.</summary>
    private const string Freno =
        "BackendMySQLCollation";

    public static readonly SortedSet<string> NotUsedYet = new($"{Orchestrator} {Freno}".Split(' '), StringComparer.Ordinal);
}
