#Requires -Version 7
<#
.SYNOPSIS
  A thin door to verify-chaos: the same arguments, the same exit code.
.EXAMPLE
  ./run-chaos.ps1 run dc-fencing --world both
.EXAMPLE
  ./run-chaos.ps1 replay artifacts/latest
#>
$ErrorActionPreference = 'Stop'
dotnet run --project (Join-Path $PSScriptRoot 'chaos/Verify.Chaos') -c Release -- @args
exit $LASTEXITCODE
