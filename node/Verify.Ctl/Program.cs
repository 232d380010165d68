using Verify.Ctl;

return await CtlProgram.RunAsync(args, Console.In, Console.Out, Console.Error, Environment.GetEnvironmentVariable, CancellationToken.None);
